// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import HTTPSemantics
package import HTTPServer
package import Telemetry

/// `GET /healthz`, `/readyz` and their kin: whether the process lives, and whether it wants work.
package final class HealthDoor: Door {
    package let methods = ["GET"]
    private let condition: () -> Condition

    /// How the gateway is.
    package enum Condition: String {
        case well = "ok"
        case draining
        case withoutStorage = "storage_unavailable"
        /// Requests are refused, as they could not be recorded and have to be.
        case withoutAudit = "audit_unavailable"
    }

    /// Answers 200 while the condition is `well`, else 503.
    package init(_ condition: @escaping () -> Condition) { self.condition = condition }

    package func receive(_ request: ServerRequest, id: String) {
        var fields = HTTPFields()
        fields.append("Content-Type", "application/json")
        fields.append("Cache-Control", "no-store")
        fields.append("X-Request-Id", id)
        let found = condition()
        let body = Array("{\"status\":\"\(found.rawValue)\"}".utf8)
        request.response.respond(status: found == .well ? 200 : 503, fields: fields, body: body.span)
    }
}

@available(*, unavailable)
extension HealthDoor: Sendable {}

/// `GET /metrics`: all metrics in Prometheus' text format.
package final class MetricsDoor: Door {
    package let methods = ["GET"]
    private let metrics: GatewayMetrics
    private let adminKey: Secret?
    private let gate: DoorGate

    /// Open to everybody, or only to who brings `adminKey`; who is turned away is recorded through `gate`.
    package init(_ metrics: GatewayMetrics, adminKey: Secret?, _ gate: DoorGate) {
        self.metrics = metrics
        self.adminKey = adminKey
        self.gate = gate
    }

    package func receive(_ request: ServerRequest, id: String) {
        if let adminKey {
            let key = Credential.key(of: request.head)
            guard adminKey.matches(Array((key ?? "").utf8).span) else {
                let failure = key == nil ? ErrorReply.missingKey : ErrorReply.wrongKey
                return gate.refuse(failure, request, id: id, door: "/metrics", .openAIChat)
            }
        }
        var body = ByteBuffer()
        metrics.render(into: &body)
        var fields = HTTPFields()
        fields.append("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        fields.append("X-Request-Id", id)
        request.response.respond(status: 200, fields: fields, body: body.bytes)
    }
}

@available(*, unavailable)
extension MetricsDoor: Sendable {}
