// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
internal import JSON

/// OpenAI's Responses, as OpenAI and those who imitate it speak it.
package struct ResponsesCodec: DialectCodec {
    package init() {}

    package var dialect: Dialect { .openAIResponses }
    package var framing: StreamFraming { .eventStream }

    package func decodeRequest(
        _ body: Span<UInt8>, _: RequestAddress = RequestAddress()
    ) throws(DialectError) -> DecodedRequest {
        let outline = try RequestOutline(body)
        return DecodedRequest(chat: try ResponsesRequestReader.read(outline.members), outline: outline)
    }

    package func streamEncoder(_ context: AnswerContext) -> any StreamEncoder { ResponsesStreamEncoder(context) }

    package func writeAnswer(
        _ answer: ChatAccumulator, _ context: AnswerContext, into buffer: inout ByteBuffer
    ) {
        ResponsesAnswerWriter.write(answer, context, into: &buffer)
    }

    package func writeError(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        OpenAIErrorBody.write(failure, requestID: requestID, into: &buffer)
    }

    package func appendFailure(
        _ failure: ChatFailure, requestID: String, sequence: Int, to buffer: inout ByteBuffer
    ) {
        ResponsesFailure.appendError(failure, requestID: requestID, sequence: sequence, to: &buffer)
        ResponsesFailure.appendFailed(failure, requestID: requestID, sequence: sequence &+ 1, to: &buffer)
    }

    package func encodeRequest(
        _ chat: ChatRequest, _ target: RequestTarget, into buffer: inout ByteBuffer
    ) throws(DialectError) -> [String] {
        var writer = ResponsesRequestWriter(chat, target)
        let members = try writer.members()
        JSONValue.object(members).write(into: &buffer)
        return writer.dropped
    }

    package func streamDecoder() -> any StreamDecoder { ResponsesStreamDecoder() }

    package func decodeWhole(_ body: Span<UInt8>, into event: inout DecodedEvent) throws(MalformedEvent) {
        try ResponsesStreamDecoder.decodeWhole(body, into: &event)
    }

    package func readError(_ body: Span<UInt8>, status: Int) -> ChatFailure {
        ResponsesFailure.read(body, status: status)
    }
}
