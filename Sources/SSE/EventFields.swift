// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The fields of an event besides its data.
package struct EventFields: Sendable, Equatable {
    /// The event's name; `message` when the stream gave none.
    package var name: String
    /// The last event ID at the time of the event; empty when there was none.
    package var lastEventID: String

    package init(name: String = "message", lastEventID: String = "") {
        self.name = name
        self.lastEventID = lastEventID
    }
}

/// The event names that a stream has used, so that each becomes a `String` only once.
struct EventNames: Sendable {
    /// More names than any dialect sends often; a stream that invents names pays for them itself.
    private static let limit = 32
    private var names: [String] = []

    /// The name that the bytes spell, ill-formed UTF-8 repaired.
    mutating func name(_ bytes: Span<UInt8>) -> String {
        for name in names where bytes.equals(0..<bytes.count, name.utf8.span) { return name }
        let name = String(repairing: bytes)
        if names.count < EventNames.limit, bytes.count <= 64 { names.append(name) }
        return name
    }
}

extension String {
    /// Text from UTF-8 in which ill-formed sequences become U+FFFD.
    init(repairing bytes: Span<UInt8>) {
        if let valid = try? UTF8Span(validating: bytes) {
            self.init(copying: valid)
        } else {
            var buffer = ByteBuffer(capacity: bytes.count)
            buffer.append(bytes)
            self.init(decoding: buffer.storage, as: UTF8.self)
        }
    }
}
