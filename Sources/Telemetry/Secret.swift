// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A credential that does not show itself: printing, interpolating or dumping it gives a fixed text.
package struct Secret: Sendable {
    private let bytes: [UInt8]

    /// Keeps a credential.
    package init(_ text: String) { bytes = Array(text.utf8) }

    /// Whether there is nothing in it.
    package var isEmpty: Bool { bytes.isEmpty }

    /// The credential itself, in clear: only for the header or connection it is meant for.
    package func reveal() -> String { String(decoding: bytes, as: UTF8.self) }

    /// Whether these bytes are the credential, in a time that depends on their number only.
    package func matches(_ candidate: Span<UInt8>) -> Bool {
        var difference = UInt(bitPattern: candidate.count ^ bytes.count)
        guard !bytes.isEmpty else { return difference == 0 }
        var position = 0
        for index in 0..<candidate.count {
            difference |= UInt(candidate[index] ^ bytes[position])
            position += 1
            if position == bytes.count { position = 0 }
        }
        return difference == 0
    }

    /// The first three and last four characters, to recognise a key by; nothing of one shorter than 16 bytes.
    package var masked: String {
        guard bytes.count >= 16, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return description }
        return String(decoding: bytes.prefix(3) + Array("...".utf8) + bytes.suffix(4), as: UTF8.self)
    }
}

extension Secret: Equatable {
    package static func == (left: Secret, right: Secret) -> Bool { left.matches(right.bytes.span) }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Always the same text.
    package var description: String { "[secret]" }
    /// Always the same text.
    package var debugDescription: String { description }
    /// Without children, so that `dump` shows nothing either.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
