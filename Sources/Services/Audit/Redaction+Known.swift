// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import HTTPSemantics
internal import Telemetry

/// Credentials that are known, as upstream was shown them: found whatever they look like.
extension Redaction {
    /// Shorter than that it is a word, such as `none`, rather than a credential.
    private static let shortestKnown = 8

    /// Text with the bytes of all these credentials taken out, also where the text ends inside of one.
    static func exact(_ text: String, _ secrets: [Secret]) -> String {
        // The longest first: one may be the beginning of another.
        let known = secrets.map { Array($0.reveal().utf8) }.filter { $0.count >= shortestKnown }.sorted { $0.count > $1.count }
        return known.reduce(text) { exact($0, $1.span) }
    }

    private static func exact(_ text: String, _ secret: Span<UInt8>) -> String {
        let bytes = text.utf8.span
        var shown = ByteBuffer()
        var start = 0
        var index = 0
        while index &+ shortestKnown <= bytes.count {
            let length = min(secret.count, bytes.count &- index)
            guard bytes[index] == secret[0], bytes.equals(index..<index &+ length, secret.extracting(first: length)) else {
                index &+= 1
                continue
            }
            shown.append(bytes, start..<index)
            shown.append(mark.utf8.span)
            index &+= length
            start = index
        }
        guard start > 0 else { return text }
        shown.append(bytes, start..<bytes.count)
        return String(decoding: shown.storage, as: UTF8.self)
    }

    /// What a client shows of its own in a request that is handed on: the words of the fields, and the values of the parameters,
    /// whose names speak of credentials.
    static func credentials(in fields: HTTPFields, target: String) -> [Secret] {
        let ends: Set<Character> = [" ", "\t", ",", ";", "\""]
        var found: [Substring] = []
        for field in fields where isSecret(name: field.name) {
            for word in field.value.split(whereSeparator: { ends.contains($0) }) {
                found.append(word)
                // A cookie's value stands behind its name.
                if let equals = word.firstIndex(of: "=") { found.append(word[word.index(after: equals)...]) }
            }
        }
        for pair in parameters(of: target) where pair.isSecret { found.append(pair.value) }
        return found.map { Secret(String($0)) }
    }
}
