// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
internal import JSON

/// A request for embeddings in OpenAI's form, of which the gateway needs to know the model alone.
package enum EmbeddingsRequest {
    /// Reads a body. Throws an error that names the member at fault.
    package static func decode(_ body: Span<UInt8>) throws(DialectError) -> DecodedRequest {
        let outline = try RequestOutline(body)
        var fields = JSONFields(outline.members)
        let model = try ModelName.read(from: &fields)
        guard let input = try fields.value("input") else { throw .missing("input") }
        guard input.string != nil || input.elements?.isEmpty == false else {
            throw .wrongValue("input", expected: "a string or an array that is not empty")
        }
        let texts = input.string.map { [$0] } ?? (input.elements ?? []).compactMap(\.string)
        let chat = ChatRequest(model: model, messages: texts.map { ChatMessage(role: .user, content: .text($0)) })
        return DecodedRequest(chat: chat, outline: outline)
    }
}

/// A request to count its own tokens, in Anthropic's form or Gemini's.
package enum TokenCountRequest {
    /// Reads a body, which is that of a message without a bound on its answer. Throws an error that names the member at fault.
    package static func decode(
        _ body: Span<UInt8>, _ dialect: Dialect, _ address: RequestAddress
    ) throws(DialectError) -> DecodedRequest {
        var address = address
        address.asksAnswer = false
        var decoded = try dialect.codec.decodeRequest(body, address)
        decoded.chat.streams = false
        return decoded
    }
}
