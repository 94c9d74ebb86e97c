// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

/// Makes parts of what messages say.
struct GeminiPartWriter {
    private let writer: GeminiRequestWriter
    /// Whether the model checks that history's calls are signed.
    private let checksSignatures: Bool
    /// Whether results may hold images.
    private let takesResultParts: Bool

    init(_ writer: GeminiRequestWriter) {
        self.writer = writer
        let isThird = writer.target.model.contains("gemini-3")
        checksSignatures = isThird
        takesResultParts = isThird
    }

    static func text(_ text: String) -> JSONValue { .object([.init("text", .string(text))]) }

    /// Makes parts of a content; an empty text says nothing.
    func values(of content: ChatContent?, isModel: Bool) throws(DialectError) -> [JSONValue] {
        switch content {
        case nil: return []
        case .text(let text): return text.isEmpty ? [] : [Self.text(text)]
        case .parts(let parts):
            var values: [JSONValue] = []
            for (number, part) in parts.enumerated() {
                do throws(DialectError) {
                    try add(part, to: &values, isModel: isModel)
                } catch {
                    throw error.inside("content[\(number)]")
                }
            }
            return values
        }
    }

    private func add(_ part: ChatPart, to values: inout [JSONValue], isModel: Bool) throws(DialectError) {
        var members: [JSONValue.Member]
        switch part.kind {
        case .text(let text), .refusal(let text):
            guard !text.isEmpty else { return }
            members = [.init("text", .string(text))]
        case .reasoning(let text, let signature):
            guard isModel else { return }
            return addReasoning(text, signature, extras: part.extras, to: &values)
        case .redactedReasoning(let signature):
            guard isModel else { return }
            return addReasoning("", signature, extras: part.extras, to: &values)
        case .image(let url, _):
            members = [try media(url, extras: part.extras, guess: Self.imageType(url))]
        case .audio(let base64, let format):
            members = [Self.inline(DataURL(mediaType: "audio/\(format)", base64: base64))]
        case .file(_, let data?, let name):
            var member = try media(data, extras: part.extras, guess: nil)
            if let name, writer.isGoogle, member.key == "inlineData" {
                member.value = .object((member.value.members ?? []) + [.init("displayName", .string(name))])
            }
            members = [member]
        case .file(_, nil, _):
            throw GeminiRequestWriter.unsupported("file", "files are kept by another vendor than the model's")
        case .other(let whole):
            guard writer.isGoogle else {
                throw GeminiRequestWriter.unsupported("type", "it takes no such part")
            }
            values.append(whole)
            return
        }
        if writer.isGoogle { GeminiFields.merge(part.extras, into: &members) }
        values.append(.object(members))
    }

    // MARK: Reasoning

    /// Adds reasoning of the provider's own; a signature without text is put on the text before it.
    private func addReasoning(
        _ text: String, _ signature: OpaqueSignature?, extras: [JSONValue.Member], to values: inout [JSONValue]
    ) {
        let own = signature.flatMap { $0.maker == writer.target.maker ? $0.payload : nil }
        // Thoughts of Gemini's come without a signature, which stands on the next call.
        let isOwn = own != nil || signature == nil && writer.isGoogle && writer.target.maker == GeminiSignature.vendor
        guard isOwn, !text.isEmpty || own != nil else { return }
        if text.isEmpty, let own, var last = values.last?.members, last.first?.key == "text",
            !last.contains(where: { $0.key == "thoughtSignature" })
        {
            last.append(.init("thoughtSignature", .string(own)))
            values[values.count - 1] = .object(last)
            return
        }
        var object = JSONMembers()
        object.add("text", text)
        if !text.isEmpty { object.add("thought", true) }
        object.add("thoughtSignature", own)
        if writer.isGoogle { GeminiFields.merge(extras, into: &object.members) }
        values.append(.object(object.members))
    }

    // MARK: Calls and their results

    /// Makes parts of calls made in one turn.
    func calls(_ calls: [ChatToolCall]) -> [JSONValue] {
        let isSigned = calls.contains { $0.signature?.maker == writer.target.maker }
        return calls.enumerated().map { number, call in
            var inner = JSONMembers()
            inner.add("id", id(call.id))
            inner.add("name", call.name)
            inner.add("args", call.object)
            var members: [JSONValue.Member] = [.init("functionCall", .object(inner.members))]
            if let signature = call.signature, signature.maker == writer.target.maker {
                members.append(.init("thoughtSignature", .string(signature.payload)))
            } else if checksSignatures, !isSigned, number == 0 {
                // Only the first call of a turn is checked.
                members.append(.init("thoughtSignature", .string(GeminiSignature.bypass)))
            }
            if writer.isGoogle { GeminiFields.merge(call.extras, into: &members) }
            return .object(members)
        }
    }

    /// Makes a part of a result, and parts of what stands beside it where results hold nothing but JSON.
    func result(
        _ message: ChatMessage, id: String, name: String
    ) throws(DialectError) -> (result: JSONValue, others: [JSONValue]) {
        var inner = JSONMembers()
        inner.add("id", self.id(id))
        inner.add("name", name)
        inner.add("response", Self.response(message))
        var others: [JSONValue] = []
        if case .parts(let parts)? = message.content {
            let rest = parts.filter { part in
                if case .text = part.kind { false } else { true }
            }
            others = try values(of: .parts(rest), isModel: false)
        }
        if takesResultParts, !others.isEmpty {
            inner.add("parts", .array(others))
            others = []
        }
        var members: [JSONValue.Member] = [.init("functionResponse", .object(inner.members))]
        if writer.isGoogle { GeminiFields.merge(message.extras, into: &members) }
        return (.object(members), others)
    }

    /// The object that a result must be: the object that its text says, else the text as `result`.
    private static func response(_ message: ChatMessage) -> JSONValue {
        let text = message.text
        let value = try? JSONValue(parsing: text.utf8.span, allowsLoneSurrogates: true)
        let object = value?.members == nil ? nil : value
        if message.isError { return .object([.init("error", object ?? .string(text))]) }
        return object ?? .object([.init("result", .string(text))])
    }

    /// An id that the model's vendor gave or takes; `nil` where it gave none, or takes none.
    private func id(_ id: String) -> String? {
        guard !id.isEmpty, !GeminiCallID.isMade(id), !writer.target.quirks.unsupported.contains("functionCall.id")
        else { return nil }
        return id
    }

    // MARK: Media

    private func media(
        _ url: String, extras: [JSONValue.Member], guess: String?
    ) throws(DialectError) -> JSONValue.Member {
        if let data = DataURL(url) { return Self.inline(data) }
        guard writer.target.quirks.takesImageURLs else {
            throw GeminiRequestWriter.unsupported("url", "it takes only the bytes, as a data: URL in base64")
        }
        var file = JSONMembers()
        let isKnown = writer.isGoogle && extras.contains { $0.key == "fileData" }
        if !isKnown { file.add("mimeType", guess) }
        file.add("fileUri", url)
        return .init("fileData", .object(file.members))
    }

    private static func inline(_ data: DataURL) -> JSONValue.Member {
        .init(
            "inlineData",
            .object([.init("mimeType", .string(data.mediaType)), .init("data", .string(data.base64))]))
    }

    /// The type that the ending of an address tells.
    private static func imageType(_ url: String) -> String? {
        let path = url.prefix { $0 != "?" && $0 != "#" }.lowercased()
        for (ending, type) in [
            (".png", "png"), (".jpg", "jpeg"), (".jpeg", "jpeg"), (".webp", "webp"), (".gif", "gif"), (".heic", "heic"),
        ] where path.hasSuffix(ending) {
            return "image/" + type
        }
        return nil
    }
}
