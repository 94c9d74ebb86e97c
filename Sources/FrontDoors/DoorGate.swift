// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
internal import HTTPServer
package import Services

/// What every door to the models shares: who may enter, whether it is open, how much it takes in.
package final class DoorGate {
    /// Whether new requests are turned away because the process is going down.
    package var isDraining = false
    let relay: RelayService
    let maxBody: Int
    let buffer = EncodeBuffer()
    let origins: OriginPolicy
    private let admission: AdmissionService

    /// A gate to `relay` for callers whom `admission` admits, with bodies up to `maxBody` bytes.
    package init(_ relay: RelayService, _ admission: AdmissionService, maxBody: Int, origins: OriginPolicy = .open) {
        self.relay = relay
        self.admission = admission
        self.origins = origins
        self.maxBody = maxBody
    }

    /// Who asks, by the head alone, before a byte of the body is held for a stranger; a caller that is turned away has been answered.
    func admit(_ request: ServerRequest, id: String, door: String, _ dialect: Dialect) -> Caller? {
        let key = Credential.key(of: request.head, allowsQuery: dialect == .gemini)
        let caller: Caller
        switch admission.admit(key) {
        case .admitted(let admitted): caller = admitted
        case .refused:
            refuse(key == nil ? ErrorReply.missingKey : ErrorReply.wrongKey, request, id: id, door: door, dialect)
            return nil
        case .notLoaded:
            refuse(ErrorReply.keysUnavailable, request, id: id, door: door, dialect)
            return nil
        }
        guard !isDraining else {
            refuse(ErrorReply.draining, request, id: id, door: door, dialect, caller)
            return nil
        }
        return caller
    }

    /// Whether the request will be recorded, or need not be; one that cannot be has been answered.
    func isRecorded(_ request: ServerRequest, id: String, door: String, _ dialect: Dialect, _ caller: Caller) -> Bool {
        guard !relay.isRecorded else { return true }
        refuse(ErrorReply.auditUnavailable, request, id: id, door: door, dialect, caller)
        return false
    }

    /// Throws a 403 when a caller's key is not for a model, and a 404 when nobody serves it.
    func check(model: String, for caller: Caller) throws(ChatFailure) {
        guard caller.mayUse(model) else { throw ChatFailure.modelNotAllowed(model) }
        guard relay.serves(model) else {
            throw ChatFailure(
                status: 404, message: "The model '\(model.prefix(256))' does not exist or no provider serves it.",
                type: "invalid_request_error", code: "model_not_found", parameter: "model")
        }
    }

    /// Whether header fields are wanted for records.
    var recordsHeaders: Bool { relay.policy.keepsContent }

    /// Answers with a failure, and records that the request went no further; without a `caller` as a stranger's, of whom few are
    /// recorded.
    func refuse(
        _ failure: ChatFailure, _ request: ServerRequest, id: String, door: String, _ dialect: Dialect, _ caller: Caller? = nil
    ) {
        relay.recordRefusal(
            failure, id: id, door: door, caller: caller ?? Caller(name: request.peer), isStranger: caller == nil)
        ErrorReply.send(failure, dialect, requestID: id, to: request.response)
    }
}

@available(*, unavailable)
extension DoorGate: Sendable {}
