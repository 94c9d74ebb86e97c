// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import Dialects
internal import HTTPClient
internal import SSE

/// Reads what a provider answers: chunks in, meaning out.
///
/// What the answer is, is judged by its first byte rather than by its content type, which lies often enough: JSON begins with
/// a brace, a web page with `<`, and anything else is read as an event stream.
final class UpstreamReader: TransferReceiver {
    private enum Mode {
        /// Nothing but the head has come.
        case head
        /// The first byte will tell.
        case sniffing
        case events, lines
        /// The whole body is collected: an answer in one piece, or an error's text.
        case whole, error
        /// The receiver has had its last call.
        case over
    }

    /// The most of an answer in one piece that is held.
    private static let wholeLimit = 32 << 20
    /// The most of an error's body that is read.
    private static let errorLimit = 64 << 10

    /// What is expected of an answer.
    struct Expectation {
        /// The provider's name, for errors.
        var provider: String
        /// What it speaks.
        var dialect: Dialect
        /// What it was asked.
        var operation = UpstreamRequest.Operation.chat
        /// Whether the client wants a stream.
        var wantsStream: Bool
        /// Whether the provider was asked for one.
        var asksStream: Bool
        /// Whether an answer of the other form than asked for is taken.
        var allowsFallback: Bool
        /// Whether the provider has refused the other form.
        var isSecondForm = false
        /// The most bytes of one line or event of a stream.
        var maxEvent = EventStreamParser.defaultLimit
    }

    /// Called with what the answer shows about how the model answers.
    var learned: ((StreamMode) -> Void)?
    private let expected: Expectation
    private let receiver: any UpstreamReceiver
    private let scratch: Scratch
    /// Who is shown the answer as it comes.
    private let tap: (any AnswerTap)?
    private var mode = Mode.head
    private var head = TransferHead(status: 0)
    private var parser: EventStreamParser
    private var lines: LineParser
    private var decoder: any StreamDecoder
    private var collected = ByteBuffer()
    /// What the stream has said, when the client wants it in one piece.
    private var assembly: ChatAccumulator?

    /// Storage that all readers of a loop decode into, one at a time.
    final class Scratch {
        var event = DecodedEvent()

        /// Lends the event in place: handed on as a property, it would be copied for each call.
        func lend(_ work: (inout DecodedEvent) -> Void) { work(&event) }
    }

    init(
        _ expected: Expectation, scratch: Scratch, tap: (any AnswerTap)? = nil, _ receiver: any UpstreamReceiver
    ) {
        self.expected = expected
        self.tap = tap
        parser = EventStreamParser(limit: expected.maxEvent)
        lines = LineParser(limit: expected.maxEvent)
        self.scratch = scratch
        self.receiver = receiver
        decoder = expected.dialect.codec.streamDecoder()
    }

    // MARK: TransferReceiver

    func receive(_ head: TransferHead) {
        tap?.receive(head)
        receiver.receive(head)
        self.head = head
        let isAnswer = head.status == 200 || head.status == 201
        guard head.status >= 400 || isAnswer else {
            return fail("upstream_invalid", "it answered with status \(head.status)")
        }
        if let coding = head["content-encoding"], coding.lowercased() != "identity" {
            return fail("upstream_invalid", "it used a content encoding that nobody asked for")
        }
        mode = isAnswer ? .sniffing : .error
    }

    func receive(_ chunk: Span<UInt8>) -> Verdict {
        if case .over = mode { return .abort }
        // The gate is tested before the chunk is taken: a paused chunk comes again, whole.
        if receiver.isSaturated { return .pause }
        // Ahead of the reading, which may end the answer; the client gets it with the flush, which comes after either.
        tap?.receive(chunk)
        switch mode {
        case .sniffing: sniff(chunk)
        case .events: feed(chunk)
        case .lines: feedLines(chunk)
        case .whole: collect(chunk, limit: UpstreamReader.wholeLimit)
        case .error: collectError(chunk)
        case .head, .over: break
        }
        if case .over = mode { return .abort }
        return .proceed
    }

    func receivedBatch() {
        if case .over = mode { return }
        receiver.flush()
    }

    func finish(_ error: TransferError?) {
        switch mode {
        case .over: return
        case .error: finishError(error.map { .failed(code(of: $0)) } ?? .complete)
        case .head: fail(error ?? .invalid)
        case .sniffing:
            if let error { fail(error) } else { fail("upstream_empty", "it answered nothing") }
        case .whole:
            if let error { fail(error) } else { finishWhole() }
        case .events, .lines: finishEvents(error)
        }
    }

    // MARK: Events

    private func sniff(_ chunk: Span<UInt8>) {
        var index = 0
        while index < chunk.count, chunk[index] <= 0x20 { index += 1 }
        guard index < chunk.count else { return }
        switch chunk[index] {
        case UInt8(ascii: "{") where expected.dialect.codec.framing == .lines && expected.asksStream:
            begin(.lines)
            feedLines(chunk)
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            if expected.asksStream {
                guard expected.allowsFallback else {
                    return fail("streaming_unsupported", "it does not stream, and falling back is switched off")
                }
            }
            mode = .whole
            collect(chunk, limit: UpstreamReader.wholeLimit)
        case UInt8(ascii: "<"): fail("upstream_invalid", "it answered with a web page")
        default:
            begin(.events)
            feed(chunk)
        }
    }

    private func begin(_ mode: Mode) {
        self.mode = mode
        if !expected.wantsStream { assembly = ChatAccumulator(limit: UpstreamReader.wholeLimit) }
    }

    private func feed(_ chunk: Span<UInt8>) {
        do {
            let sawComment = try parser.feed(chunk) { data, fields in receiveEvent(data, fields) }
            if sawComment, case .events = mode { receiver.receivedComment() }
        } catch {
            fail("upstream_invalid", "a line of its stream was too long")
        }
    }

    private func feedLines(_ chunk: Span<UInt8>) {
        do {
            try lines.feed(chunk) { line in receiveEvent(line, named: "") }
        } catch {
            fail("upstream_invalid", "a line of its stream was too long")
        }
    }

    private func receiveEvent(_ data: Span<UInt8>, _ fields: EventFields) {
        receiveEvent(data, named: fields.name == "message" ? "" : fields.name)
    }

    private func receiveEvent(_ data: Span<UInt8>, named name: String) {
        switch mode {
        case .events, .lines: break
        default: return
        }
        scratch.lend { event in receiveEvent(data, named: name, into: &event) }
    }

    private func receiveEvent(_ data: Span<UInt8>, named name: String, into event: inout DecodedEvent) {
        do {
            try decoder.decode(data, named: name.utf8.span, into: &event)
        } catch {
            return receiver.receivedMalformedEvent()
        }
        if event.isAfterEnd { return }
        if event.isTerminal { return receiveTerminal(event, data, name) }
        deliver(event, data, name)
    }

    private func deliver(_ event: DecodedEvent, _ data: Span<UInt8>, _ name: String) {
        if assembly != nil {
            assembly?.append(event, of: data)
        } else {
            receiver.receive(event, named: name.utf8.span, data)
        }
    }

    private func receiveTerminal(_ event: DecodedEvent, _ data: Span<UInt8>, _ name: String) {
        for case .failure(let failure) in event.deltas {
            end(.complete)
            return receiver.fail(
                UpstreamFailure(status: failure.status, failure: failure, retryAfter: nil, provider: expected.provider))
        }
        // The last event may say more than that it is the last.
        if !event.isDone { deliver(event, data, name) }
        complete()
    }

    private func finishEvents(_ error: TransferError?) {
        if error == nil {
            // The transport vouches for the end: an event that only lacks its blank line counts, and one that lacks its line end
            // too where the stream is not complete without it; JSON that was cut is none.
            let end: EventStreamEnd = decoder.ending == .complete ? .dispatchCompleteLines : .dispatchEverything
            if case .lines = mode {
                lines.finish { line in receiveEvent(line, named: "") }
            } else {
                _ = try? parser.finish(end) { data, fields in receiveEvent(data, fields) }
            }
            if case .over = mode { return }
        }
        switch decoder.ending {
        case .complete where error == nil: complete()
        case .empty where error == nil: complete()
        default: fail(error ?? .truncated)
        }
    }

    private func complete() {
        // Only an answer shows how the model answers: errors come in any form.
        if decoder.ending != .empty { learned?(expected.asksStream ? .both : .streamOnly) }
        guard let assembly else {
            end(.complete)
            return receiver.finish()
        }
        guard !assembly.isTruncated else { return fail("upstream_invalid", "its answer was too large") }
        guard !assembly.choices.isEmpty else { return fail("upstream_empty", "its answer held no choice") }
        end(.complete)
        receiver.receive(answer: assembly)
    }

    // MARK: Whole bodies

    private func collect(_ chunk: Span<UInt8>, limit: Int) {
        guard collected.count + chunk.count <= limit else {
            return fail("upstream_invalid", "its answer was too large")
        }
        collected.append(chunk)
    }

    private func collectError(_ chunk: Span<UInt8>) {
        let room = UpstreamReader.errorLimit - collected.count
        let taken = min(room, chunk.count)
        collected.append(chunk, 0..<max(0, taken))
        if taken < chunk.count { finishError(.limited) }
    }

    private func finishError(_ end: AnswerEnd) {
        self.end(end)
        var body = ByteBuffer()
        swap(&body, &collected)
        let failure = expected.dialect.codec.readError(body.bytes, status: head.status)
        let isChat = expected.operation == .chat
        let refused =
            isChat && !expected.isSecondForm
            ? StreamRefusal(failure, status: head.status, askedStream: expected.asksStream) : nil
        var told = UpstreamFailure(
            status: head.status, failure: failure, retryAfter: head["retry-after"], provider: expected.provider)
        told.streamRefusal = expected.allowsFallback ? refused : nil
        receiver.fail(told)
    }

    private func finishWhole() {
        end(.complete)
        var body = ByteBuffer()
        swap(&body, &collected)
        deliver(body.storage)
    }

    private func deliver(_ body: [UInt8]) {
        do {
            switch expected.operation {
            case .chat: try expected.dialect.codec.decodeWhole(body.span, into: &scratch.event)
            case .embeddings, .countTokens: try PlainAnswer.read(body.span, into: &scratch.event)
            }
        } catch {
            return fail("upstream_invalid", "its answer was not one of its dialect")
        }
        for case .failure(let failure) in scratch.event.deltas {
            return receiver.fail(
                UpstreamFailure(status: failure.status, failure: failure, retryAfter: nil, provider: expected.provider))
        }
        // Asked for a stream, or for the whole after a stream was refused: both say that it does not stream.
        if expected.asksStream || expected.isSecondForm { learned?(.wholeOnly) }
        receiver.receive(whole: body.span, scratch.event)
    }

    // MARK: Ending

    /// Nothing more is read.
    private func end(_ end: AnswerEnd) {
        mode = .over
        tap?.finish(end)
    }

    private func code(of error: TransferError) -> String {
        UpstreamFailure(error, provider: expected.provider).failure.code ?? "upstream_failed"
    }

    private func fail(_ error: TransferError) {
        end(.failed(code(of: error)))
        receiver.fail(UpstreamFailure(error, provider: expected.provider))
    }

    private func fail(_ code: String, _ what: String) {
        end(.failed(code))
        receiver.fail(
            UpstreamFailure(
                .transient,
                ChatFailure(
                    status: 502, message: "The provider '\(expected.provider)' failed: \(what).", type: "upstream_error",
                    code: code)))
    }
}

@available(*, unavailable)
extension UpstreamReader: Sendable {}
