// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Telemetry

/// Everything that can be set: immutable once loaded, shared by all workers, replaced as a whole on reload.
package struct Settings: Sendable, Equatable {
    /// Where clients connect.
    package var listen = ListenAddress(host: "127.0.0.1", port: 8080)
    /// The names that clients may know a gateway without keys by, or `*`; empty for the addresses and names of loopback.
    package var allowedHosts: [String] = []
    /// The origins of web pages that may use the gateway beside its own, as browsers write them, or `*`.
    package var allowedOrigins: [String] = []
    /// How many reactors run.
    package var workers = WorkerCount.count(1)
    /// What is logged, and how.
    package var log = LogSettings()
    /// Who may use the gateway.
    package var auth = AuthSettings()
    /// Bounds on what clients send.
    package var limits = LimitSettings()
    /// How streams are relayed.
    package var streaming = StreamingSettings()
    /// How documents are read and extracted.
    package var documents = DocumentSettings()
    /// How long streams may go on after SIGTERM before they are cut.
    package var drainTimeout = Duration.seconds(600)
    /// What a provider has that does not say otherwise.
    package var upstream = UpstreamSettings()
    /// Whether the built-in simulator is added to the providers.
    package var simulator = true
    /// Whether there is a web page at `/`.
    package var page = true
    /// The upstreams, in the order of the file; names are unique.
    package var providers: [ProviderSettings] = []
    /// The models that are addressed by name, in the order of the file; names are unique.
    package var models: [ModelSettings] = []
    /// The prices of models that are addressed directly, in the order of the file.
    package var prices: [PriceSettings] = []
    /// What is recorded of requests.
    package var audit = AuditSettings()
    /// The organisations that have limits of their own; names are unique.
    package var organizations: [OrganizationSettings] = []
    /// Where things are stored, `nil` for the default; a credential as it may hold a password.
    package var databaseURL: Secret?
    /// What several instances share limits through.
    package var redisURL: Secret?
    /// How long Redis may take to answer.
    package var redisTimeout = Duration.milliseconds(500)
    /// The upstream to which everything is handed on that is no door of the gateway's own; without a final slash.
    package var upstreamURL: String?

    /// Conversations that are kept.
    package var chat = ChatSettings()

    /// What was odd but could be ignored, a sentence each.
    package var warnings: [String] = []

    /// The defaults, without any provider.
    package init() {}
}

/// Logging.
package struct LogSettings: Sendable, Equatable {
    /// The lowest level written.
    package var level = LogLevel.info
    /// The form of a line.
    package var format = LogFormat.text
}

/// Who may use the gateway.
package struct AuthSettings: Sendable, Equatable {
    /// Whether clients must show a key; not said means no.
    package var enabled: Bool {
        get { said ?? false }
        set { said = newValue }
    }
    /// What the settings say, where they do.
    var said: Bool?
    /// The key of the admin API, accepted from clients too.
    package var adminKey: Secret?
    /// The keys accepted from clients.
    package var keys: [Secret] = []
    /// What each key may use that has no limits of its own.
    package var defaultLimits = LimitRuleSettings()
    /// Tokens of output set aside for a request that names no bound.
    package var defaultReservation = 4096
    /// What becomes of callers with limits while what they used cannot be looked up.
    package var limitsOnFailure = LimitFailurePolicy.open
}

/// What becomes of callers with limits while what they used cannot be looked up.
package enum LimitFailurePolicy: String, Sendable, CaseIterable {
    /// Each instance counts by itself.
    case open
    /// They are refused.
    case closed
}

/// Bounds on what clients send and for how long.
package struct LimitSettings: Sendable, Equatable {
    /// Connections at once; more are refused.
    package var maxConnections = 20_000
    /// Bytes of a request's body.
    package var maxBody = 32 << 20
    /// Bytes of a request's head.
    package var maxHeaders = 64 << 10
    /// Time for a whole request head to arrive.
    package var headerTimeout = Duration.seconds(10)
    /// Time a connection may rest between requests.
    package var idleTimeout = Duration.seconds(75)
    /// Time for a whole body to arrive.
    package var bodyTimeout = Duration.seconds(60)
    /// Bytes of body taken from a client that has not shown a valid key.
    package var maxUnauthenticatedBody = 64 << 10
}

/// How streams are relayed.
package struct StreamingSettings: Sendable, Equatable {
    /// The silence after which a keep-alive is sent; zero sends none.
    package var heartbeatInterval = Duration.seconds(15)
    /// How long the status is held back while no token has come.
    package var commitAfter = Duration.seconds(10)
    /// Bytes waiting for a slow client at which its upstream is paused.
    package var highWatermark = 64 << 10
    /// Bytes of one line or event of an upstream's stream.
    package var maxEvent = 8 << 20
    /// Bytes of an answer kept for audit.
    package var captureLimit = 1 << 20
    /// Whether upstreams are always asked for the whole answer, replayed as a stream.
    package var forceNonStreaming = false
    /// Whether an upstream that cannot stream is asked for the whole answer instead of failing.
    package var enableFallback = true
    /// How long it is remembered whether an upstream streams.
    package var detectionCacheDuration = Duration.seconds(300)
    /// How it is found out whether an upstream streams.
    package var detection = StreamDetection.learn
    /// What happens to the upstream transfer when the client leaves.
    package var onDisconnect = DisconnectPolicy.cancel
}

/// How documents are read and extracted.
package struct DocumentSettings: Sendable, Equatable {
    /// Bytes of a document, and of its text.
    package var maxBytes = 20 << 20
    /// The model that is asked where the client names none.
    package var model: String?
    /// Tokens of a chunk, estimated.
    package var chunkTokens = 2000
    /// Tokens that a chunk shares with the one before it.
    package var overlapTokens = 100
    /// Chunks of one document that are asked about at once.
    package var maxConcurrentChunks = 4
    /// Documents that are extracted at once.
    package var maxExtractions = 8
    /// Chunks that a document may have.
    package var maxChunks = 1000
    /// How long a model may take for a chunk.
    package var chunkTimeout = Duration.seconds(300)
    /// How long the conversion of a PDF to text may take.
    package var convertTimeout = Duration.seconds(60)
}

/// How it is found out whether an upstream streams.
package enum StreamDetection: String, Sendable, CaseIterable {
    /// By its answers to the clients.
    case learn
    /// By a request of a few tokens before the first client's.
    case probe
}

/// What happens to the upstream transfer when the client leaves.
package enum DisconnectPolicy: String, Sendable, CaseIterable {
    /// It is closed at once.
    case cancel
    /// It is read on for the usage, within bounds.
    case drain
    /// It is finished, for the client to resume.
    case detach
}
