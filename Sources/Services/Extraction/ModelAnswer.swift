// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
package import JSON

/// Finds the JSON object in what a model said.
package enum ModelAnswer {
    /// How deep the objects of a result may be nested.
    package static let depthLimit = 32
    /// Places at which an object is tried; each costs at most one look at the rest.
    private static let maxTries = 64

    /// The first JSON object of an answer, which may stand in a Markdown fence or between words.
    ///
    /// Nil when there is none, or when the answer is a list: what its first element says is not what the model meant.
    package static func object(in text: String) -> JSONValue? {
        let bytes = Array(text.utf8)
        var tries = 0
        guard let first = bytes.firstIndex(where: { $0 == ASCII.openBrace || $0 == ASCII.openBracket }) else { return nil }
        if bytes[first] == ASCII.openBracket, case .array(let elements)? = value(in: bytes, at: first),
            elements.contains(where: { $0.members != nil })
        {
            return nil
        }
        for index in first..<bytes.count where bytes[index] == ASCII.openBrace {
            if let value = value(in: bytes, at: index) { return value }
            tries += 1
            if tries == maxTries { return nil }
        }
        return nil
    }

    private static func value(in bytes: [UInt8], at start: Int) -> JSONValue? {
        let span = bytes.span.extracting(start..<bytes.count)
        var tokenizer = JSONTokenizer(depthLimit: depthLimit)
        var budget = 100_000
        guard let token = try? tokenizer.next(in: span) else { return nil }
        return try? JSONValue(token, reading: &tokenizer, in: span, budget: &budget)
    }
}
