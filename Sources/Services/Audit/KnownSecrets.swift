// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
package import Telemetry

/// Credentials that upstream was shown: prepared once, and found in a text whatever they look like, all of them in one go.
package struct KnownSecrets: Sendable {
    /// Shorter than that it is a word, such as `none`, rather than a credential.
    private static let shortest = 8
    /// What agrees in so many bytes is taken for the credential, as far as it goes on to agree.
    private static let compared = 32
    /// How many there may be, and how many of them may begin alike; of a text beside more nothing is shown.
    private static let most = 256
    private static let mostAlike = 16
    /// The credentials by their first eight bytes.
    private var byStart: [UInt64: [[UInt8]]] = [:]
    /// The low five bits of their first bytes, a bit for each.
    private var firstBytes: UInt32 = 0
    private var count = 0
    private var isOverfull = false
    /// About how much memory they take.
    package private(set) var byteCount = 0

    /// Prepares these; those of fewer than eight bytes are passed over.
    package init(_ secrets: [Secret] = []) {
        for secret in secrets {
            let bytes = Array(secret.reveal().utf8)
            add(bytes)
            // As some write it in JSON.
            if bytes.contains(ASCII.slash) { add(bytes.flatMap { $0 == ASCII.slash ? [ASCII.backslash, $0] : [$0] }) }
        }
    }

    private mutating func add(_ secret: [UInt8]) {
        guard secret.count >= KnownSecrets.shortest, !isOverfull else { return }
        let start = KnownSecrets.word(in: secret.span, at: 0)
        guard byStart[start]?.contains(secret) != true else { return }
        byStart[start, default: []].append(secret)
        firstBytes |= 1 << UInt32(secret[0] & 0x1F)
        count += 1
        byteCount += secret.count + 64
        isOverfull = count > KnownSecrets.most || byStart[start, default: []].count > KnownSecrets.mostAlike
    }

    /// The text with all of them taken out, also where it ends inside of one.
    func redacted(_ text: String) -> String {
        guard !isOverfull else { return Redaction.mark }
        guard count > 0 else { return text }
        let bytes = text.utf8.span
        var shown = ByteBuffer()
        var start = 0
        var index = 0
        while index &+ KnownSecrets.shortest <= bytes.count {
            let length = firstBytes & 1 << UInt32(bytes[index] & 0x1F) == 0 ? 0 : match(in: bytes, at: index)
            guard length > 0 else {
                index &+= 1
                continue
            }
            shown.append(bytes, start..<index)
            shown.append(Redaction.mark.utf8.span)
            index &+= length
            start = index
        }
        guard start > 0 else { return text }
        shown.append(bytes, start..<bytes.count)
        return String(decoding: shown.storage, as: UTF8.self)
    }

    /// How many bytes from `index` on are of one of them: of the one that goes on for the longest.
    private func match(in bytes: Span<UInt8>, at index: Int) -> Int {
        var longest = 0
        for secret in byStart[KnownSecrets.word(in: bytes, at: index)] ?? [] {
            let room = min(secret.count, bytes.count &- index)
            var length = min(room, KnownSecrets.compared)
            guard bytes.equals(index..<index &+ length, secret.span.extracting(first: length)) else { continue }
            while length < room, bytes[index &+ length] == secret[length] { length &+= 1 }
            longest = max(longest, length)
        }
        return longest
    }

    private static func word(in bytes: Span<UInt8>, at index: Int) -> UInt64 {
        var word: UInt64 = 0
        for place in index..<index &+ shortest { word = word << 8 | UInt64(bytes[place]) }
        return word
    }
}
