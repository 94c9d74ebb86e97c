// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import Dialects
package import HTTPClient
internal import JSON
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
        open += 1
        return SimulatedTransfer(request.body ?? [], receiver, self, loop, pace)
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
    private var renderer = SimulatorRenderer(id: "", created: 0, model: "")
    private var streams = false
    private var wantsUsage = false
    private var position = 0
    private var timer: LoopTimer?
    private var isPaused = false
    private var isOver = false
    /// What the receiver has not taken yet.
    private var waiting = ByteBuffer()
    private var endsAfterWaiting = false

    init(
        _ body: [UInt8], _ receiver: any TransferReceiver, _ simulator: SimulatorTransport, _ loop: EventLoop,
        _ pace: SimulatorTransport.Pace
    ) {
        self.receiver = receiver
        self.simulator = simulator
        self.loop = loop
        self.pace = pace
        generator = SeededGenerator(seed: pace.seed ?? UInt64.random(in: 0 ... .max))
        timer = LoopTimer(loop) { [unowned self] in self.advance() }
        loop.deferred { [self] in begin(body) }
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

    private func begin(_ body: [UInt8]) {
        guard !isOver else { return }
        let chat: ChatRequest
        do {
            chat = try OpenAIChatRequest.decode(body.span)
        } catch {
            return refuse(400, error.message, type: "invalid_request_error", code: error.code, retryAfter: nil)
        }
        streams = chat.streams
        wantsUsage = chat.includesUsage
        renderer = SimulatorRenderer(
            id: "chatcmpl-\(generator.hexadecimal())", created: wallClockSeconds(), model: chat.model)
        guard let script = SimulatorScript(chat, model: chat.model, length: pace.length, generator: &generator) else {
            return refuse(
                404, "The simulator has no model '\(chat.model)'.", type: "invalid_request_error",
                code: "model_not_found", retryAfter: nil)
        }
        self.script = script
        switch script.opening {
        case .silence: return
        case .error(let status, let message, let type, let code, let retryAfter):
            return refuse(status, message, type: type, code: code, retryAfter: retryAfter)
        case .answer: break
        }
        guard streams else {
            // Whole answers take the time that their tokens would.
            var total: UInt64 = 0
            for _ in script.steps { total &+= delay() }
            timer?.schedule(after: total)
            return
        }
        receiver?.receive(TransferHead(status: 200, fields: [("content-type", "text/event-stream")]))
        guard !isOver else { return }
        renderer.opening(into: &waiting)
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
            case .text, .reasoning, .toolCall, .toolArguments, .malformed: break
            }
            renderer.step(step, into: &waiting)
        } else {
            renderer.ending(script, wantsUsage: wantsUsage, into: &waiting)
            endsAfterWaiting = true
        }
        deliver()
        if !isPaused, !isOver { schedule() }
    }

    private func tellWhole(_ script: SimulatorScript) {
        if script.steps.contains(.cut) { return finish(.truncated) }
        if script.steps.contains(.silence) { return }
        for case .failure(let message) in script.steps {
            return refuse(503, message, type: "server_error", code: "overloaded", retryAfter: nil)
        }
        receiver?.receive(TransferHead(status: 200, fields: [("content-type", "application/json")]))
        guard !isOver else { return }
        renderer.whole(script, into: &waiting)
        endsAfterWaiting = true
        deliver()
    }

    private func refuse(_ status: Int, _ message: String, type: String, code: String?, retryAfter: String?) {
        var fields = [(name: "content-type", value: "application/json")]
        if let retryAfter { fields.append(("retry-after", retryAfter)) }
        receiver?.receive(TransferHead(status: status, fields: fields))
        guard !isOver else { return }
        waiting.append(renderer.errorBody(message, type: type, code: code))
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
