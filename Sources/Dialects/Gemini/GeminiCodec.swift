// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
internal import JSON

/// Google's Gemini, as the Gemini API and Vertex AI speak it (`generateContent`, `streamGenerateContent`).
package struct GeminiCodec: DialectCodec {
    package init() {}

    package var dialect: Dialect { .gemini }
    package var framing: StreamFraming { .eventStream }

    package func decodeRequest(
        _ body: Span<UInt8>, _ address: RequestAddress = RequestAddress()
    ) throws(DialectError) -> DecodedRequest {
        let outline = try RequestOutline(body, hasStreamMember: false)
        let chat = try GeminiRequestReader.read(outline.members, address, origin: .gemini)
        return DecodedRequest(chat: chat, outline: outline)
    }

    package func streamEncoder(_ context: AnswerContext) -> any StreamEncoder {
        GeminiStreamEncoder(context)
    }

    package func writeAnswer(
        _ answer: ChatAccumulator, _ context: AnswerContext, into buffer: inout ByteBuffer
    ) {
        GeminiAnswerWriter.write(answer, context, isWrapped: false, into: &buffer)
    }

    package func writeError(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        GeminiErrorBody.write(failure, requestID: requestID, into: &buffer)
    }

    package func status(of failure: ChatFailure) -> Int { GeminiErrorBody.status(of: failure) }

    package func encodeRequest(
        _ chat: ChatRequest, _ target: RequestTarget, into buffer: inout ByteBuffer
    ) throws(DialectError) -> [String] {
        var writer = GeminiRequestWriter(chat, target)
        JSONValue.object(try writer.members()).write(into: &buffer)
        return writer.dropped
    }

    package func streamDecoder() -> any StreamDecoder { GeminiStreamDecoder() }

    package func decodeWhole(_ body: Span<UInt8>, into event: inout DecodedEvent) throws(MalformedEvent) {
        var decoder = GeminiStreamDecoder()
        try decoder.decode(body, named: [UInt8]().span, into: &event)
        guard decoder.ending != .empty, !event.isDone else { throw MalformedEvent(at: 0) }
    }

    package func readError(_ body: Span<UInt8>, status: Int) -> ChatFailure {
        GeminiErrorBody.read(body, status: status)
    }
}
