// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

@testable import Dialects

/// A request of the chat dialect, read and written the way a door and a provider do.
struct OpenAIChatRequest {
    let chat: ChatRequest
    private let outline: RequestOutline

    init(decoding body: Span<UInt8>) throws(DialectError) {
        let decoded = try OpenAIChatCodec().decodeRequest(body)
        chat = decoded.chat
        outline = decoded.outline
    }

    static func decode(_ body: Span<UInt8>) throws(DialectError) -> ChatRequest {
        try OpenAIChatRequest(decoding: body).chat
    }

    static func encode(_ chat: ChatRequest, into buffer: inout ByteBuffer) {
        let target = RequestTarget(model: chat.model, streams: chat.streams, maker: "openai")
        _ = try? OpenAIChatCodec().encodeRequest(chat, target, into: &buffer)
    }

    func writePassthrough(_ body: Span<UInt8>, model: String, into buffer: inout ByteBuffer) {
        outline.writePassthrough(body, model: model, streams: chat.streams, into: &buffer)
    }
}
