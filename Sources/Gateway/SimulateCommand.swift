// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
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
            return CommandLineInterface.failed("cannot listen on \(listen): \(error)", EX_UNAVAILABLE)
        }
    }

    private static func serve(_ address: ListenAddress, _ pace: SimulatorTransport.Pace) throws -> Int32 {
        SignalWatcher.ignoreStraySignals()
        ServeCommand.raiseDescriptorLimit()
        let loop = try EventLoop()
        let server = try HTTPServer(loop, ServerConfiguration())
        let metrics = GatewayMetrics(log: Log(level: .warning, format: .text))
        let simulator = SimulatorTransport(loop, pace: pace)
        let routes = RouteTable(
            [
                ("/v1/chat/completions", SimulatorDoor(simulator)), ("/stats", StatsDoor(simulator)),
                ("/healthz", HealthDoor { true }),
            ], metrics: metrics)
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

/// `POST /v1/chat/completions` of the simulator: its answer as it comes, with nothing of the gateway between.
private final class SimulatorDoor: Door {
    let methods = ["POST"]
    private let simulator: SimulatorTransport

    init(_ simulator: SimulatorTransport) { self.simulator = simulator }

    func receive(_ request: ServerRequest, id _: String) {
        request.owner = SimulatorCall(request.response, simulator)
        request.collectBody(limit: 32 << 20)
    }
}

/// One request at the simulator's door.
private final class SimulatorCall: RequestOwner, TransferReceiver {
    private let response: ResponseWriter
    private let simulator: SimulatorTransport
    private var transfer: (any UpstreamTransfer)?

    init(_ response: ResponseWriter, _ simulator: SimulatorTransport) {
        self.response = response
        self.simulator = simulator
    }

    // MARK: RequestOwner

    func receivedBody(_ body: [UInt8]) { transfer = simulator.start(TransferRequest(url: "", body: body), self) }

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
