// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import HTTPSemantics
package import HTTPServer
internal import Services
package import Telemetry

/// From method and path to a door; answers for what has none.
package final class RouteTable: RequestHandler {
    private let doors: [String: any Door]
    private let prefixes: [(prefix: String, door: any Door)]
    private let metrics: GatewayMetrics
    private let gate: DoorGate?
    /// Where the doors are, in the order given.
    package let paths: [String]
    private let rest: (any Door)?

    /// A table of doors by their path; a path that ends in `/` takes everything below it.
    ///
    /// What has no door of its own goes to `rest`. What the gate's policy of origins turns away reaches no door, nor do the
    /// preflights of the pages that it allows.
    package init(
        _ doors: [(path: String, door: any Door)], rest: (any Door)? = nil, metrics: GatewayMetrics, gate: DoorGate? = nil
    ) {
        self.gate = gate
        paths = doors.map(\.path)
        self.rest = rest
        self.doors = Dictionary(doors.filter { !$0.path.hasSuffix("/") || $0.path == "/" }) { first, _ in first }
        prefixes = doors.filter { $0.path.hasSuffix("/") && $0.path != "/" }.map { ($0.path, $0.door) }
        self.metrics = metrics
    }

    package func receive(_ request: ServerRequest) {
        let id = requestID(of: request.head)
        let path = String(request.head.path)
        if let gate { request.response.always = gate.origins.allowed.fields(for: request.head) }
        if let gate, let failure = gate.origins.refusal(of: request.head) {
            return gate.refuse(failure, request, id: id, door: "-", ErrorReply.dialect(of: path))
        }
        guard let door = doors[path] ?? prefixes.first(where: { path.hasPrefix($0.prefix) })?.door ?? rest else {
            return ErrorReply.send(ErrorReply.notFound, ErrorReply.dialect(of: path), requestID: id, to: request.response)
        }
        if var fields = gate?.origins.allowed.preflight(request.head, methods: door.methods) {
            fields.append("X-Request-Id", id)
            return request.response.respond(status: 204, fields: fields, body: [UInt8]().span)
        }
        let method = request.head.method == "HEAD" ? "GET" : request.head.method
        guard door.takesAnyMethod || door.methods.contains(method) else {
            return ErrorReply.refuseMethod(
                allowed: door.methods, ErrorReply.dialect(of: path), requestID: id, to: request.response)
        }
        door.receive(request, id: id)
    }

    package func refusal(_ violation: FramingViolation, head: RequestHead?) -> (fields: HTTPFields, body: [UInt8]) {
        let id = Identifier.make("req")
        var fields = head.flatMap { gate?.origins.allowed.fields(for: $0) } ?? HTTPFields()
        fields.append("Content-Type", "application/json")
        fields.append("X-Content-Type-Options", "nosniff")
        fields.append("X-Request-Id", id)
        return (fields, ErrorReply.body(ErrorReply.failure(of: violation), ErrorReply.dialect(of: head?.target ?? ""), id))
    }

    package func connectionsChanged(by change: Int) {
        metrics.connectionsActive.add(change)
    }

    package func refused(_ reason: String) {
        metrics.connectionsRefused.with(["reason": reason]).add()
    }

    /// The client's own identifier when it is sane, else one of ours.
    private func requestID(of head: RequestHead) -> String {
        guard let given = head.fields["x-request-id"], !given.isEmpty, given.utf8.count <= 128,
            given.utf8.allSatisfy({ byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == 0x2D || byte == 0x2E || byte == 0x5F
            })
        else { return Identifier.make("req") }
        return given
    }
}

@available(*, unavailable)
extension RouteTable: Sendable {}

/// Two doors at one path, told apart by the method.
package final class SharedPath: Door {
    package var methods: [String] { doors.flatMap(\.methods) }
    private let doors: [any Door]

    package init(_ doors: [any Door]) {
        self.doors = doors
    }

    package func receive(_ request: ServerRequest, id: String) {
        let method = request.head.method == "HEAD" ? "GET" : request.head.method
        doors.first { $0.methods.contains(method) }?.receive(request, id: id)
    }
}

@available(*, unavailable)
extension SharedPath: Sendable {}
