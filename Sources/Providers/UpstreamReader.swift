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
        case events
        /// The whole body is collected: an answer in one piece, or an error's text.
        case whole, error
        /// The receiver has had its last call.
        case over
    }

    /// The most of an answer in one piece that is held.
    private static let wholeLimit = 32 << 20
    /// The most of an error's body that is read.
    private static let errorLimit = 64 << 10

    private let provider: String
    private let wantsStream: Bool
    private let receiver: any UpstreamReceiver
    private let scratch: Scratch
    private var mode = Mode.head
    private var head = TransferHead(status: 0)
    private var parser = EventStreamParser()
    private var decoder: OpenAIChatStreamDecoder
    private var collected = ByteBuffer()
    private var assembly: OpenAIChatAssembly?

    /// Storage that all readers of a loop decode into, one at a time.
    final class Scratch {
        var event = DecodedEvent()

        /// Lends the event in place: handed on as a property, it would be copied for each call.
        func lend(_ work: (inout DecodedEvent) -> Void) { work(&event) }
    }

    init(
        provider: String, decoder: OpenAIChatStreamDecoder, wantsStream: Bool, scratch: Scratch,
        _ receiver: any UpstreamReceiver
    ) {
        self.provider = provider
        self.decoder = decoder
        self.wantsStream = wantsStream
        self.scratch = scratch
        self.receiver = receiver
    }

    // MARK: TransferReceiver

    func receive(_ head: TransferHead) {
        self.head = head
        guard head.status >= 400 || head.status == 200 else {
            return fail("upstream_invalid", "it answered with status \(head.status)")
        }
        if let coding = head["content-encoding"], coding.lowercased() != "identity" {
            return fail("upstream_invalid", "it used a content encoding that nobody asked for")
        }
        mode = head.status == 200 ? .sniffing : .error
    }

    func receive(_ chunk: Span<UInt8>) -> Verdict {
        if case .over = mode { return .abort }
        // The gate is tested before the chunk is taken: a paused chunk comes again, whole.
        if receiver.isSaturated { return .pause }
        switch mode {
        case .sniffing: sniff(chunk)
        case .events: feed(chunk)
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
        case .error: finishError()
        case .head: fail(error ?? .invalid)
        case .sniffing:
            if let error { fail(error) } else { fail("upstream_empty", "it answered nothing") }
        case .whole:
            if let error { fail(error) } else { finishWhole() }
        case .events: finishEvents(error)
        }
    }

    // MARK: Events

    private func sniff(_ chunk: Span<UInt8>) {
        var index = 0
        while index < chunk.count, chunk[index] <= 0x20 { index += 1 }
        guard index < chunk.count else { return }
        switch chunk[index] {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            mode = .whole
            collect(chunk, limit: UpstreamReader.wholeLimit)
        case UInt8(ascii: "<"): fail("upstream_invalid", "it answered with a web page")
        default:
            mode = .events
            if !wantsStream { assembly = OpenAIChatAssembly() }
            feed(chunk)
        }
    }

    private func feed(_ chunk: Span<UInt8>) {
        do {
            let sawComment = try parser.feed(chunk) { data, fields in receiveEvent(data, fields) }
            if sawComment, case .events = mode { receiver.receivedComment() }
        } catch {
            fail("upstream_invalid", "a line of its stream had no end")
        }
    }

    private func receiveEvent(_ data: Span<UInt8>, _ fields: EventFields) {
        guard case .events = mode else { return }
        let name = fields.name == "message" ? "" : fields.name
        scratch.lend { event in receiveEvent(data, named: name, into: &event) }
    }

    private func receiveEvent(_ data: Span<UInt8>, named name: String, into event: inout DecodedEvent) {
        do {
            try decoder.decode(data, named: name.utf8.span, into: &event)
        } catch {
            return receiver.receivedMalformedEvent()
        }
        if event.isAfterEnd { return }
        if event.isTerminal { return receiveTerminal(event) }
        if assembly != nil {
            assembly?.append(event, data)
        } else {
            receiver.receive(event, named: name.utf8.span, data)
        }
    }

    private func receiveTerminal(_ event: DecodedEvent) {
        for case .failure(let failure) in event.deltas {
            mode = .over
            return receiver.fail(
                UpstreamFailure(status: failure.status, failure: failure, retryAfter: nil, provider: provider))
        }
        complete()
    }

    private func finishEvents(_ error: TransferError?) {
        if error == nil {
            // The transport vouches for the end: an event that only lacks its blank line counts.
            _ = try? parser.finish(.dispatchCompleteLines) { data, fields in receiveEvent(data, fields) }
            guard case .events = mode else { return }
        }
        switch decoder.ending {
        case .complete where error == nil: complete()
        case .empty where error == nil: complete()
        default: fail(error ?? .truncated)
        }
    }

    private func complete() {
        mode = .over
        guard let assembly else { return receiver.finish() }
        guard let body = assembly.body() else { return receiver.finish() }
        deliver(body)
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
        if taken < chunk.count { finishError() }
    }

    private func finishError() {
        mode = .over
        var body = ByteBuffer()
        swap(&body, &collected)
        let failure = OpenAIErrorBody.read(body.bytes, status: head.status)
        receiver.fail(
            UpstreamFailure(
                status: head.status, failure: failure, retryAfter: head["retry-after"], provider: provider))
    }

    private func finishWhole() {
        mode = .over
        var body = ByteBuffer()
        swap(&body, &collected)
        deliver(body.storage)
    }

    private func deliver(_ body: [UInt8]) {
        var reader = OpenAIChatStreamDecoder(isWhole: true)
        do {
            try reader.decode(body.span, named: [UInt8]().span, into: &scratch.event)
        } catch {
            return fail("upstream_invalid", "its answer was not a chat completion")
        }
        for case .failure(let failure) in scratch.event.deltas {
            return receiver.fail(
                UpstreamFailure(status: failure.status, failure: failure, retryAfter: nil, provider: provider))
        }
        guard reader.ending != .empty else {
            return fail("upstream_empty", "its answer held no choice")
        }
        if wantsStream { replay(body) } else { receiver.receive(whole: body.span, scratch.event) }
    }

    /// Gives a client that wants a stream the answer that came in one piece.
    private func replay(_ body: [UInt8]) {
        let name = [UInt8]()
        for data in OpenAIChatReplay.chunks(of: body.span) {
            guard (try? decoder.decode(data.span, named: name.span, into: &scratch.event)) != nil else { continue }
            if !scratch.event.isTerminal { receiver.receive(scratch.event, named: name.span, data.span) }
        }
        receiver.finish()
    }

    // MARK: Failing

    private func fail(_ error: TransferError) {
        if case .over = mode {} else { mode = .over }
        receiver.fail(UpstreamFailure(error, provider: provider))
    }

    private func fail(_ code: String, _ what: String) {
        mode = .over
        receiver.fail(
            UpstreamFailure(
                .transient,
                ChatFailure(
                    status: 502, message: "The provider '\(provider)' failed: \(what).", type: "upstream_error",
                    code: code)))
    }
}

@available(*, unavailable)
extension UpstreamReader: Sendable {}
