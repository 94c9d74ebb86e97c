// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
package import Dialects
package import HTTPClient
package import Telemetry

/// A place that chat requests are sent to: what it speaks, where it is, with which key.
package final class Provider {
    /// What a provider is made from.
    package struct Configuration: Sendable {
        /// The name that models are addressed under (`openai` in `openai/gpt-4o`).
        package var name: String
        /// The URL that the dialect's paths are appended to, without a final slash.
        package var baseURL: String
        /// The key that the provider expects; empty for none.
        package var apiKey: Secret
        /// When to give up waiting.
        package var timeouts: TransferTimeouts
        /// A file of certificate authorities in place of the system's.
        package var authorities: String?
        /// The models it is known to have, for listing.
        package var models: [String]

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
    /// The dialect that it speaks.
    package let dialect: Dialect
    private let configuration: Configuration
    private let transport: any UpstreamTransport
    private let scratch = UpstreamReader.Scratch()
    /// The header fields that every request carries.
    private let fields: [(name: String, value: String)]

    /// A provider that speaks `dialect`, reached through `transport`.
    package init(_ configuration: Configuration, dialect: Dialect, transport: any UpstreamTransport) {
        self.configuration = configuration
        self.dialect = dialect
        self.transport = transport
        var fields = [
            ("Content-Type", "application/json"), ("Accept-Encoding", "identity"), ("User-Agent", "sluice"),
        ]
        if !configuration.apiKey.isEmpty {
            fields.append(("Authorization", "Bearer \(configuration.apiKey.reveal())"))
        }
        self.fields = fields
    }

    /// Asks for `model`, and delivers what comes to `receiver`, first after this has returned.
    package func open(
        _ request: UpstreamRequest, model: String, _ receiver: any UpstreamReceiver
    ) -> any UpstreamTransfer {
        var body = ByteBuffer(capacity: request.body.count + 128)
        request.request.writePassthrough(request.body.span, model: model, into: &body)
        var fields = self.fields
        fields.append(("Accept", request.chat.streams ? "text/event-stream" : "application/json"))
        let reader = UpstreamReader(
            provider: name, decoder: OpenAIChatStreamDecoder(), wantsStream: request.chat.streams, scratch: scratch,
            receiver)
        return transport.start(
            TransferRequest(
                url: configuration.baseURL + "/chat/completions", fields: fields, body: body.storage,
                timeouts: configuration.timeouts, authorities: configuration.authorities),
            reader)
    }
}

@available(*, unavailable)
extension Provider: Sendable {}
