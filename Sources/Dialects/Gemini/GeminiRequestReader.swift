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
        let named = try fields.string("model")
        var model = address.model ?? named ?? ""
        if model.hasPrefix("models/") { model.removeFirst("models/".count) }
        guard isName(model) else {
            if model.isEmpty { throw .missing("model") }
            throw .wrongValue(
                "model", expected: "a name of 1 to 256 letters, digits and characters of . _ : / @ + -, without //")
        }
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

    /// A name travels into logs, paths and headers, so what cannot be a name is refused.
    private static func isName(_ model: String) -> Bool {
        let isPlain = model.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"),
                UInt8(ascii: "/"), UInt8(ascii: "@"), UInt8(ascii: "+"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        return isPlain && 1...256 ~= model.utf8.count && !model.contains("//")
    }
}
