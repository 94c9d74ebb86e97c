// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
package import Chat
package import Dialects
package import HTTPClient
package import Reactor

/// A built-in upstream: answers with plausible tokens at a plausible pace, with no key and no network.
package final class SimulatorTransport: UpstreamTransport {
    /// How a simulated model behaves.
    package struct Pace: Sendable {
        /// Nanoseconds before each token, drawn from this range.
        package var delay: ClosedRange<UInt64> = 10_000_000...30_000_000
        /// How many tokens a story has; `nil` for its own length.
        package var length: Int?
        /// What decides the answers; `nil` for a new one each time.
        package var seed: UInt64?

        package init() {}
    }

    /// The models that can be asked for.
    package static var models: [String] { SimulatorScript.models }

    /// The model that fills a JSON schema with what it finds in a text.
    package static let extractor = "extract"

    /// What has become of the answers.
    package private(set) var open = 0
    package private(set) var completed = 0
    package private(set) var aborted = 0
    private let loop: EventLoop
    private let pace: Pace

    /// A simulator on `loop`.
    package init(_ loop: EventLoop, pace: Pace = Pace()) {
        self.loop = loop
        self.pace = pace
    }

    package func start(_ request: TransferRequest, _ receiver: any TransferReceiver) -> any UpstreamTransfer {
        start(request.body ?? [], .openAIChat, SimulatorTransport.address(of: request.url), receiver)
    }

    /// Where embeddings are asked for.
    package static let embeddingsPath = "/v1/embeddings"

    /// What the simulator's own URLs say: only that of the embeddings wants no answer of a chat.
    private static func address(of url: String) -> RequestAddress {
        var address = RequestAddress()
        address.asksAnswer = url != embeddingsPath
        return address
    }

    /// Answers a request of any dialect, or, when `address` says that it asks no answer, one for embeddings.
    ///
    /// With `tellsUsage` a stream tells its usage even when nobody asked.
    package func start(
        _ body: [UInt8], _ dialect: Dialect, _ address: RequestAddress, tellsUsage: Bool = false,
        _ receiver: any TransferReceiver
    ) -> any UpstreamTransfer {
        open += 1
        return SimulatedTransfer(body, dialect, address, tellsUsage: tellsUsage, receiver, self, loop, pace)
    }

    fileprivate func ended(completed isComplete: Bool) {
        open -= 1
        if isComplete { completed += 1 } else { aborted += 1 }
    }
}

/// One simulated answer, told by a timer.
private final class SimulatedTransfer: UpstreamTransfer {
    private var receiver: (any TransferReceiver)?
    private let simulator: SimulatorTransport
    private let loop: EventLoop
    private let pace: SimulatorTransport.Pace
    private var generator: SeededGenerator
    private var script: SimulatorScript?
    private let dialect: Dialect
    private var renderer: SimulatorRenderer?
    private var streams = false
    private var choices = 1
    private var position = 0
    private var timer: LoopTimer?
    private var isPaused = false
    private var isOver = false
    /// What the receiver has not taken yet.
    private var waiting = ByteBuffer()
    private var endsAfterWaiting = false

    init(
        _ body: [UInt8], _ dialect: Dialect, _ address: RequestAddress, tellsUsage: Bool,
        _ receiver: any TransferReceiver, _ simulator: SimulatorTransport, _ loop: EventLoop,
        _ pace: SimulatorTransport.Pace
    ) {
        self.dialect = dialect
        self.receiver = receiver
        self.simulator = simulator
        self.loop = loop
        self.pace = pace
        generator = SeededGenerator(seed: pace.seed ?? UInt64.random(in: 0 ... .max))
        timer = LoopTimer(loop) { [unowned self] in self.advance() }
        loop.deferred { [self] in begin(body, address, tellsUsage: tellsUsage) }
    }

    func resume() {
        guard isPaused, !isOver else { return }
        loop.deferred { [self] in
            guard isPaused, !isOver else { return }
            isPaused = false
            deliver()
            if !isPaused, !isOver { schedule() }
        }
    }

    func cancel() { end(completed: false) }

    func release() { end(completed: true) }

    private func begin(_ body: [UInt8], _ address: RequestAddress, tellsUsage: Bool) {
        guard !isOver else { return }
        var chat: ChatRequest
        do {
            guard address.asksAnswer else {
                try SimulatedEmbeddings.answer(body.span, into: &waiting)
                return tell(TransferHead(status: 200, fields: [("content-type", "application/json")]))
            }
            chat = try dialect.codec.decodeRequest(body.span, address).chat
        } catch {
            return refuse(
                ChatFailure(
                    status: 400, message: error.message, type: "invalid_request_error", code: error.code,
                    parameter: error.parameter))
        }
        if tellsUsage { chat.includesUsage = true }
        streams = chat.streams
        choices = min(chat.choiceCount ?? 1, 8)
        renderer = SimulatorRenderer(
            dialect,
            AnswerContext(
                chat: chat, seed: generator.hexadecimal() + generator.hexadecimal(), created: wallClockSeconds(),
                maker: dialect.maker))
        guard let script = SimulatorScript(chat, model: chat.model, length: pace.length, generator: &generator) else {
            return refuse(
                ChatFailure(
                    status: 404, message: "The simulator has no model '\(chat.model)'.",
                    type: "invalid_request_error", code: "model_not_found", parameter: "model"))
        }
        self.script = script
        switch script.opening {
        case .silence: return
        case .error(let failure): return refuse(failure)
        case .answer: break
        }
        guard streams else {
            // Whole answers take the time that their tokens would.
            var total: UInt64 = 0
            for _ in script.steps { total &+= delay() }
            timer?.schedule(after: total)
            return
        }
        let type = dialect.codec.framing == .lines ? "application/x-ndjson" : "text/event-stream"
        receiver?.receive(TransferHead(status: 200, fields: [("content-type", type)]))
        guard !isOver else { return }
        renderer?.opening(choices: choices, into: &waiting)
        deliver()
        if !isPaused, !isOver { schedule() }
    }

    private func advance() {
        guard !isOver, !isPaused, let script else { return }
        guard streams else { return tellWhole(script) }
        if position < script.steps.count {
            let step = script.steps[position]
            position += 1
            switch step {
            case .silence: return
            case .cut: return finish(.truncated)
            case .failure: endsAfterWaiting = true
            case .text, .reasoning, .signature, .toolCall, .toolArguments, .malformed: break
            }
            renderer?.step(step, choices: choices, into: &waiting)
        } else {
            renderer?.ending(script, choices: choices, into: &waiting)
            endsAfterWaiting = true
        }
        deliver()
        if !isPaused, !isOver { schedule() }
    }

    private func tellWhole(_ script: SimulatorScript) {
        if script.steps.contains(.cut) { return finish(.truncated) }
        if script.steps.contains(.silence) { return }
        for case .failure(let message) in script.steps {
            return refuse(ChatFailure(status: 503, message: message, type: "server_error", code: "overloaded"))
        }
        receiver?.receive(TransferHead(status: 200, fields: [("content-type", "application/json")]))
        guard !isOver else { return }
        renderer?.whole(script, choices: choices, into: &waiting)
        endsAfterWaiting = true
        deliver()
    }

    private func refuse(_ failure: ChatFailure) {
        var fields = [(name: "content-type", value: "application/json")]
        if let seconds = failure.retryAfter { fields.append(("retry-after", String(seconds))) }
        dialect.codec.writeError(failure, requestID: "", into: &waiting)
        tell(TransferHead(status: dialect.codec.status(of: failure), fields: fields))
    }

    /// Answers at once with a head and what waits.
    private func tell(_ head: TransferHead) {
        receiver?.receive(head)
        guard !isOver else { return }
        endsAfterWaiting = true
        deliver()
    }

    /// Hands over what waits, as one chunk, unless the receiver wants a pause.
    private func deliver() {
        guard let receiver, !waiting.isEmpty else { return }
        var chunk = ByteBuffer()
        swap(&chunk, &waiting)
        switch receiver.receive(chunk.bytes) {
        case .proceed:
            receiver.receivedBatch()
            if endsAfterWaiting { finish(nil) }
        case .pause:
            isPaused = true
            waiting = chunk
        case .abort: end(completed: false)
        }
    }

    private func schedule() { timer?.schedule(after: delay()) }

    private func delay() -> UInt64 { UInt64.random(in: pace.delay, using: &generator) }

    private func finish(_ error: TransferError?) {
        guard !isOver else { return }
        let receiver = self.receiver
        end(completed: error == nil)
        receiver?.finish(error)
    }

    private func end(completed: Bool) {
        guard !isOver else { return }
        isOver = true
        receiver = nil
        timer = nil
        simulator.ended(completed: completed)
    }
}

@available(*, unavailable)
extension SimulatorTransport: Sendable {}
