// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat

package struct StraicoCodec: DialectCodec {
    package init() {}

    package var dialect: Dialect { .straico }
    package var framing: StreamFraming { .eventStream }

    package func decodeRequest(
        _ body: Span<UInt8>, _ address: RequestAddress = RequestAddress()
    ) throws(DialectError) -> DecodedRequest {
        try OpenAIChatCodec().decodeRequest(body, address)
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

    package func appendFailure(
        _ failure: ChatFailure, requestID: String, sequence: Int, to buffer: inout ByteBuffer
    ) {
        OpenAIChatCodec().appendFailure(failure, requestID: requestID, sequence: sequence, to: &buffer)
    }

    package func status(of failure: ChatFailure) -> Int { failure.status }

    package func encodeRequest(
        _ chat: ChatRequest, _ target: RequestTarget, into buffer: inout ByteBuffer
    ) throws(DialectError) -> [String] {
        try OpenAIChatCodec().encodeRequest(chat, target, into: &buffer)
    }

    package func streamDecoder() -> any StreamDecoder { OpenAIChatStreamDecoder() }

    package func decodeWhole(_ body: Span<UInt8>, into event: inout DecodedEvent) throws(MalformedEvent) {
        try OpenAIChatCodec().decodeWhole(body, into: &event)
    }

    package func readError(_ body: Span<UInt8>, status: Int) -> ChatFailure {
        OpenAIErrorBody.read(body, status: status)
    }
}
