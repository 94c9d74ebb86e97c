// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
package import HTTPSemantics

/// The one place where credentials are taken out of what is recorded, logged or told.
package enum Redaction {
    /// What stands where a credential was.
    package static let mark = "[redacted]"
    /// Parts of the names of header fields and query parameters whose values are credentials.
    private static let secretNames: [StaticString] = [
        "auth", "key", "token", "secret", "cookie", "passw", "pwd", "credential", "signature", "session", "jwt", "csrf",
        "xsrf",
    ]
    /// Whole names of the same kind, which as parts would be found in too many words.
    private static let secretWords: Set<String> = ["sig", "pass", "sas", "code"]
    /// How credentials of the well-known kinds begin.
    private static let secretPrefixes: [StaticString] = [
        "sk-", "sk_", "rk-", "pk-", "gsk_", "xai-", "hf_", "r8_", "nvapi-", "AIza", "ya29.", "dop_v1_", "ghp_", "eyJ",
    ]
    /// What begins like one of those names and is none: a person, and all that counts tokens of another kind.
    private static let innocentWords: [StaticString] = [
        "author", "tokens", "tokeniz", "token_limit", "token_count", "token_type", "token_usage",
    ]
    /// Schemes of Authorization, which a token follows.
    private static let schemes: [StaticString] = ["bearer ", "basic "]
    /// The letters that names begin with, and those that prefixes and schemes do: of the many words of a head, few begin so.
    private static let firstOfNames = letters(secretNames)
    private static let firstOfSecrets = letters(secretPrefixes + schemes)
    /// Shorter than that nothing is a credential: `sk-learn` is none.
    private static let shortest = 12

    /// Header fields as they are recorded, `name: value` a line, at most `limit` bytes, with `secrets` taken out whatever they look
    /// like.
    package static func headers(_ fields: HTTPFields, without secrets: KnownSecrets = .init(), limit: Int = 8192) -> String {
        headers(fields.lazy.map { (name: $0.name, value: $0.value) }, without: secrets, limit: limit)
    }

    /// The same for fields in another shape.
    package static func headers(
        _ fields: some Sequence<(name: String, value: String)>, without secrets: KnownSecrets = .init(),
        limit: Int = 8192
    ) -> String {
        var text = ""
        for field in fields {
            let shown = String(field.value.prefix(2048))
            let isCut = shown.utf8.count < field.value.utf8.count
            let value = isSecret(name: field.name) ? mark : Redaction.text(shown, without: secrets, isCut: isCut)
            guard text.utf8.count + field.name.utf8.count + value.utf8.count + 3 <= limit else { return text }
            if !text.isEmpty { text += "\n" }
            text += "\(field.name): \(value)"
        }
        return text
    }

    /// A request's target with the values of parameters taken out that are credentials, and what looks like one anywhere in it.
    package static func target(_ target: String) -> String {
        guard let mark = target.firstIndex(of: "?") else { return text(target) }
        let shown = parameters(of: target).map { $0.name + ($0.isSecret ? Redaction.mark : text(String($0.value))) }
        return text(String(target[..<mark])) + "?" + shown.joined(separator: "&")
    }

    /// The parameters of a target's query, in order; a name with its `=`.
    static func parameters(of target: String) -> [(name: Substring, value: Substring, isSecret: Bool)] {
        guard let mark = target.firstIndex(of: "?") else { return [] }
        let pairs = target[target.index(after: mark)...].split(separator: "&", omittingEmptySubsequences: false)
        return pairs.map { pair in
            guard let equals = pair.firstIndex(of: "=") else { return (pair, "", false) }
            // A name that cannot be read may be any.
            let name = PercentEncoding.decode(pair[..<equals], plusIsSpace: true)
            return (pair[...equals], pair[equals...].dropFirst(), name.map { isSecret(name: $0) } ?? true)
        }
    }

    /// Text from outside with all that looks like a credential taken out: what follows `Bearer` or `key=`, and what begins as
    /// the keys of the well-known vendors do.
    ///
    /// - Parameters:
    ///   - secrets: Credentials that are taken out whatever they look like, from 8 bytes on.
    ///   - isCut: Whether the text may end inside of a word, which is left out then: it may be the beginning of a credential.
    package static func text(_ text: String, without secrets: KnownSecrets = .init(), isCut: Bool = false) -> String {
        let text = secrets.redacted(text)
        return withoutUserinfo(patterns(isCut ? withoutLastWord(text) : text))
    }

    /// Takes out what stands before the host of an address, as in `https://user:password@host`.
    private static func withoutUserinfo(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "@")) else { return text }
        let bytes = text.utf8.span
        var shown = ByteBuffer()
        var start = 0
        var index = 3
        while index < bytes.count {
            guard bytes[index - 1] == ASCII.slash, bytes[index - 2] == ASCII.slash, bytes[index - 3] == ASCII.colon else {
                index += 1
                continue
            }
            var (end, last) = (index, index)
            while end < bytes.count, endsAuthority(bytes[end]) == false {
                if bytes[end] == UInt8(ascii: "@") { last = end }
                end += 1
            }
            if last > index {
                shown.append(bytes, start..<index)
                shown.append(mark.utf8.span)
                start = last
            }
            index = end + 1
        }
        guard start > 0 else { return text }
        shown.append(bytes, start..<bytes.count)
        return String(decoding: shown.storage, as: UTF8.self)
    }

    private static func endsAuthority(_ byte: UInt8) -> Bool {
        switch byte {
        case ...ASCII.space, ASCII.slash, ASCII.quote, UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "'"), UInt8(ascii: "<"),
            UInt8(ascii: ">"):
            true
        default: false
        }
    }

    private static func withoutLastWord(_ text: String) -> String {
        let ends = text.utf8.lastIndex { byte in
            switch byte {
            case ...ASCII.space, ASCII.quote, UInt8(ascii: "'"), UInt8(ascii: "`"), UInt8(ascii: "<"), UInt8(ascii: ">"): true
            default: false
            }
        }
        return ends.map { String(text[...$0]) } ?? ""
    }

    private static func patterns(_ text: String) -> String {
        let bytes = text.utf8.span
        let hasAssignments = text.utf8.contains { $0 == equals || $0 == ASCII.colon }
        var shown = ByteBuffer()
        var start = 0
        var index = 0
        while index < bytes.count {
            let beginsWord = index == 0 || !isWord(bytes[index - 1])
            guard beginsWord, hasAssignments || isOne(bytes[index], of: firstOfSecrets), let secret = secret(in: bytes, at: index)
            else {
                index += 1
                continue
            }
            shown.append(bytes, start..<secret.lowerBound)
            shown.append(mark.utf8.span)
            start = secret.upperBound
            index = max(secret.upperBound, index + 1)
        }
        guard start > 0 else { return text }
        shown.append(bytes, start..<bytes.count)
        return String(decoding: shown.storage, as: UTF8.self)
    }

    /// Whether what bears the name is a credential.
    package static func isSecret(name: String) -> Bool {
        if name.utf8.count <= 4, secretWords.contains(name.lowercased()) { return true }
        let bytes = name.utf8.span
        return isSecret(bytes, 0..<bytes.count)
    }

    private static func isSecret(_ bytes: Span<UInt8>, _ name: Range<Int>) -> Bool {
        for start in name where isOne(bytes[start], of: firstOfNames) {
            if innocentWords.contains(where: { begins(bytes, start, in: name, $0) }),
                !begins(bytes, start, in: name, "authoriz")
            {
                continue
            }
            if secretNames.contains(where: { begins(bytes, start, in: name, $0) }) { return true }
        }
        return false
    }

    /// The credential that a word which begins at `start` is, or introduces.
    private static func secret(in bytes: Span<UInt8>, at start: Int) -> Range<Int>? {
        let value = assigned(in: bytes, at: start)
        guard isOne(bytes[start], of: firstOfSecrets) else { return value }
        let rest = bytes.extracting(start..<bytes.count)
        if secretPrefixes.contains(where: { rest.starts(with: $0.bytes) }) {
            let end = endOfToken(in: bytes, from: start)
            // What looks like a key may be the name of a value: then both go.
            if end - start >= shortest { return start..<max(end, value?.upperBound ?? end) }
        }
        if let value { return value }
        for scheme in schemes where begins(bytes, start, in: 0..<bytes.count, scheme) {
            let first = start + scheme.utf8CodeUnitCount
            let end = endOfToken(in: bytes, from: first)
            if end - first >= shortest { return first..<end }
        }
        return nil
    }

    /// The value behind a name that says that it is a credential: `name=value`, `name="value"`, `"name": "value"`; and
    /// `name: value` or `name: "value"` where it looks like one, as prose has colons too ("token: the", "unknown key: 'top'").
    private static func assigned(in bytes: Span<UInt8>, at start: Int) -> Range<Int>? {
        var end = start
        while end < bytes.count, end - start < 64, isWord(bytes[end]) || bytes[end] == ASCII.minus { end += 1 }
        var index = end
        let isQuotedName = skipQuote(in: bytes, &index)
        skipSpaces(in: bytes, &index)
        guard end > start, index < bytes.count, bytes[index] == equals || bytes[index] == ASCII.colon,
            isSecret(bytes, start..<end)
        else { return nil }
        let isEquals = bytes[index] == equals
        let isClose = index == end
        index += 1
        let behind = index
        skipSpaces(in: bytes, &index)
        let hasSpace = index > behind || !isClose
        let isQuoted = skipQuote(in: bytes, &index)
        guard let last = isQuoted ? endOfQuoted(in: bytes, from: index) : endOfToken(in: bytes, from: index), last > index
        else { return nil }
        let isSure = isQuoted ? isEquals || isQuotedName : isEquals && !hasSpace
        return isSure || looksLikeKey(bytes.extracting(index..<last)) ? index..<last : nil
    }

    private static func skipSpaces(in bytes: Span<UInt8>, _ index: inout Int) {
        while index < bytes.count, bytes[index] == ASCII.space { index += 1 }
    }

    /// Goes past a quotation mark, which may be escaped, as it is in JSON that is quoted in JSON; false where there is none.
    private static func skipQuote(in bytes: Span<UInt8>, _ index: inout Int) -> Bool {
        var next = index
        while next < bytes.count, bytes[next] == ASCII.backslash { next += 1 }
        guard next < bytes.count, isQuote(bytes[next]) else { return false }
        index = next + 1
        return true
    }

    /// The end of what is quoted; `nil` when it holds spaces, as no credential does, or has no end.
    private static func endOfQuoted(in bytes: Span<UInt8>, from start: Int) -> Int? {
        var end = start
        while end < bytes.count, bytes[end] > ASCII.space, !isQuote(bytes[end]), bytes[end] != ASCII.backslash { end += 1 }
        return end < bytes.count && bytes[end] > ASCII.space ? end : nil
    }

    private static func isQuote(_ byte: UInt8) -> Bool { byte == ASCII.quote || byte == UInt8(ascii: "'") }

    /// Whether it has the length of a key, and digits among letters.
    private static func looksLikeKey(_ bytes: Span<UInt8>) -> Bool {
        var (digits, others) = (0, 0)
        for index in 0..<bytes.count {
            if (0x30...0x39).contains(bytes[index]) { digits += 1 } else if isWord(bytes[index]) { others += 1 }
        }
        return bytes.count >= 16 && digits > 0 && others > 0
    }

    /// Whether a word, in letters of any case, stands at `start` within a range of the bytes.
    private static func begins(_ bytes: Span<UInt8>, _ start: Int, in range: Range<Int>, _ word: StaticString) -> Bool {
        let word = word.bytes
        guard start >= range.lowerBound, range.upperBound - start >= word.count else { return false }
        for index in 0..<word.count where bytes[start + index] | 0x20 != word[index] | 0x20 { return false }
        return true
    }

    private static let equals = UInt8(ascii: "=")

    /// The letters that words begin with, whatever their case: a bit for each.
    private static func letters(_ words: [StaticString]) -> UInt32 {
        words.reduce(0) { $0 | 1 << UInt32($1.bytes[0] & 0x1F) }
    }

    /// Whether a byte may be one of some letters; a few other bytes pass too.
    private static func isOne(_ byte: UInt8, of letters: UInt32) -> Bool {
        letters & 1 << UInt32(byte & 0x1F) != 0
    }

    private static func endOfToken(in bytes: Span<UInt8>, from start: Int) -> Int {
        var end = start
        while end < bytes.count, isWord(bytes[end]) || isOfTokens(bytes[end]) { end += 1 }
        return end
    }

    /// What base64, JWTs and keys hold beside letters and digits.
    private static func isOfTokens(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "~"), UInt8(ascii: "*"),
            UInt8(ascii: "%"):
            true
        default: false
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }
}
