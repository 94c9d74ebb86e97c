// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Telemetry

extension Settings: CustomStringConvertible {
    /// A summary for people, one setting a line; of credentials only whether there are any.
    package var description: String {
        var lines = [
            "listen: \(listen)", "workers: \(workers)", "log: \(log.level.name), \(log.format.rawValue)",
            "auth: \(auth.enabled ? "on" : "off"), \(auth.keys.count) keys"
                + (auth.adminKey == nil ? "" : ", admin key set"),
            "limits: \(limits.maxConnections) connections, body \(Quantity.text(limits.maxBody)), headers "
                + "\(Quantity.text(limits.maxHeaders)) in \(Quantity.text(limits.headerTimeout))",
            "streaming: heartbeat \(Quantity.text(streaming.heartbeatInterval)), commit after "
                + "\(Quantity.text(streaming.commitAfter)), high watermark "
                + "\(Quantity.text(streaming.highWatermark)), on disconnect "
                + streaming.onDisconnect.rawValue
                + (streaming.forceNonStreaming ? ", upstreams never stream" : ""),
            "drain timeout: \(Quantity.text(drainTimeout))",
        ]
        if databaseURL != nil { lines.append("database: set") }
        if redisURL != nil { lines.append("redis: set") }
        if let upstreamURL { lines.append("upstream: \(upstreamURL)") }
        for provider in providers {
            var line = "provider \(provider.name): \(provider.kind.rawValue)"
            if !provider.baseURL.isEmpty { line += " at \(provider.baseURL)" }
            if provider.kind != .simulator { line += provider.apiKey == nil ? ", no key" : ", key set" }
            lines.append(line)
        }
        for model in models {
            let places = model.deployments.map { "\($0.provider)/\($0.model ?? "*") (weight \($0.weight))" }
            var line = "model \(model.name): \(places.joined(separator: ", "))"
            if !model.fallbacks.isEmpty { line += ", then \(model.fallbacks.joined(separator: ", "))" }
            lines.append(line)
        }
        return lines.joined(separator: "\n")
    }
}
