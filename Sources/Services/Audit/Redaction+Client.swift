// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import HTTPSemantics
internal import Telemetry

/// What a client shows of its own.
extension Redaction {
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
