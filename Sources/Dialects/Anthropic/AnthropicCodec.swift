// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
internal import JSON

/// Anthropic's Messages.
package struct AnthropicCodec: DialectCodec {
    package init() {}

    package var dialect: Dialect { .anthropic }
    package var framing: StreamFraming { .eventStream }

    package func decodeRequest(
        _ body: Span<UInt8>, _ address: RequestAddress = RequestAddress()
    ) throws(DialectError) -> DecodedRequest {
        let outline = try RequestOutline(body)
        let chat = try AnthropicRequestReader.read(outline.members, asksAnswer: address.asksAnswer)
        return DecodedRequest(chat: chat, outline: outline)
    }

    package func streamEncoder(_ context: AnswerContext) -> any StreamEncoder {
        AnthropicStreamEncoder(context)
    }

    package func writeAnswer(
        _ answer: ChatAccumulator, _ context: AnswerContext, into buffer: inout ByteBuffer
    ) {
        AnthropicAnswerWriter.write(answer, context, into: &buffer)
    }

    package func writeError(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        AnthropicErrorBody.write(failure, requestID: requestID, into: &buffer)
    }

    package func appendFailure(
        _ failure: ChatFailure, requestID: String, sequence _: Int, to buffer: inout ByteBuffer
    ) {
        Self.appendError(failure, requestID: requestID, to: &buffer)
    }

    /// 529, which only Anthropic knows, stays what it is.
    package func status(of failure: ChatFailure) -> Int { failure.status }

    package func encodeRequest(
        _ chat: ChatRequest, _ target: RequestTarget, into buffer: inout ByteBuffer
    ) throws(DialectError) -> [String] {
        var writer = AnthropicRequestWriter(chat, target)
        let members = try writer.members()
        buffer.appendJSON { $0.value(.object(members)) }
        return writer.dropped
    }

    package func streamDecoder() -> any StreamDecoder { AnthropicStreamDecoder() }

    package func decodeWhole(_ body: Span<UInt8>, into event: inout DecodedEvent) throws(MalformedEvent) {
        try AnthropicWholeAnswer.read(body, into: &event)
    }

    package func readError(_ body: Span<UInt8>, status: Int) -> ChatFailure {
        AnthropicErrorBody.read(body, status: status)
    }

    /// Appends the event of a failure, after which a stream has no other.
    static func appendError(_ failure: ChatFailure, requestID: String, to buffer: inout ByteBuffer) {
        buffer.append(literal: "event: error\ndata: ")
        AnthropicErrorBody.write(failure, requestID: requestID, into: &buffer)
        buffer.append(literal: "\n\n")
    }
}
