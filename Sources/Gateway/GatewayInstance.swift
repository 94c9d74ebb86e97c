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
    private let audit: AuditService
    private let monitor: LoopMonitor
    private let drain: Drain

    /// Builds everything; nothing listens yet.
    package init(_ settings: Settings, on loop: EventLoop, log: Log, metrics: GatewayMetrics) throws(StartError) {
        self.loop = loop
        let storage = try StorageAssembly(settings, on: loop, log: log, metrics: metrics)
        database = storage.database
        do {
            let client = try MultiHandle(loop, maxIdle: settings.upstream.pool.maxIdle)
            server = try HTTPServer(loop, ServerConfiguration(settings))
            let plan = try RoutePlan(settings, Assembly(loop, client, settings.streaming))
            audit = AuditService(log: log, metrics: metrics)
            relay = RelayService(
                loop, plan: plan, policy: try RelayPolicy(settings), audit: audit, log: log, metrics: metrics)
        } catch let error as StartError {
            throw error
        } catch {
            throw .unavailable("\(error)")
        }
        let admission = AdmissionService(
            isEnabled: settings.auth.enabled, keys: settings.auth.keys, adminKey: settings.auth.adminKey,
            isLocal: settings.listen.isLoopback)
        let origins =
            settings.auth.enabled
            ? OriginPolicy.open
            : OriginPolicy.guarding(
                listenHost: settings.listen.host, isLoopback: settings.listen.isLoopback,
                allowedHosts: settings.allowedHosts)
        let gate = DoorGate(relay, admission, maxBody: settings.limits.maxBody, origins: origins)
        drain = Drain(loop, server, relay, gate, storage.database, log, limit: settings.drainTimeout.nanoseconds)
        let models = ModelsDoor(gate, created: wallClockSeconds())
        let gemini = SharedPath([models, GeminiDoor(gate)])
        let streams = StreamsDoor(gate)
        let alive = HealthDoor { .well }
        let ready = HealthDoor { [drain, database] in
            if drain.isUnderWay { return .draining }
            return database.map { $0.health == .well } ?? true ? .well : .withoutStorage
        }
        routes = RouteTable(
            [
                ("/v1/chat/completions", DialectDoor(gate, .openAIChat, path: "/v1/chat/completions")),
                ("/v1/responses", DialectDoor(gate, .openAIResponses, path: "/v1/responses")),
                ("/v1/messages", DialectDoor(gate, .anthropic, path: "/v1/messages")),
                (TokenCountDoor.path, TokenCountDoor(gate)), (EmbeddingsDoor.path, EmbeddingsDoor(gate)),
                ("/v1/models", models), ("/v1/models/", gemini), ("/v1beta/models", models),
                ("/v1beta/models/", gemini),
                ("/healthz", alive), ("/livez", alive), ("/health/liveliness", alive),
                ("/readyz", ready), ("/health/readiness", ready),
                ("/metrics", MetricsDoor(metrics, adminKey: settings.auth.adminKey, gate)),
                (StreamsDoor.path, streams), ("\(StreamsDoor.path)/", streams),
            ] + (settings.page ? PageDoor.doors : []), metrics: metrics, gate: gate)
        server.handler = routes
        monitor = LoopMonitor(loop, server, storage, metrics)
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
        monitor.start()
        loop.run()
    }
}

@available(*, unavailable)
extension GatewayInstance: Sendable {}
