// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Dialects
internal import FrontDoors
internal import HTTPClient
internal import HTTPSemantics
internal import HTTPServer
internal import Providers
internal import Reactor
internal import Services
internal import Settings
internal import Telemetry

/// What providers are built on.
struct Assembly {
    let loop: EventLoop
    let client: MultiHandle
    let streaming: StreamingSettings

    init(_ loop: EventLoop, _ client: MultiHandle, _ streaming: StreamingSettings) {
        self.loop = loop
        self.client = client
        self.streaming = streaming
    }

    func provider(_ settings: ProviderSettings) throws(StartError) -> Provider {
        var configuration = configuration(settings)
        guard settings.kind != .simulator else {
            if configuration.models.isEmpty { configuration.models = SimulatorTransport.models }
            configuration.maxRetries = 0
            return Provider(configuration, .simulator, transport: SimulatorTransport(loop))
        }
        return Provider(configuration, ProviderProfile(settings), transport: client)
    }

    /// Where the transparent proxy leads: to one upstream, or to every provider that is somewhere.
    func destination(_ settings: Settings) -> ProxyDoor.Destination {
        guard let url = settings.upstreamURL else {
            let real = settings.providers.filter { $0.kind != .simulator }.map { provider in
                (provider.name, ProxyTarget(configuration(provider), ProviderProfile(provider), transport: client))
            }
            return .named(Dictionary(real) { first, _ in first })
        }
        var upstream = ProviderSettings(name: "upstream", kind: .openAICompatible)
        upstream.baseURL = url
        upstream.upstream = settings.upstream
        return .single(ProxyTarget(configuration(upstream), ProviderProfile(upstream), transport: client))
    }

    private func configuration(_ settings: ProviderSettings) -> Provider.Configuration {
        let timeouts = settings.upstream.timeouts
        var configuration = Provider.Configuration(
            name: settings.name, baseURL: settings.baseURL, apiKey: settings.apiKey ?? Secret(""),
            timeouts: TransferTimeouts(
                connect: timeouts.connect.nanoseconds, firstByte: timeouts.firstByte.nanoseconds,
                idle: timeouts.idle.nanoseconds),
            authorities: settings.upstream.caFile, models: settings.models)
        while configuration.baseURL.hasSuffix("/") { configuration.baseURL.removeLast() }
        configuration.maxRetries = settings.upstream.maxRetries
        configuration.forcesWhole = settings.forceNonStreaming ?? streaming.forceNonStreaming
        configuration.allowsFallback = streaming.enableFallback
        configuration.maxEvent = streaming.maxEvent
        configuration.probes = streaming.detection == .probe
        configuration.detectionLifetime = streaming.detectionCacheDuration.nanoseconds
        return configuration
    }
}

extension ProviderProfile {
    /// The profile of a provider's kind.
    init(_ settings: ProviderSettings) {
        self =
            switch settings.kind {
            case .openAI: .openAI
            case .openAICompatible: .openAICompatible(maker: settings.name.lowercased())
            case .anthropic: .anthropic
            case .gemini: .gemini
            case .antigravity: .antigravity(project: settings.project)
            case .glm: .glm
            case .digitalOcean: .digitalOcean
            case .straico: .straico
            case .azure: .azure(version: settings.apiVersion)
            case .ollama: .ollama
            case .mistral: .mistral
            case .simulator: .simulator
            }
    }
}

extension RoutePlan {
    /// The plan that the settings describe.
    init(_ settings: Settings, _ assembly: Assembly) throws(StartError) {
        var providers: [Provider] = []
        for provider in settings.providers { providers.append(try assembly.provider(provider)) }
        let byName = Dictionary(providers.map { ($0.name, $0) }) { first, _ in first }
        var routes: [Route] = []
        for model in settings.models {
            var deployments: [Candidate] = []
            for deployment in model.deployments {
                guard let provider = byName[deployment.provider] else {
                    throw .settings("the model '\(model.name)' names the unknown provider '\(deployment.provider)'")
                }
                deployments.append(
                    Candidate(
                        provider, deployment.model ?? model.name, weight: deployment.weight,
                        price: model.price.map { Price($0) }))
            }
            routes.append(Route(name: model.name, deployments: deployments, fallbacks: model.fallbacks))
        }
        // With one real provider a bare model name can only mean that one.
        let real = zip(settings.providers, providers).filter { $0.0.kind != .simulator }.map(\.1)
        self.init(
            providers: providers, routes: routes, bareNames: real.count == 1 ? real.first : nil,
            prices: PriceTable(settings.prices.map { ($0.model, Price($0)) }))
    }
}

extension Price {
    init(_ settings: PriceSettings) {
        self.init(
            input: settings.input, output: settings.output, cached: settings.cached, cacheWrite: settings.cacheWrite,
            reasoning: settings.reasoning)
    }
}

extension ServerConfiguration {
    init(_ settings: Settings) {
        self.init()
        let limits = settings.limits
        maxConnections = limits.maxConnections
        framing.maxBody = limits.maxBody
        framing.maxHead = limits.maxHeaders
        headerTimeout = limits.headerTimeout.nanoseconds
        bodyTimeout = limits.bodyTimeout.nanoseconds
        idleTimeout = limits.idleTimeout.nanoseconds
        highWatermark = settings.streaming.highWatermark
    }
}

extension RelayPolicy {
    init(_ settings: Settings) throws(StartError) {
        self.init()
        heartbeatInterval = settings.streaming.heartbeatInterval.nanoseconds
        commitAfter = settings.streaming.commitAfter.nanoseconds
        keepsContent = settings.audit.content == .full
        captureLimit = keepsContent ? settings.streaming.captureLimit : 0
        requestLimit = keepsContent ? settings.audit.requestLimit : 0
        keptLimit = settings.audit.queueBytes
        switch settings.streaming.onDisconnect {
        case .cancel: onDisconnect = .cancel
        case .drain: onDisconnect = .drain
        case .detach: throw .settings("streaming.on_disconnect: 'detach' is not available in this version")
        }
    }
}

extension ChatPolicy {
    init(_ settings: ChatSettings) {
        self.init()
        model = settings.model
        history = settings.history
        historyTokens = settings.historyTokens
    }
}

extension Duration {
    /// Whole nanoseconds, 0 at least.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0 else { return 0 }
        return UInt64(seconds) &* 1_000_000_000 &+ UInt64(max(0, attoseconds) / 1_000_000_000)
    }
}
