// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
package import HTTPServer
package import Providers
internal import Reactor
package import Services
internal import Storage

/// The transparent proxy: `ANY /proxy/{provider}/{path}` to the provider's base URL and the path, or, for a whole server, any path
/// to one upstream's.
package final class ProxyDoor: Door {
    /// How logs and metrics know the door.
    package static let path = "/proxy"
    package let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    private let gate: DoorGate
    private let service: ProxyService
    private let destination: Destination

    /// Where requests go.
    package enum Destination {
        /// To the provider that the path names.
        case named([String: ProxyTarget])
        /// All to one upstream.
        case single(ProxyTarget)
    }

    package init(_ gate: DoorGate, _ service: ProxyService, _ destination: Destination) {
        self.gate = gate
        self.service = service
        self.destination = destination
    }

    package func receive(_ request: ServerRequest, id: String) {
        // Before anything else: no spelling of a path tells a stranger what there is.
        guard let caller = gate.admit(request, id: id, door: ProxyDoor.path, .openAIChat) else { return }
        guard gate.isRecorded(request, id: id, door: ProxyDoor.path, .openAIChat, caller) else { return }
        func refuse(_ failure: ChatFailure) {
            gate.refuse(failure, request, id: id, door: ProxyDoor.path, .openAIChat, caller)
        }
        let head = request.head
        guard !ProxyDoor.wantsWebSocket(head) else { return refuse(ErrorReply.upgrade) }
        guard let (target, rest) = find(head.target[...]) else { return refuse(ErrorReply.unknownProvider) }
        guard let path = target.target(for: rest) else { return refuse(ErrorReply.climbingPath) }
        guard let framing = head.fields.bodyFraming else { return refuse(ErrorReply.bodyOfHead) }
        guard head.method != "HEAD" || framing == .none || framing == .length(0) else { return refuse(ErrorReply.bodyOfHead) }
        let lines = CredentialFields.handedOn(
            head.fields, gatewayKey: caller.showedKey ? Credential.key(of: head) : nil, replaces: target.hasKey)
        // What is handed on unread cannot be held to some models, nor to what they use and cost.
        guard caller.models == nil, !caller.scopes.contains(where: \.rules.limitsUse) else {
            return refuse(ErrorReply.proxyNotAllowed)
        }
        var handedOn = ProxyRequest(
            target: target, method: head.method, path: path, lines: lines,
            framing: head.method == "HEAD" ? .none : framing, id: id, door: ProxyDoor.path, caller: caller,
            received: request.received)
        if gate.recordsHeaders {
            handedOn.headerText = "\(head.method) \(Redaction.target(head.target))\n" + Redaction.headers(head.fields)
        }
        let call = ProxyCall(request, requestID: id)
        request.owner = call
        guard !caller.scopes.isEmpty else { return begin(handedOn, call, request) }
        service.limits.admit(caller, .request) { [self, handedOn] admission in
            guard
                gate.relay.goesOn(after: admission, isWanted: !call.isGone, id: id, door: ProxyDoor.path, caller: caller)
            else { return }
            switch admission {
            case .granted(let lease, _):
                var handedOn = handedOn
                handedOn.lease = lease
                begin(handedOn, call, request)
            case .refused(let failure, let statuses):
                let fields = LimitFields.fields(of: failure, statuses, .openAIChat, now: wallClockSeconds())
                ErrorReply.send(failure, .openAIChat, requestID: id, fields: fields, to: request.response)
            }
        }
    }

    private func begin(_ handedOn: ProxyRequest, _ call: ProxyCall, _ request: ServerRequest) {
        call.exchange = service.begin(handedOn, call)
        request.streamBody(limit: gate.maxBody)
    }

    /// Where a request target goes, and what of it is the upstream's: the rest of the path, and the query.
    private func find(_ whole: Substring) -> (ProxyTarget, Substring)? {
        switch destination {
        case .single(let target): return whole.hasPrefix("/") ? (target, whole) : nil
        case .named(let targets):
            let behind = whole.dropFirst(ProxyDoor.path.utf8.count + 1)
            let name = behind.prefix { $0 != "/" && $0 != "?" }
            guard let target = targets[String(name)] else { return nil }
            return (target, behind[name.endIndex...])
        }
    }

    private static func wantsWebSocket(_ head: RequestHead) -> Bool {
        head.fields.values(of: "upgrade").contains { $0.lowercased().contains("websocket") }
    }
}

@available(*, unavailable)
extension ProxyDoor: Sendable {}

/// One request at the proxy's door, between the client and its exchange.
private final class ProxyCall: RequestOwner, ProxySink {
    private unowned let request: ServerRequest
    private let response: ResponseWriter
    private let requestID: String
    var exchange: ProxyExchange?
    private(set) var isGone = false

    init(_ request: ServerRequest, requestID: String) {
        self.request = request
        self.requestID = requestID
        response = request.response
    }

    // MARK: RequestOwner

    func receive(_ piece: Span<UInt8>) { exchange?.upload(piece) }

    func bodyEnded() { exchange?.uploadEnded() }

    func drained() { exchange?.drained() }

    func clientLeft() {
        isGone = true
        if let violation = request.violation {
            exchange?.refused(status: violation.status, violation.message)
        } else {
            exchange?.clientLeft()
        }
    }

    // MARK: ProxySink

    var isSaturated: Bool { response.isSaturated }

    func begin(_ head: ResponseHead, _ framing: BodyFraming) { response.forward(head, framing) }

    func write(_ chunk: Span<UInt8>) { response.write(chunk) }

    func flush() { response.flush() }

    func finish() { response.finish() }

    func refuse(_ failure: ChatFailure) {
        ErrorReply.send(failure, .openAIChat, requestID: requestID, to: response)
    }

    func abort() {
        // What came before the fault is the client's.
        response.flush()
        response.abort()
    }

    func pauseUpload() { request.pauseBody() }

    func resumeUpload() { request.resumeBody() }
}
