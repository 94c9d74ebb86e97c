// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import HTTPSemantics

/// The one place where credentials are taken out of what is recorded, logged or told.
package enum Redaction {
    /// What stands where a credential was.
    package static let mark = "[redacted]"
    /// Parts of the names of header fields and query parameters whose values are credentials.
    private static let secretNames = ["auth", "key", "token", "secret", "cookie", "passw", "credential", "signature", "session"]
    /// How credentials of the well-known kinds begin.
    private static let secretPrefixes: [[UInt8]] = [
        "sk-", "sk_", "rk-", "pk-", "gsk_", "xai-", "hf_", "r8_", "nvapi-", "AIza", "ya29.", "dop_v1_", "ghp_", "eyJ",
    ].map { Array($0.utf8) }
    /// Shorter than that nothing is a credential: `sk-learn` is none.
    private static let shortest = 12

    /// Header fields as they are recorded, `name: value` a line, at most `limit` bytes.
    package static func headers(_ fields: HTTPFields, limit: Int = 8192) -> String {
        var text = ""
        for field in fields {
            let value = isSecret(name: field.name) ? mark : Redaction.text(String(field.value.prefix(2048)))
            guard text.utf8.count + field.name.utf8.count + value.utf8.count + 3 <= limit else { return text }
            if !text.isEmpty { text += "\n" }
            text += "\(field.name): \(value)"
        }
        return text
    }

    /// A request's target with the values of parameters taken out that are credentials.
    package static func target(_ target: String) -> String {
        guard let mark = target.firstIndex(of: "?") else { return target }
        let pairs = target[target.index(after: mark)...].split(separator: "&", omittingEmptySubsequences: false)
        let shown = pairs.map { pair in
            guard let equals = pair.firstIndex(of: "="), isSecret(name: String(pair[..<equals])) else { return String(pair) }
            return pair[...equals] + Redaction.mark
        }
        return target[...mark] + shown.joined(separator: "&")
    }

    /// Text from outside with all that looks like a credential taken out: what follows `Bearer` or `key=`, and what begins as
    /// the keys of the well-known vendors do.
    package static func text(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var shown: [UInt8] = []
        var start = 0
        var index = 0
        while index < bytes.count {
            guard index == 0 || !isWord(bytes[index - 1]), let secret = secret(in: bytes, at: index) else {
                index += 1
                continue
            }
            shown += bytes[start..<secret.lowerBound]
            shown += Array(mark.utf8)
            start = secret.upperBound
            index = max(secret.upperBound, index + 1)
        }
        guard start > 0 else { return text }
        return String(decoding: shown + bytes[start...], as: UTF8.self)
    }

    /// Whether what bears the name is a credential.
    package static func isSecret(name: String) -> Bool {
        let name = name.lowercased()
        // `max_tokens` counts tokens of another kind.
        return !name.hasSuffix("tokens") && secretNames.contains { name.contains($0) }
    }

    /// The credential that a word which begins at `start` is, or introduces.
    private static func secret(in bytes: [UInt8], at start: Int) -> Range<Int>? {
        for prefix in secretPrefixes where bytes[start...].starts(with: prefix) {
            let end = endOfToken(in: bytes, from: start)
            return end - start >= shortest ? start..<end : nil
        }
        // A scheme of Authorization, then its token.
        for scheme in ["bearer ", "basic "] where begins(bytes, start, scheme) {
            let first = start + scheme.utf8.count
            let end = endOfToken(in: bytes, from: first)
            return end - first >= shortest ? first..<end : nil
        }
        // `name=value`, where the name says what the value is.
        var end = start
        while end < bytes.count, end - start < 64, isWord(bytes[end]) || bytes[end] == 0x2D { end += 1 }
        guard end > start, end < bytes.count, bytes[end] == 0x3D,
            isSecret(name: String(decoding: bytes[start..<end], as: UTF8.self))
        else { return nil }
        let last = endOfToken(in: bytes, from: end + 1)
        return last > end + 1 ? end + 1..<last : nil
    }

    private static func begins(_ bytes: [UInt8], _ start: Int, _ word: String) -> Bool {
        bytes.count - start >= word.utf8.count && zip(bytes[start...], word.utf8).allSatisfy { $0 | 0x20 == $1 }
    }

    private static func endOfToken(in bytes: [UInt8], from start: Int) -> Int {
        var end = start
        // Letters, digits and what base64, JWTs and keys hold besides.
        while end < bytes.count, isWord(bytes[end]) || [0x2D, 0x2E, 0x2B, 0x2F, 0x7E, 0x2A, 0x25].contains(bytes[end]) {
            end += 1
        }
        return end
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }
}
