// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import HTTPClient
package import HTTPSemantics
package import Telemetry

/// A place that requests are handed on to as they are: where it is, and what the gateway adds in its own name.
package final class ProxyTarget {
    /// The name by which logs, metrics and errors know it.
    package var name: String { configuration.name }
    /// Whether the gateway shows a key of its own, in place of any that a client sends.
    package let hasKey: Bool
    /// That key; empty for none.
    package var apiKey: Secret { configuration.apiKey }
    private let configuration: Provider.Configuration
    /// The path of the base URL, without a final slash: what every request's path begins with.
    private let basePath: String
    private let credentials: [(name: String, value: String)]
    private let defaults: [(name: String, value: String)]
    private let transport: any ForwardingTransport

    /// The upstream of a provider, below its base URL.
    package init(_ configuration: Provider.Configuration, _ profile: ProviderProfile, transport: any ForwardingTransport) {
        self.configuration = configuration
        self.transport = transport
        let credential = profile.authentication.field(configuration.apiKey)
        credentials = credential.map { [$0] } ?? []
        hasKey = credential != nil
        defaults = profile.fields
        // What stands behind the host, which ends at the first slash behind the scheme's two.
        let parts = configuration.baseURL.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        basePath = parts.count > 3 ? "/" + parts[3] : ""
    }

    /// The request target for what a client asks for below the base URL; `nil` when it could lead out of it.
    ///
    /// `rest` is empty or begins with `/` or `?`.
    package func target(for rest: Substring) -> String? { ForwardPath.join(basePath, rest) }

    /// Hands a request on: the client's lines, which must be end-to-end ones without its credentials, with the gateway's own.
    ///
    /// The destination is the base URL's whatever the target says. What comes goes to `receiver`, first after this has returned.
    package func open(
        method: String, target: String, lines: HTTPFields, framing: BodyFraming, _ receiver: any ForwardingReceiver
    ) -> any ForwardingTransfer {
        var request = TransferRequest(
            url: configuration.baseURL, fields: credentials + defaults.filter { lines[$0.name] == nil },
            timeouts: configuration.timeouts, authorities: configuration.authorities)
        request.forwarding = TransferRequest.Forwarding(method: method, target: target, lines: lines, framing: framing)
        return transport.forward(request, receiver)
    }
}

@available(*, unavailable)
extension ProxyTarget: Sendable {}
