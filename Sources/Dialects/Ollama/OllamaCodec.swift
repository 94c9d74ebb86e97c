// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
internal import JSON

/// Ollama's own chat API (`POST /api/chat`): lines of JSON, tool calls whole and with their arguments as objects.
package struct OllamaCodec: DialectCodec {
    package init() {}

    package var dialect: Dialect { .ollama }
    package var framing: StreamFraming { .lines }

    package func decodeRequest(
        _ body: Span<UInt8>, _: RequestAddress = RequestAddress()
    ) throws(DialectError) -> DecodedRequest {
        let outline = try RequestOutline(body)
        return DecodedRequest(chat: try OllamaRequestReader.read(outline.members), outline: outline)
    }

    package func streamEncoder(_ context: AnswerContext) -> any StreamEncoder { OllamaStreamEncoder(context) }

    package func writeAnswer(
        _ answer: ChatAccumulator, _ context: AnswerContext, into buffer: inout ByteBuffer
    ) {
        OllamaAnswerWriter.write(answer, context, into: &buffer)
    }

    package func writeError(_ failure: ChatFailure, requestID _: String, into buffer: inout ByteBuffer) {
        buffer.appendJSON { json in json.object { json in json.member("error", failure.message) } }
    }

    package func appendFailure(
        _ failure: ChatFailure, requestID: String, sequence _: Int, to buffer: inout ByteBuffer
    ) {
        writeError(failure, requestID: requestID, into: &buffer)
        buffer.append(ASCII.lineFeed)
    }

    package func encodeRequest(
        _ chat: ChatRequest, _ target: RequestTarget, into buffer: inout ByteBuffer
    ) throws(DialectError) -> [String] {
        var writer = OllamaRequestWriter(chat, target)
        let body = JSONValue.object(try writer.members())
        body.write(into: &buffer)
        return writer.dropped
    }

    package func streamDecoder() -> any StreamDecoder { OllamaStreamDecoder() }

    package func decodeWhole(_ body: Span<UInt8>, into event: inout DecodedEvent) throws(MalformedEvent) {
        var decoder = OllamaStreamDecoder(isWhole: true)
        try decoder.decode(body, named: [UInt8]().span, into: &event)
        guard decoder.ending != .empty else { throw MalformedEvent(at: 0) }
    }

    package func readError(_ body: Span<UInt8>, status: Int) -> ChatFailure {
        OpenAIErrorBody.read(body, status: status)
    }
}
