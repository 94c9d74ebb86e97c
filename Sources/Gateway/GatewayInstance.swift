// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import FrontDoors
internal import HTTPClient
internal import HTTPServer
internal import Providers
package import Reactor
internal import Services
package import Settings
package import Storage
package import Telemetry

/// Why the gateway could not start.
package enum StartError: Error, Equatable, Sendable {
    /// The address cannot be listened on; the text says why.
    case cannotListen(String)
    /// The system refused a resource.
    case unavailable(String)
    /// The settings ask for something that cannot be had.
    case settings(String)
    /// The database cannot be used; with the exit code.
    case storage(String, code: Int32)
}

/// The whole gateway on one event loop, built from the bottom up.
package final class GatewayInstance {
    /// Where things are kept; `nil` without storage.
    package let database: (any Database)?
    private let loop: EventLoop
    private let server: HTTPServer
    private let relay: RelayService
    private let routes: RouteTable
    private let keys: KeyAccess
    private let isDatabaseHere: Bool
    private let audit: AuditService
    private let extractions: ExtractionService?
    private let retention: AuditRetention?
    private let monitor: LoopMonitor
    private let drain: Drain

    /// Builds everything; nothing listens yet.
    package init(_ settings: Settings, on loop: EventLoop, log: Log, metrics: GatewayMetrics) throws(StartError) {
        self.loop = loop
        let storage = try StorageAssembly(settings, on: loop, log: log, metrics: metrics)
        database = storage.database
        let stored = try AuditAssembly(settings, storage.database, on: loop, log: log, metrics: metrics)
        retention = stored.retention
        isDatabaseHere = storage.engine == "sqlite"
        keys = KeyAccess(settings, storage.database, loop, log: log, metrics: metrics)
        let destination: ProxyDoor.Destination
        do {
            let client = try MultiHandle(loop, maxIdle: settings.upstream.pool.maxIdle)
            server = try HTTPServer(loop, ServerConfiguration(settings))
            monitor = try LoopMonitor(loop, server, storage, metrics)
            let assembly = Assembly(loop, client, settings.streaming)
            let plan = try RoutePlan(settings, assembly)
            destination = assembly.destination(settings)
            audit = AuditService(log: log, metrics: metrics, recorder: stored.recorder)
            relay = RelayService(
                loop, plan: plan, policy: try RelayPolicy(settings), audit: audit,
                limits: try LimitService(
                    settings, loop, pricing: plan, source: stored.spending, keys: keys.ring, log: log, metrics: metrics),
                log: log, metrics: metrics, spool: stored.spool)
            let policy = ExtractionPolicy(settings, relay.models)
            let workers = try WorkerPool(loop)
            extractions = storage.database.map { [relay] in ExtractionService(relay, $0, workers, policy, log: log) }
        } catch let error as StartError {
            throw error
        } catch {
            throw .unavailable("\(error)")
        }
        let admission = AdmissionService(
            isEnabled: settings.auth.enabled, ring: keys.ring, hasAdminKey: settings.auth.adminKey != nil,
            isLocal: settings.listen.isLoopback)
        var origins =
            settings.auth.enabled
            ? OriginPolicy.open
            : OriginPolicy.guarding(
                listenHost: settings.listen.host, isLoopback: settings.listen.isLoopback,
                allowedHosts: settings.allowedHosts)
        origins.allowed = AllowedOrigins(settings.allowedOrigins)
        let gate = DoorGate(relay, admission, maxBody: settings.limits.maxBody, origins: origins)
        let proxy = ProxyService(
            loop, watermark: settings.streaming.highWatermark, audit: audit, relay: relay, metrics: metrics)
        let documents = DocumentsDoor(DocumentGate(gate, extractions, asksForKeys: settings.auth.enabled))
        let chat = ChatService(relay, database, ChatPolicy(settings.chat), log: log, metrics: metrics)
        var services: [any DrainedService] = [relay, proxy, chat]
        // Extractions end first, or they would begin with what comes next.
        if let extractions { services.insert(extractions, at: 0) }
        drain = Drain(
            loop, server, services, relay.limits, gate, storage.database, stored.recorder, stored.spool, log,
            limit: settings.drainTimeout.nanoseconds)
        let chatGate = ChatGate(gate, chat, asksForKeys: settings.auth.enabled)
        let sessions = ChatSessionsDoor(chatGate)
        let streams = StreamsDoor(gate, proxy)
        let keysDoor = KeysDoor(gate, keys.service, log: log)
        let alive = HealthDoor { .well }
        let ready = HealthDoor { [drain, database, relay] in
            if drain.isUnderWay { return .draining }
            if !relay.isRecorded { return .withoutAudit }
            return database.map { $0.health == .well } ?? true ? .well : .withoutStorage
        }
        let operations: [(path: String, door: any Door)] =
            [
                ("/healthz", alive), ("/livez", alive), ("/health/liveliness", alive),
                ("/readyz", ready), ("/health/readiness", ready),
                ("/metrics", MetricsDoor(metrics, adminKey: settings.auth.adminKey, gate)),
                (StreamsDoor.path, streams), ("\(StreamsDoor.path)/", streams),
                (KeysDoor.path, keysDoor), (KeysDoor.path + "/", keysDoor),
            ] + stored.doors(gate)
        let proxyDoor = ProxyDoor(gate, proxy, destination)
        switch destination {
        case .single: routes = RouteTable(operations, rest: proxyDoor, metrics: metrics, gate: gate)
        case .named:
            routes = RouteTable(
                operations + GatewayInstance.models(gate) + [
                    ("\(ProxyDoor.path)/", proxyDoor),
                    (ChatDoor.path, ChatDoor(chatGate, streams: false)), (ChatDoor.streamPath, ChatDoor(chatGate, streams: true)),
                    (DocumentsDoor.path, documents), (DocumentsDoor.path + "/", documents),
                    (ChatSessionsDoor.path, sessions), (ChatSessionsDoor.path + "/", sessions),
                ] + (settings.page ? PageDoor.doors : []), metrics: metrics, gate: gate)
        }
        server.handler = routes
        log.debug("doors", ["paths": .text(routes.paths.joined(separator: " "))])
    }

    /// Loads the virtual keys before anybody can show one. A database elsewhere is not waited for: its keys come when it does,
    /// and until then a strange key is answered 503.
    package func loadKeys() {
        var isWaiting = isDatabaseHere
        keys.start { [loop] in if isWaiting { loop.stop() } }
        guard isWaiting, !keys.ring.isLoaded else { return }
        let timer = LoopTimer(loop) { [loop] in loop.stop() }
        timer.schedule(after: 10_000_000_000)
        loop.run()
        isWaiting = false
    }

    /// The doors to the models.
    private static func models(_ gate: DoorGate) -> [(path: String, door: any Door)] {
        let models = ModelsDoor(gate, created: wallClockSeconds())
        let gemini = SharedPath([models, GeminiDoor(gate)])
        return [
            ("/v1/chat/completions", DialectDoor(gate, .openAIChat, path: "/v1/chat/completions")),
            ("/v1/responses", DialectDoor(gate, .openAIResponses, path: "/v1/responses")),
            ("/v1/messages", DialectDoor(gate, .anthropic, path: "/v1/messages")),
            (TokenCountDoor.path, TokenCountDoor(gate)), (EmbeddingsDoor.path, EmbeddingsDoor(gate)),
            ("/v1/models", models), ("/v1/models/", gemini), ("/v1beta/models", models),
            ("/v1beta/models/", gemini),
        ]
    }

    /// Accepts connections. Returns the port, which differs from the settings' when that is 0.
    package func listen(_ address: ListenAddress) throws(StartError) -> Int {
        do {
            return try server.listen(host: address.host, port: Int(address.port))
        } catch {
            switch error {
            case .badAddress(let host): throw .cannotListen("'\(host)' is not an address of this machine")
            case .cannotListen(let reason): throw .cannotListen("\(address): \(reason)")
            case .unavailable: throw .unavailable("the listener")
            }
        }
    }

    /// Serves until drained: a first `SIGTERM` or `SIGINT` drains, a second ends now.
    package func run() {
        drain.watchSignals()
        loop.run()
    }
}

@available(*, unavailable)
extension GatewayInstance: Sendable {}
