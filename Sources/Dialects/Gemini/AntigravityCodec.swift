// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
internal import JSON

/// Google's internal service behind Gemini CLI and Antigravity: Gemini's dialect in an envelope, for models of Google and others.
package struct AntigravityCodec: DialectCodec {
    package init() {}

    package var dialect: Dialect { .antigravity }
    package var framing: StreamFraming { .eventStream }

    package func decodeRequest(
        _ body: Span<UInt8>, _ address: RequestAddress = RequestAddress()
    ) throws(DialectError) -> DecodedRequest {
        let outline = try RequestOutline(body, hasStreamMember: false)
        let (request, model) = try AntigravityEnvelope.open(outline.members)
        var address = address
        address.model = model ?? address.model
        do throws(DialectError) {
            let chat = try GeminiRequestReader.read(request, address, origin: .antigravity)
            return DecodedRequest(chat: chat, outline: outline)
        } catch {
            throw error.parameter == "model" ? error : error.inside("request")
        }
    }

    package func streamEncoder(_ context: AnswerContext) -> any StreamEncoder {
        GeminiStreamEncoder(context, isWrapped: true)
    }

    package func writeAnswer(
        _ answer: ChatAccumulator, _ context: AnswerContext, into buffer: inout ByteBuffer
    ) {
        GeminiAnswerWriter.write(answer, context, isWrapped: true, into: &buffer)
    }

    package func writeError(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        GeminiErrorBody.write(failure, requestID: requestID, into: &buffer)
    }

    package func status(of failure: ChatFailure) -> Int { GeminiErrorBody.status(of: failure) }

    package func encodeRequest(
        _ chat: ChatRequest, _ target: RequestTarget, into buffer: inout ByteBuffer
    ) throws(DialectError) -> [String] {
        let (members, dropped) = try AntigravityRequestWriter.members(of: chat, target)
        JSONValue.object(members).write(into: &buffer)
        return dropped
    }

    package func streamDecoder() -> any StreamDecoder { GeminiStreamDecoder(isWrapped: true) }

    package func decodeWhole(_ body: Span<UInt8>, into event: inout DecodedEvent) throws(MalformedEvent) {
        var decoder = GeminiStreamDecoder(isWrapped: true)
        try decoder.decode(body, named: [UInt8]().span, into: &event)
        guard decoder.ending != .empty, !event.isDone else { throw MalformedEvent(at: 0) }
    }

    package func readError(_ body: Span<UInt8>, status: Int) -> ChatFailure {
        GeminiErrorBody.read(body, status: status)
    }
}
