// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import Dialects
internal import FrontDoors
internal import Glibc
internal import HTTPClient
internal import HTTPSemantics
internal import HTTPServer
internal import Providers
internal import Reactor
internal import Settings
internal import Telemetry

/// `sluice simulate`: the simulator as an upstream of its own, for tests and load.
enum SimulateCommand {
    static func run(_ arguments: [String]) -> Int32 {
        guard let options = CommandLineInterface.options(arguments, allowed: ["listen", "delay", "tokens", "seed"])
        else { return CommandLineInterface.misused("simulate takes --listen, --delay, --tokens and --seed") }
        var pace = SimulatorTransport.Pace()
        if let text = options["delay"] {
            guard let delay = UInt64(text), delay <= 60_000 else {
                return CommandLineInterface.misused("--delay takes milliseconds, 0 to 60000")
            }
            pace.delay = delay * 1_000_000...delay * 1_000_000
        }
        if let text = options["tokens"] {
            guard let tokens = Int(text), (1...1_000_000).contains(tokens) else {
                return CommandLineInterface.misused("--tokens takes 1 to 1000000")
            }
            pace.length = tokens
        }
        if let text = options["seed"] {
            guard let seed = UInt64(text) else { return CommandLineInterface.misused("--seed takes a number") }
            pace.seed = seed
        }
        let listen = options["listen"] ?? "127.0.0.1:8081"
        guard let address = ListenAddress(listen) else {
            return CommandLineInterface.misused("'\(listen)' is not HOST:PORT")
        }
        do {
            return try serve(address, pace)
        } catch {
            var reason = "\(error)"
            if case .cannotListen(let why)? = error as? ServerError { reason = why }
            return CommandLineInterface.failed("cannot listen on \(listen): \(reason)", EX_UNAVAILABLE)
        }
    }

    private static func serve(_ address: ListenAddress, _ pace: SimulatorTransport.Pace) throws -> Int32 {
        SignalWatcher.ignoreStraySignals()
        _ = DescriptorBudget.raised()
        let loop = try EventLoop()
        let server = try HTTPServer(loop, ServerConfiguration())
        let metrics = GatewayMetrics(log: Log(level: .warning, format: .text))
        let simulator = SimulatorTransport(loop, pace: pace)
        let routes = RouteTable(
            [
                ("/stats", StatsDoor(simulator)), ("/healthz", HealthDoor { .well }),
            ] + SimulatorDoor.all(simulator), metrics: metrics)
        server.handler = routes
        let port = try server.listen(host: address.host, port: Int(address.port))
        let signals = [SIGTERM, SIGINT].map { number in SignalWatcher(loop, signal: number) { loop.stop() } }
        ServeCommand.announce("http://\(ListenAddress(host: address.host, port: UInt16(clamping: port)))", .text)
        withExtendedLifetime((signals, routes)) { loop.run() }
        return EX_OK
    }
}

/// `GET /stats`: how many answers are open, completed and aborted.
private final class StatsDoor: Door {
    let methods = ["GET"]
    private let simulator: SimulatorTransport

    init(_ simulator: SimulatorTransport) { self.simulator = simulator }

    func receive(_ request: ServerRequest, id _: String) {
        var fields = HTTPFields()
        fields.append("Content-Type", "application/json")
        let text =
            "{\"open\":\(simulator.open),\"completed\":\(simulator.completed),\"aborted\":\(simulator.aborted)}"
        request.response.respond(status: 200, fields: fields, body: text.utf8.span)
    }
}

/// One of the simulator's addresses: its answer as it comes, with nothing of the gateway between.
private final class SimulatorDoor: Door {
    let methods = ["POST"]
    private let simulator: SimulatorTransport
    private let dialect: Dialect
    private let tellsUsage: Bool
    private let address: (RequestHead) -> RequestAddress?

    init(
        _ simulator: SimulatorTransport, _ dialect: Dialect, tellsUsage: Bool = false,
        _ address: @escaping (RequestHead) -> RequestAddress? = { _ in RequestAddress() }
    ) {
        self.simulator = simulator
        self.dialect = dialect
        self.tellsUsage = tellsUsage
        self.address = address
    }

    /// Where each dialect is spoken, at the paths of its vendor.
    static func all(_ simulator: SimulatorTransport) -> [(path: String, door: any Door)] {
        let chat = SimulatorDoor(simulator, .openAIChat)
        // Zhipu and Mistral tell the usage of a stream without being asked.
        let telling = SimulatorDoor(simulator, .openAIChat, tellsUsage: true)
        let gemini = SimulatorDoor(simulator, .gemini) { head in
            GeminiDoor.target(of: head).map {
                RequestAddress(model: $0.model, streams: $0.method == "streamGenerateContent")
            }
        }
        let straico = SimulatorDoor(simulator, .straico)
        return [
            ("/v1/chat/completions", chat), ("/chat/completions", chat),
            ("/api/paas/v4/chat/completions", telling), ("/mistral/v1/chat/completions", telling),
            ("/api/v1/chat/completions", chat), ("/openai/v1/chat/completions", chat),
            ("/openai/deployments/", chat),
            (
                SimulatorTransport.embeddingsPath,
                SimulatorDoor(simulator, .openAIChat) { _ in
                    var address = RequestAddress()
                    address.asksAnswer = false
                    return address
                }
            ),
            ("/v1/responses", SimulatorDoor(simulator, .openAIResponses)),
            ("/v1/messages", SimulatorDoor(simulator, .anthropic)),
            ("/v1/messages/count_tokens", SimulatorCountDoor()),
            ("/v1beta/models/", gemini), ("/v1/models/", gemini),
            ("/v1internal:generateContent", SimulatorDoor(simulator, .antigravity) { _ in RequestAddress(streams: false) }),
            (
                "/v1internal:streamGenerateContent",
                SimulatorDoor(simulator, .antigravity) { _ in RequestAddress(streams: true) }
            ),
            ("/api/chat", SimulatorDoor(simulator, .ollama)),
            ("/v0/chat/completions", straico), ("/v2/chat/completions", straico),
        ]
    }

    func receive(_ request: ServerRequest, id: String) {
        guard let address = address(request.head) else {
            return ErrorReply.send(ErrorReply.notFound, dialect, requestID: id, to: request.response)
        }
        request.owner = SimulatorCall(
            request.response, simulator, dialect, address, tellsUsage: tellsUsage)
        request.collectBody(limit: 32 << 20)
    }
}

/// `POST /v1/messages/count_tokens` of the simulator: as many tokens as the gateway would estimate.
private final class SimulatorCountDoor: Door {
    let methods = ["POST"]

    func receive(_ request: ServerRequest, id: String) {
        request.owner = SimulatorCount(request.response, id)
        request.collectBody(limit: 32 << 20)
    }
}

/// One request to count.
private final class SimulatorCount: RequestOwner {
    private let response: ResponseWriter
    private let id: String

    init(_ response: ResponseWriter, _ id: String) {
        self.response = response
        self.id = id
    }

    func receivedBody(_ body: [UInt8]) {
        do {
            let chat = try TokenCountRequest.decode(body.span, .anthropic, RequestAddress()).chat
            var fields = HTTPFields()
            fields.append("Content-Type", "application/json")
            let text = "{\"input_tokens\":\(chat.estimatedTokens)}"
            response.respond(status: 200, fields: fields, body: text.utf8.span)
        } catch {
            let failure = ChatFailure(
                status: error.status, message: error.message, type: "invalid_request_error", code: error.code)
            ErrorReply.send(failure, .anthropic, requestID: id, to: response)
        }
    }

    func clientLeft() {}

    func drained() {}
}

/// One request at the simulator's door.
private final class SimulatorCall: RequestOwner, TransferReceiver {
    private let response: ResponseWriter
    private let simulator: SimulatorTransport
    private let dialect: Dialect
    private let address: RequestAddress
    private let tellsUsage: Bool
    private var transfer: (any UpstreamTransfer)?

    init(
        _ response: ResponseWriter, _ simulator: SimulatorTransport, _ dialect: Dialect, _ address: RequestAddress,
        tellsUsage: Bool
    ) {
        self.response = response
        self.simulator = simulator
        self.dialect = dialect
        self.address = address
        self.tellsUsage = tellsUsage
    }

    // MARK: RequestOwner

    func receivedBody(_ body: [UInt8]) {
        transfer = simulator.start(body, dialect, address, tellsUsage: tellsUsage, self)
    }

    func clientLeft() {
        transfer?.cancel()
        transfer = nil
    }

    func drained() { transfer?.resume() }

    // MARK: TransferReceiver

    func receive(_ head: TransferHead) {
        var fields = HTTPFields()
        for field in head.fields { fields.append(field.name, field.value) }
        response.start(status: head.status, fields: fields)
    }

    func receive(_ chunk: Span<UInt8>) -> Verdict {
        if response.isSaturated { return .pause }
        response.write(chunk)
        return .proceed
    }

    func receivedBatch() { response.flush() }

    func finish(_ error: TransferError?) {
        transfer = nil
        if error == nil { response.finish() } else { response.abort() }
    }
}
