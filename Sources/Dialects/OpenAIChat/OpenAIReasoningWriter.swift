// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Gathers the reasoning of an assistant's message for one target.
struct OpenAIReasoningWriter {
    private let target: RequestTarget
    private let isOwn: Bool
    private var details: [JSONValue] = []
    /// The reasoning that has no signature, by the member in which it is told.
    private var plain: [(name: String, text: String)] = []

    init(_ target: RequestTarget, isOwn: Bool) {
        self.target = target
        self.isOwn = isOwn
    }

    /// Takes a part; `false` when the target can make nothing of it.
    ///
    /// Signed reasoning goes back to its maker alone, or as it came when nobody put it into a carrier; another's text
    /// goes as plain text where that is taken.
    mutating func append(_ part: ChatPart) -> Bool {
        switch part.kind {
        case .redactedReasoning(let secret):
            guard takes(secret) else { return false }
            addDetail(of: part, type: "reasoning.encrypted", [.init("data", .string(secret.payload))])
        case .reasoning(let text, let signature?) where takes(signature):
            addDetail(
                of: part, type: "reasoning.text",
                [.init("text", .string(text)), .init("signature", .string(signature.payload))])
        case .reasoning(let text, nil) where isOwn && part.member == OpenAIReasoningReader.details:
            let isSummary = part.extras.contains { $0.key == "type" && $0.value.string == "reasoning.summary" }
            addDetail(of: part, type: "reasoning.text", [.init(isSummary ? "summary" : "text", .string(text))])
        case .reasoning(let text, let signature):
            let name = isOwn && signature == nil ? part.member : nil
            guard name != nil || target.quirks.takesReasoningBack else { return false }
            plain.append((name ?? "reasoning_content", text))
        default: return false
        }
        return true
    }

    /// Adds what was taken to the members of the message.
    func add(to object: inout JSONMembers) {
        for name in OpenAIReasoningReader.plainNames {
            let texts = plain.filter { $0.name == name }.map(\.text)
            if !texts.isEmpty { object.add(name, texts.joined(separator: "\n\n")) }
        }
        if !details.isEmpty { object.add(OpenAIReasoningReader.details, .array(details)) }
    }

    private func takes(_ signature: OpaqueSignature) -> Bool {
        signature.maker == target.maker || isOwn && !signature.isCarried
    }

    private mutating func addDetail(of part: ChatPart, type: String, _ members: [JSONValue.Member]) {
        let extras = isOwn ? part.extras.filter { $0.key != ChatPart.memberKey } : []
        var entry = JSONMembers()
        if !extras.contains(where: { $0.key == "type" }) { entry.add("type", type) }
        entry.members += members
        if !extras.contains(where: { $0.key == "index" }) { entry.add(number: "index", String(details.count)) }
        details.append(.object(entry.members + extras))
    }
}
