// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
package import Chat
internal import Dialects
package import HTTPClient
package import Telemetry

/// A place that chat requests are sent to: what it speaks, where it is, with which key.
package final class Provider {
    /// What a provider is made from.
    package struct Configuration: Sendable {
        /// The name that models are addressed under (`openai` in `openai/gpt-4o`).
        package var name: String
        /// The URL that the profile's addresses begin with, without a final slash.
        package var baseURL: String
        /// The key that the provider expects; empty for none.
        package var apiKey: Secret
        /// When to give up waiting.
        package var timeouts: TransferTimeouts
        /// A file of certificate authorities in place of the system's.
        package var authorities: String?
        /// The models it is known to have, for listing.
        package var models: [String]
        /// How often a call is repeated before its first byte.
        package var maxRetries = 0
        /// Whether it is never asked for a stream.
        package var forcesWhole = false
        /// Whether an answer that does not stream is taken, and told as a stream.
        package var allowsFallback = true
        /// The most bytes of one line or event of a stream.
        package var maxEvent = 8 << 20
        /// Whether a model that nothing is known of is first asked for a few tokens, to see how it answers.
        package var probes = false
        /// For how long it is remembered whether a model streams, in nanoseconds.
        package var detectionLifetime: UInt64 = 300_000_000_000

        package init(
            name: String, baseURL: String, apiKey: Secret = Secret(""), timeouts: TransferTimeouts = TransferTimeouts(),
            authorities: String? = nil, models: [String] = []
        ) {
            self.name = name
            self.baseURL = baseURL
            self.apiKey = apiKey
            self.timeouts = timeouts
            self.authorities = authorities
            self.models = models
        }
    }

    /// The name that models are addressed under.
    package var name: String { configuration.name }
    /// The models it is known to have, for listing.
    package var models: [String] { configuration.models }
    /// The key that it is shown; empty for none.
    package var apiKey: Secret { configuration.apiKey }
    /// How often a call is repeated before its first byte.
    package var maxRetries: Int { configuration.maxRetries }
    /// Whose signatures its models make.
    package var maker: String { profile.maker }
    private let configuration: Configuration
    private let profile: ProviderProfile
    private let transport: any UpstreamTransport
    private let scratch = UpstreamReader.Scratch()
    /// The header fields that every request carries.
    private let fields: [(name: String, value: String)]
    private var capability: StreamCapability

    /// A provider of a kind, reached through `transport`.
    package init(_ configuration: Configuration, _ profile: ProviderProfile, transport: any UpstreamTransport) {
        self.configuration = configuration
        self.profile = profile
        self.transport = transport
        capability = StreamCapability(lifetime: configuration.detectionLifetime)
        var fields = [
            ("Content-Type", "application/json"), ("Accept-Encoding", "identity"), ("User-Agent", "sluice"),
        ]
        if let field = profile.authentication.field(configuration.apiKey) { fields.append(field) }
        self.fields = fields
    }

    /// The dialect that a client's request reaches it in: the client's own where it speaks that.
    package func dialect(for client: Dialect) -> Dialect {
        profile.dialects.contains(client) ? client : profile.dialects[0]
    }

    /// A request under way.
    package struct Opened {
        /// What steers it.
        package var transfer: any UpstreamTransfer
        /// The members of the client's request that the provider's dialect cannot say and that were left out.
        package var dropped: [String]
    }

    /// Asks for `model`, and delivers what comes to `receiver`, first after this has returned; `now` is the loop's clock.
    ///
    /// `refusal` is how it refused the request a moment ago, which is then made in the other form; `tap` is shown the answer as it
    /// comes. Throws a failure of class `unfit` that names what the provider's dialect cannot say.
    package func open(
        _ request: UpstreamRequest, model: String, at now: UInt64, after refusal: StreamRefusal? = nil,
        tap: (any AnswerTap)? = nil, _ receiver: any UpstreamReceiver
    ) throws(UpstreamFailure) -> Opened {
        let dialect = request.operation == .chat ? dialect(for: request.dialect) : request.dialect
        let asksStream = refusal.map { $0 == .needsStream } ?? asksStream(request.operation, request.chat, model, now)
        var body = ByteBuffer(capacity: request.body.count + 128)
        var dropped: [String] = []
        // What was signed in an earlier turn, by a vendor that was asked in another dialect, is in a carrier still.
        if !request.isComposed, dialect == request.dialect, !request.chat.hasCarriedSignature(notOf: dialect.maker) {
            request.decoded.outline.writePassthrough(
                request.body.span, model: model, streams: asksStream, asksUsage: profile.quirks.takesStreamOptions,
                into: &body)
        } else {
            let target = RequestTarget(
                model: model, streams: asksStream, maker: profile.maker, quirks: profile.quirks)
            do {
                var chat = request.chat
                if dialect != .openAIResponses { (chat, dropped) = try chat.withoutResponsesState() }
                dropped += try dialect.codec.encodeRequest(chat, target, into: &body)
            } catch {
                throw UpstreamFailure(
                    .unfit,
                    ChatFailure(
                        status: error.status, message: error.message, type: "invalid_request_error",
                        code: error.code ?? "unsupported_value", parameter: error.parameter))
            }
        }
        let address = try address(
            ProviderProfile.Endpoint(
                operation: request.operation, dialect: dialect, model: model, streams: asksStream,
                baseURL: configuration.baseURL))
        let reader = UpstreamReader(
            UpstreamReader.Expectation(
                provider: name, dialect: dialect, operation: request.operation, wantsStream: request.chat.streams,
                asksStream: asksStream, allowsFallback: configuration.allowsFallback, isSecondForm: refusal != nil,
                maxEvent: configuration.maxEvent),
            scratch: scratch, tap: tap, receiver)
        reader.learned = { [self] mode in capability.learn(model, mode, at: now) }
        let transfer = transport.start(
            TransferRequest(
                url: address, fields: fields(of: request, dialect, asksStream),
                body: body.storage, timeouts: configuration.timeouts, authorities: configuration.authorities),
            reader)
        return Opened(transfer: transfer, dropped: dropped)
    }

    /// Whether it should be found out first how a model answers: when that is so configured, and not known at `now`.
    package func needsProbe(_ model: String, at now: UInt64) -> Bool {
        let isWanted = configuration.probes && configuration.detectionLifetime > 0
        let isOpen = profile.streams && !configuration.forcesWhole && configuration.allowsFallback
        return isWanted && isOpen && capability.mode(of: model, at: now) == nil
    }

    /// Asks a model for a few tokens, and remembers how it answers; `done` is called then, inside of the transfer, which the caller
    /// ends. `nil` when it cannot be asked.
    package func probe(_ model: String, at now: UInt64, _ done: @escaping () -> Void) -> (any UpstreamTransfer)? {
        let dialect = profile.dialects[0]
        let target = RequestTarget(model: model, streams: true, maker: profile.maker, quirks: profile.quirks)
        var body = ByteBuffer()
        let endpoint = ProviderProfile.Endpoint(
            dialect: dialect, model: model, streams: true, baseURL: configuration.baseURL)
        guard (try? dialect.codec.encodeRequest(StreamProbe.request(model), target, into: &body)) != nil else {
            capability.learn(model, .both, at: now)
            return nil
        }
        let probe = StreamProbe { [self] mode in
            capability.learn(model, mode, at: now)
            done()
        }
        let reader = UpstreamReader(
            UpstreamReader.Expectation(
                provider: name, dialect: dialect, wantsStream: true, asksStream: true, allowsFallback: true,
                maxEvent: configuration.maxEvent),
            scratch: scratch, probe)
        var all = fields + profile.fields
        all.append(("Accept", "text/event-stream"))
        return transport.start(
            TransferRequest(
                url: profile.address(endpoint), fields: all, body: body.storage, timeouts: configuration.timeouts,
                authorities: configuration.authorities),
            reader)
    }

    /// Whether it counts tokens in Anthropic's form itself.
    package var countsTokens: Bool { profile.tokenCount != nil }

    private func address(_ endpoint: ProviderProfile.Endpoint) throws(UpstreamFailure) -> String {
        let address =
            switch endpoint.operation {
            case .chat: profile.address
            case .embeddings: profile.embeddings
            case .countTokens: profile.tokenCount
            }
        guard let address else {
            throw UpstreamFailure(
                .unfit,
                ChatFailure(
                    status: 400, message: "The provider '\(name)' cannot do this with the model '\(endpoint.model)'.",
                    type: "invalid_request_error", code: "unsupported_model", parameter: "model"))
        }
        return address(endpoint)
    }

    /// Whether to ask for a stream: as the client does, unless it is known that it would not be had.
    private func asksStream(
        _ operation: UpstreamRequest.Operation, _ chat: ChatRequest, _ model: String, _ now: UInt64
    ) -> Bool {
        guard profile.streams, !configuration.forcesWhole, operation == .chat else { return false }
        switch capability.mode(of: model, at: now) {
        case .wholeOnly: return false
        case .streamOnly: return true
        case .both, nil: return chat.streams
        }
    }

    private func fields(
        of request: UpstreamRequest, _ dialect: Dialect, _ asksStream: Bool
    ) -> [(name: String, value: String)] {
        var all = fields
        all.append(("Accept", asksStream ? "text/event-stream" : "application/json"))
        guard dialect == request.dialect else { return all + profile.fields }
        // What the client says itself stands before what the gateway would say.
        for field in profile.fields where !request.forwarded.contains(where: { $0.name == field.name }) {
            all.append(field)
        }
        return all + request.forwarded
    }
}

@available(*, unavailable)
extension Provider: Sendable {}
