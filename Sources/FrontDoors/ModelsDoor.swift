// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import HTTPSemantics
package import HTTPServer
internal import JSON
internal import Services

/// `GET /v1/models`, `/v1/models/{id}` and the same under `/v1beta`: what can be asked for, in the shape of the vendor whose
/// client asks.
package final class ModelsDoor: Door {
    package let methods = ["GET"]
    private let gate: DoorGate
    private let created: Int

    /// A door to the list of the gate's models; `created` is the Unix time that each is said to be made.
    package init(_ gate: DoorGate, created: Int) {
        self.gate = gate
        self.created = created
    }

    package func receive(_ request: ServerRequest, id: String) {
        let dialect = ModelsDoor.dialect(of: request.head)
        guard let caller = gate.admit(request, id: id, door: "/v1/models", dialect) else { return }
        guard let segments = request.head.pathSegments else {
            return ErrorReply.send(ErrorReply.notFound, dialect, requestID: id, to: request.response)
        }
        var body = ByteBuffer()
        if segments.count > 2 {
            // A model's name may hold slashes.
            var name = segments[2...].joined(separator: "/")
            if name.hasPrefix("models/") { name.removeFirst("models/".count) }
            // What is not listed can be asked for all the same, when a provider's name stands before it.
            let listed = gate.relay.models.first { $0.model == name }
            let unlisted = gate.relay.owner(of: name).map { (model: name, owner: $0) }
            // What its key may not use is not there for a caller.
            guard let entry = listed ?? unlisted, caller.mayUse(name) else {
                return ErrorReply.send(
                    .init(
                        status: 404, message: "The model '\(name.prefix(256))' does not exist.",
                        type: "invalid_request_error", code: "model_not_found", parameter: "model"),
                    dialect, requestID: id, to: request.response)
            }
            body.appendJSON { json in write(entry, dialect, &json) }
        } else {
            body.appendJSON { json in writeList(gate.relay.models.filter { caller.mayUse($0.model) }, dialect, &json) }
        }
        var fields = HTTPFields()
        fields.append("Content-Type", "application/json")
        fields.append("X-Request-Id", id)
        request.response.respond(status: 200, fields: fields, body: body.bytes)
    }

    /// Whose client asks: by what only that vendor's clients send.
    private static func dialect(of head: RequestHead) -> Dialect {
        if head.fields["anthropic-version"] != nil { return .anthropic }
        let isGoogle = head.fields["x-goog-api-key"] != nil || head.fields["x-goog-api-client"] != nil
        return isGoogle || head.path.hasPrefix("/v1beta/") ? .gemini : .openAIChat
    }

    private func writeList(_ models: [(model: String, owner: String)], _ dialect: Dialect, _ json: inout JSONWriter) {
        json.object { json in
            if dialect == .openAIChat { json.member("object", "list") }
            json.key(dialect == .gemini ? "models" : "data")
            json.array { json in
                for entry in models { write(entry, dialect, &json) }
            }
            guard dialect == .anthropic else { return }
            json.member("has_more", false)
            json.member("first_id", models.first.map { .string($0.model) } ?? .null)
            json.member("last_id", models.last.map { .string($0.model) } ?? .null)
        }
    }

    private func write(_ entry: (model: String, owner: String), _ dialect: Dialect, _ json: inout JSONWriter) {
        json.object { json in
            switch dialect {
            case .anthropic:
                json.member("type", "model")
                json.member("id", entry.model)
                json.member("display_name", entry.model)
                json.member("created_at", InternetDate.text(fromUnixTime: created))
            case .gemini:
                json.member("name", "models/\(entry.model)")
                json.member("displayName", entry.model)
                json.member("version", "1")
                json.key("supportedGenerationMethods")
                json.array { json in
                    json.string("generateContent")
                    json.string("streamGenerateContent")
                }
            default:
                json.member("id", entry.model)
                json.member("object", "model")
                json.member("created", created)
                json.member("owned_by", entry.owner)
            }
        }
    }
}

@available(*, unavailable)
extension ModelsDoor: Sendable {}
