// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import Glibc
internal import HTTPClient
internal import JSON
internal import Providers
internal import Reactor
internal import Telemetry

/// A conversation between a terminal and a model behind the gateway.
final class Conversation {
    private let loop: EventLoop
    private let client: MultiHandle
    private let address: GatewayAddress
    private let provider: Provider
    private let terminal = Terminal()
    private var chat: ChatRequest
    private var system: String?
    private var transfer: (any UpstreamTransfer)?
    /// The answer as far as it has come.
    private var answer = ""
    private var isInteractive = false
    private var input = LineInput()
    private var watchers: [SignalWatcher] = []
    private var inputWatcher: SocketWatcher?
    private var exitCode = EX_OK
    /// What to do once it is known which model is asked.
    private var modelRequest: ModelListRequest?

    init(
        _ loop: EventLoop, _ client: MultiHandle, _ address: GatewayAddress, model: String?, system: String?, outputLimit: Int?
    ) {
        self.loop = loop
        self.client = client
        self.address = address
        self.system = system
        chat = ChatRequest(model: model ?? "", messages: [])
        chat.streams = true
        chat.outputLimit = outputLimit.map { OutputLimit(tokens: $0, countsReasoning: true) }
        // A person decides when it has taken too long.
        let patient = TransferTimeouts(firstByte: 86_400_000_000_000, idle: 86_400_000_000_000)
        provider = Provider(
            Provider.Configuration(
                name: "gateway", baseURL: address.url + "/v1", apiKey: address.key, timeouts: patient),
            .openAICompatible(maker: "gateway"), transport: client)
    }

    /// Converses until the end of the input, or answers `question` and returns; the exit code.
    func run(_ question: String?) -> Int32 {
        isInteractive = question == nil
        watchers = [SIGINT, SIGTERM].map { number in
            SignalWatcher(loop, signal: number) { [unowned self] in self.interrupted(number) }
        }
        if isInteractive {
            let watcher = SocketWatcher(loop, descriptor: 0) { [unowned self] _ in self.readLines() }
            inputWatcher = watcher
        }
        // Nothing is started before the loop runs.
        loop.deferred { [self] in
            findModel { [self] in
                guard let question else { return greet() }
                ask(question)
            }
        }
        loop.run()
        return exitCode
    }

    // MARK: The model

    private func findModel(_ then: @escaping () -> Void) {
        guard chat.model.isEmpty else { return then() }
        let request = ModelListRequest { [unowned self] result in
            self.modelRequest = nil
            switch result {
            case .success(let model):
                self.chat.model = model
                then()
            case .failure(let failure): self.stop(failure.message, failure.exitCode)
            }
        }
        modelRequest = request
        request.start(client, address)
    }

    private func greet() {
        terminal.note("\(chat.model) at \(address.url). /help tells the commands, Ctrl-D ends.\n")
        prompt()
    }

    private func prompt() {
        terminal.note("> ")
        inputWatcher?.watch(.read)
    }

    // MARK: What is typed

    private func readLines() {
        guard let lines = input.read() else {
            terminal.note("\n")
            return loop.stop()
        }
        // Lines that were pasted together are one message.
        guard !lines.isEmpty else { return }
        let text = lines.joined(separator: "\n")
        if text.hasPrefix("/") { return command(text) }
        guard !text.allSatisfy(\.isWhitespace) else { return terminal.note("> ") }
        inputWatcher?.watch([])
        ask(text)
    }

    private func command(_ text: String) {
        let words = text.split(separator: " ", maxSplits: 1).map(String.init)
        let argument = words.count > 1 ? words[1] : nil
        switch words[0] {
        case "/exit", "/quit": return loop.stop()
        case "/clear":
            chat.messages = []
            terminal.note("The conversation is forgotten.\n")
        case "/model":
            if let argument { chat.model = argument }
            terminal.note("The model is \(chat.model).\n")
        case "/system":
            system = argument
            terminal.note(argument == nil ? "There is no system prompt.\n" : "The system prompt is set.\n")
        default:
            terminal.note(
                """
                /model NAME   ask another model
                /system TEXT  set the system prompt; without a text, have none
                /clear        forget the conversation
                /exit         end, as Ctrl-D does
                Ctrl-C        stop the answer

                """)
        }
        terminal.note("> ")
    }

    // MARK: Asking

    private func ask(_ question: String) {
        chat.messages.append(ChatMessage(role: .user, content: .text(question)))
        answer = ""
        var request = chat
        if let system { request.messages.insert(ChatMessage(role: .system, content: .text(system)), at: 0) }
        do {
            transfer = try provider.open(
                UpstreamRequest(composed: request), model: chat.model, at: loop.now, self
            ).transfer
        } catch {
            ended(error)
        }
    }

    private func interrupted(_ number: Int32) {
        guard isInteractive, number == SIGINT else {
            transfer?.cancel()
            return stop(nil, 128 + number)
        }
        guard let transfer else {
            input.forget()
            return terminal.note("\n(Ctrl-D ends)\n> ")
        }
        transfer.cancel()
        self.transfer = nil
        terminal.finishLine()
        terminal.note("(stopped)\n")
        keepAnswer()
        prompt()
    }

    private func keepAnswer() {
        // A question without an answer would make two in a row, which some models refuse.
        if answer.isEmpty {
            chat.messages.removeLast()
        } else {
            chat.messages.append(ChatMessage(role: .assistant, content: .text(answer)))
        }
    }

    private func ended(_ failure: UpstreamFailure?) {
        transfer = nil
        terminal.finishLine()
        let problem = failure.map(Conversation.describe)
        if !isInteractive { return stop(problem, failure.map(ExitCode.of) ?? EX_OK) }
        if let problem { terminal.note("error: \(problem)\n") }
        keepAnswer()
        prompt()
    }

    private static func describe(_ failure: UpstreamFailure) -> String {
        failure.failureClass == .credential
            ? "the gateway refused the key: give one with --key or SLUICE_API_KEY" : failure.failure.message
    }

    private func stop(_ problem: String?, _ code: Int32) {
        if let problem { terminal.note("sluice: \(problem)\n") }
        exitCode = code
        loop.stop()
    }
}

extension Conversation: UpstreamReceiver {
    func receive(_ event: borrowing DecodedEvent, named name: Span<UInt8>, _ data: Span<UInt8>) {
        if event.hasOwnText { write(event.deltas, event.ownText.bytes) } else { write(event.deltas, data) }
    }

    func receive(whole body: Span<UInt8>, _ event: borrowing DecodedEvent) {
        if event.hasOwnText { write(event.deltas, event.ownText.bytes) } else { write(event.deltas, body) }
        loop.deferred { [self] in ended(nil) }
    }

    func receive(answer: ChatAccumulator) {
        write(answer.text)
        loop.deferred { [self] in ended(nil) }
    }

    func receivedComment() {}
    func receivedMalformedEvent() {}
    var isSaturated: Bool { false }
    func flush() {}

    func finish() {
        loop.deferred { [self] in
            guard transfer != nil else { return }
            transfer?.release()
            ended(nil)
        }
    }

    func fail(_ failure: UpstreamFailure) {
        loop.deferred { [self] in
            guard transfer != nil else { return }
            transfer?.cancel()
            ended(failure)
        }
    }

    private func write(_ deltas: [ChatDelta], _ data: Span<UInt8>) {
        for delta in deltas {
            switch delta {
            case .text(choice: 0, let slice), .refusal(choice: 0, let slice):
                if !slice.isEmpty { write(data.jsonText(slice)) }
            default: continue
            }
        }
    }

    private func write(_ text: String) {
        answer += text
        // Who read us is gone: nobody needs the rest.
        if !terminal.write(text) { stop(nil, EX_OK) }
    }
}

@available(*, unavailable)
extension Conversation: Sendable {}
