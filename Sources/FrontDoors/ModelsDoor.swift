// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import HTTPSemantics
package import HTTPServer
internal import JSON
package import Services

/// `GET /v1/models` and `GET /v1/models/{id}`: what can be asked for, in OpenAI's shape.
package final class ModelsDoor: Door {
    package let methods = ["GET"]
    private let relay: RelayService
    private let admission: AdmissionService
    private let created: Int

    /// A door to the list of `relay`'s models; `created` is the Unix time that each is said to be made.
    package init(_ relay: RelayService, _ admission: AdmissionService, created: Int) {
        self.relay = relay
        self.admission = admission
        self.created = created
    }

    package func receive(_ request: ServerRequest, id: String) {
        let key = Credential.key(of: request.head)
        guard admission.admit(key) != nil else {
            return ErrorReply.send(
                key == nil ? ErrorReply.missingKey : ErrorReply.wrongKey, requestID: id, to: request.response)
        }
        var body = ByteBuffer()
        let segments = request.head.pathSegments ?? []
        if segments.count > 2 {
            // A model's name may hold slashes.
            let name = segments[2...].joined(separator: "/")
            guard let owner = owner(of: name) else {
                return ErrorReply.send(
                    .init(
                        status: 404, message: "The model '\(name)' does not exist.",
                        type: "invalid_request_error", code: "model_not_found", parameter: "model"),
                    requestID: id, to: request.response)
            }
            write(name, owner, into: &body)
        } else {
            body.append("{\"object\":\"list\",\"data\":[")
            for (index, entry) in relay.models.enumerated() {
                if index > 0 { body.append(",") }
                write(entry.model, entry.owner, into: &body)
            }
            body.append("]}")
        }
        var fields = HTTPFields()
        fields.append("Content-Type", "application/json")
        fields.append("X-Request-Id", id)
        request.response.respond(status: 200, fields: fields, body: body.bytes)
    }

    private func owner(of name: String) -> String? {
        guard let entry = relay.models.first(where: { $0.model == name }) else { return nil }
        return entry.owner
    }

    private func write(_ model: String, _ owner: String, into body: inout ByteBuffer) {
        body.append("{\"id\":")
        body.appendJSONString(model)
        body.append(",\"object\":\"model\",\"created\":")
        body.append(decimal: created)
        body.append(",\"owned_by\":")
        body.appendJSONString(owner)
        body.append("}")
    }
}

@available(*, unavailable)
extension ModelsDoor: Sendable {}
