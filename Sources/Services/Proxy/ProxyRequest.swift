// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import HTTPSemantics
package import Providers
package import Storage
internal import Telemetry

/// A request that is handed on as it is.
package struct ProxyRequest {
    /// Where it goes.
    package var target: ProxyTarget
    /// The method.
    package var method: String
    /// The request target at the upstream, from `ProxyTarget.target`.
    package var path: String
    /// The client's field lines that upstream gets.
    package var lines: HTTPFields
    /// How the client frames its body.
    package var framing: BodyFraming
    /// The request's identifier, in every log line and error of it.
    package var id: String
    /// The front door's path.
    package var door: String
    /// The masked key or address of who asks.
    package var caller: Caller
    /// When the head was complete, on the loop's clock.
    package var received: UInt64
    /// What of the client's head is recorded, without credentials: `name: value`, a line each.
    package var headerText = ""
    /// What the caller's limits granted it, to be settled when it ends.
    package var lease: LimitLease?

    /// The credentials that upstream is shown: the gateway's, or what the client sends of its own.
    var shownSecrets: KnownSecrets { KnownSecrets([target.apiKey] + Redaction.credentials(in: lines, target: path)) }

    package init(
        target: ProxyTarget, method: String, path: String, lines: HTTPFields, framing: BodyFraming, id: String, door: String,
        caller: Caller, received: UInt64
    ) {
        self.target = target
        self.method = method
        self.path = path
        self.lines = lines
        self.framing = framing
        self.id = id
        self.door = door
        self.caller = caller
        self.received = received
    }
}

/// The fields in which APIs are shown a key.
package enum CredentialFields {
    package static let names: Set<String> = ["authorization", "x-api-key", "api-key", "x-goog-api-key"]

    /// The lines of a client that an upstream gets: end-to-end ones, less the name of the host and what is asked of the gateway
    /// itself, less the key that the gateway admitted the client by, and less every credential where the gateway shows its own.
    ///
    /// - Parameters:
    ///   - gatewayKey: The key that the client was admitted by; `nil` where none is asked for.
    ///   - replaces: Whether the gateway shows a key of its own.
    package static func handedOn(_ fields: HTTPFields, gatewayKey: String?, replaces: Bool) -> HTTPFields {
        // A client may show the same key in two ways, as some SDKs do.
        let shown = names.filter { name in
            guard let gatewayKey, !gatewayKey.isEmpty else { return false }
            return fields.values(of: name).contains { $0 == gatewayKey || $0.hasSuffix(" " + gatewayKey) }
        }
        return fields.endToEnd.keeping { name in
            if name == "host" || name == "expect" { return false }
            guard names.contains(name) else { return true }
            return !replaces && !shown.contains(name)
        }
    }
}
