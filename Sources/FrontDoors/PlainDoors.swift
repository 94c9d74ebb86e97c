// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import Dialects
internal import HTTPSemantics
package import HTTPServer
internal import JSON
internal import Providers
internal import Services

/// `POST /v1/embeddings`: vectors for texts, in OpenAI's form.
package final class EmbeddingsDoor: Door {
    /// Where the door is.
    package static let path = "/v1/embeddings"
    package let methods = ["POST"]
    private let gate: DoorGate

    package init(_ gate: DoorGate) {
        self.gate = gate
    }

    package func receive(_ request: ServerRequest, id: String) {
        var terms = DialectCall.Terms(
            id: id, door: EmbeddingsDoor.path, dialect: .openAIChat, answer: .openAIChat)
        terms.operation = .embeddings
        DialectCall.begin(request, gate, terms)
    }
}

@available(*, unavailable)
extension EmbeddingsDoor: Sendable {}

/// `POST /v1/messages/count_tokens`: counted by the provider where it does that, else estimated, and marked so.
package final class TokenCountDoor: Door {
    /// Where the door is.
    package static let path = "/v1/messages/count_tokens"
    package let methods = ["POST"]
    private let gate: DoorGate

    package init(_ gate: DoorGate) {
        self.gate = gate
    }

    package func receive(_ request: ServerRequest, id: String) {
        var terms = DialectCall.Terms(id: id, door: TokenCountDoor.path, dialect: .anthropic, answer: .anthropic)
        terms.operation = .countTokens
        DialectCall.begin(request, gate, terms)
    }

    /// Answers with an estimate.
    static func answer(_ estimate: Int, _ dialect: Dialect, _ id: String, _ response: ResponseWriter) {
        var fields = HTTPFields()
        fields.append("Content-Type", "application/json")
        fields.append("X-Request-Id", id)
        fields.append("request-id", id)
        fields.append("X-Sluice-Estimated", "true")
        var body = ByteBuffer()
        body.appendJSON { json in
            json.object { json in
                if dialect == .gemini { json.member("totalTokens", estimate) } else { json.member("input_tokens", estimate) }
            }
        }
        response.respond(status: 200, fields: fields, body: body.bytes)
    }
}

@available(*, unavailable)
extension TokenCountDoor: Sendable {}
