// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
internal import JSON

/// OpenAI's chat completions, as OpenAI and those who imitate it speak it.
package struct OpenAIChatCodec: DialectCodec {
    package init() {}

    package var dialect: Dialect { .openAIChat }
    package var framing: StreamFraming { .eventStream }

    package func decodeRequest(
        _ body: Span<UInt8>, _: RequestAddress = RequestAddress()
    ) throws(DialectError) -> DecodedRequest {
        let outline = try RequestOutline(body, hasStreamOptions: true)
        return DecodedRequest(chat: try OpenAIRequestReader.read(outline.members), outline: outline)
    }

    package func streamEncoder(_ context: AnswerContext) -> any StreamEncoder {
        OpenAIChatStreamEncoder(
            id: "chatcmpl-\(context.seed)", created: context.created, model: context.chat.model,
            wantsUsage: context.chat.includesUsage, maker: context.maker,
            customTools: context.chat.customToolNames)
    }

    package func writeAnswer(
        _ answer: ChatAccumulator, _ context: AnswerContext, into buffer: inout ByteBuffer
    ) {
        OpenAIAnswerWriter.write(answer, context, into: &buffer)
    }

    package func writeError(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        OpenAIErrorBody.write(failure, requestID: requestID, into: &buffer)
    }

    package func encodeRequest(
        _ chat: ChatRequest, _ target: RequestTarget, into buffer: inout ByteBuffer
    ) throws(DialectError) -> [String] {
        var writer = OpenAIRequestWriter(chat, target)
        let body = JSONValue.object(try writer.members())
        body.write(into: &buffer)
        return writer.dropped
    }

    package func streamDecoder() -> any StreamDecoder { OpenAIChatStreamDecoder() }

    package func decodeWhole(_ body: Span<UInt8>, into event: inout DecodedEvent) throws(MalformedEvent) {
        var decoder = OpenAIChatStreamDecoder(isWhole: true)
        try decoder.decode(body, named: [UInt8]().span, into: &event)
        guard decoder.ending != .empty else { throw MalformedEvent(at: 0) }
    }

    package func readError(_ body: Span<UInt8>, status: Int) -> ChatFailure {
        OpenAIErrorBody.read(body, status: status)
    }
}
