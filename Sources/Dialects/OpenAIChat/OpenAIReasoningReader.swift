// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Reads the reasoning that a client sends back with an assistant's message.
///
/// Those who know OpenRouter's form send `reasoning_details`, which alone holds signatures; others `reasoning_content` or
/// `reasoning`. Where several say the same, the first of these is read, and the others stay what they are.
enum OpenAIReasoningReader {
    /// The name of the member with signatures.
    static let details = "reasoning_details"
    /// The names of the members with plain text, in the order of preference.
    static let plainNames = ["reasoning_content", "reasoning"]

    static func parts(from fields: inout JSONFields) throws(DialectError) -> [ChatPart] {
        let plain = try plainText(from: &fields)
        guard let entries = try fields.array(details) else {
            return plain.map { [.member($0.name, .reasoning(text: $0.text, signature: nil))] } ?? []
        }
        var parts: [ChatPart] = []
        var lastIndex: Int?
        for entry in entries {
            guard let members = entry.members else { throw .wrongType(details, expected: "an array of objects") }
            append(entry, members, after: lastIndex, to: &parts)
            lastIndex = entry["index"]?.integer
        }
        if let plain {
            if let place = parts.firstIndex(where: isSignedAlone) {
                // The text of an entry that holds a signature alone is what was told beside it.
                if case .reasoning(_, let signature) = parts[place].kind {
                    parts[place].kind = .reasoning(text: plain.text, signature: signature)
                }
            } else if parts.isEmpty {
                return [.member(plain.name, .reasoning(text: plain.text, signature: nil))]
            } else {
                fields.putBack(plain.name, .string(plain.text))
            }
        }
        return parts
    }

    private static func plainText(
        from fields: inout JSONFields
    ) throws(DialectError) -> (name: String, text: String)? {
        for name in plainNames {
            // Some vendors have an object of settings by that name.
            guard let value = try fields.value(name) else { continue }
            if let text = value.string {
                if !text.isEmpty { return (name, text) }
            } else {
                fields.putBack(name, value)
            }
        }
        return nil
    }

    /// Whether a part is a signature of reasoning that stands elsewhere, the only one of its message.
    private static func isSignedAlone(_ part: ChatPart) -> Bool {
        if case .reasoning("", .some) = part.kind { true } else { false }
    }

    /// Adds an entry, or joins it with the one before: a client may send the pieces of a stream as they came.
    private static func append(
        _ entry: JSONValue, _ members: [JSONValue.Member], after lastIndex: Int?, to parts: inout [ChatPart]
    ) {
        if let secret = entry["data"]?.string, !secret.isEmpty {
            var part = ChatPart.member(details, .redactedReasoning(signature(secret)))
            part.extras += members.filter { $0.key != "data" }
            parts.append(part)
            return
        }
        let text = entry["text"]?.string ?? entry["summary"]?.string ?? ""
        let signed = entry["signature"]?.string.flatMap { $0.isEmpty ? nil : signature($0) }
        if let index = entry["index"]?.integer, index == lastIndex, let last = parts.last,
            case .reasoning(let before, nil) = last.kind
        {
            parts[parts.count - 1].kind = .reasoning(text: before + text, signature: signed)
            return
        }
        guard !text.isEmpty || signed != nil else { return }
        var part = ChatPart.member(details, .reasoning(text: text, signature: signed))
        part.extras += members.filter { !["text", "summary", "signature"].contains($0.key) }
        parts.append(part)
    }

    private static func signature(_ text: String) -> OpaqueSignature {
        OpaqueSignature(reading: text, fallback: "openai")
    }
}
