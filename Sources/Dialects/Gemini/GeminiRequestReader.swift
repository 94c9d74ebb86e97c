// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

/// Makes a chat request of the members of a body.
enum GeminiRequestReader {
    static func read(
        _ members: [JSONValue.Member], _ address: RequestAddress, origin: Dialect
    ) throws(DialectError) -> ChatRequest {
        var fields = JSONFields(google: members)
        // A count of tokens may be asked of a whole request or of contents alone.
        if !address.asksAnswer, let whole = try fields.googleObject("generateContentRequest") { fields = whole }
        let named = try fields.string("model")
        var model = address.model ?? named ?? ""
        if model.hasPrefix("models/") { model.removeFirst("models/".count) }
        guard !model.isEmpty else { throw .missing("model") }
        try ModelName.check(model)
        var chat = ChatRequest(model: model, messages: [], origin: origin)
        if let value = try fields.value("systemInstruction") {
            do throws(DialectError) {
                chat.messages.append(try GeminiContentReader.system(value))
            } catch {
                throw error.inside("systemInstruction")
            }
        }
        guard let contents = try fields.array("contents") else { throw .missing("contents") }
        guard !contents.isEmpty else { throw .wrongValue("contents", expected: "an array of at least one content") }
        var reader = GeminiContentReader()
        for (number, content) in contents.enumerated() {
            do throws(DialectError) {
                chat.messages += try reader.messages(content)
            } catch {
                throw error.inside("contents[\(number)]")
            }
        }
        chat.tools = try (fields.array("tools") ?? []).mapInside("tools") { (value) throws(DialectError) in
            try GeminiToolReader.tools(value)
        }.flatMap { $0 }
        try GeminiToolReader.readChoice(from: &fields, into: &chat)
        try GeminiConfigReader.read(from: &fields, into: &chat)
        chat.streams = address.streams ?? false
        chat.includesUsage = true
        chat.extras = fields.rest
        return chat
    }
}
