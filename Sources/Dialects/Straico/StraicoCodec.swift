// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
internal import JSON

/// Straico's API: chat completions without streams and tools, whose answers may stand inside a `data` object.
package struct StraicoCodec: DialectCodec {
    package init() {}

    package var dialect: Dialect { .straico }
    package var framing: StreamFraming { .eventStream }

    package func decodeRequest(
        _ body: Span<UInt8>, _: RequestAddress = RequestAddress()
    ) throws(DialectError) -> DecodedRequest {
        let outline = try RequestOutline(body)
        var chat = try OpenAIRequestReader.read(outline.members)
        chat.origin = .straico
        guard !chat.streams else {
            throw DialectError("There are no streams here.", parameter: "stream", code: "unsupported_parameter")
        }
        guard chat.tools.isEmpty else { throw .unsupported("tools") }
        return DecodedRequest(chat: chat, outline: outline)
    }

    package func streamEncoder(_ context: AnswerContext) -> any StreamEncoder {
        OpenAIChatCodec().streamEncoder(context)
    }

    package func writeAnswer(
        _ answer: ChatAccumulator, _ context: AnswerContext, into buffer: inout ByteBuffer
    ) {
        OpenAIChatCodec().writeAnswer(answer, context, into: &buffer)
    }

    package func writeError(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        OpenAIErrorBody.write(failure, requestID: requestID, into: &buffer)
    }

    package func encodeRequest(
        _ chat: ChatRequest, _ target: RequestTarget, into buffer: inout ByteBuffer
    ) throws(DialectError) -> [String] {
        var writer = StraicoRequestWriter(chat, target)
        let body = JSONValue.object(try writer.members())
        body.write(into: &buffer)
        return writer.dropped
    }

    /// A decoder of chat completion chunks: Straico has no streams, and who puts one in front of it speaks that dialect.
    package func streamDecoder() -> any StreamDecoder { OpenAIChatStreamDecoder() }

    package func decodeWhole(_ body: Span<UInt8>, into event: inout DecodedEvent) throws(MalformedEvent) {
        do {
            try OpenAIChatCodec().decodeWhole(body, into: &event)
            return
        } catch {
            // What is no completion may have one inside.
        }
        let completion = try StraicoAnswer.completion(in: body)
        try OpenAIChatCodec().decodeWhole(completion.bytes, into: &event)
        if !event.hasOwnText {
            event.hasOwnText = true
            event.ownText = completion
        }
        // Ranges of the completion mean nothing in the body.
        event.modelRange = nil
        event.usageMember = nil
        event.repeatedFinishes = []
    }

    package func readError(_ body: Span<UInt8>, status: Int) -> ChatFailure {
        OpenAIErrorBody.read(body, status: status)
    }
}
