// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
package import Chat
package import Dialects

/// A chat request on its way to a provider: what the client sent, and what it means.
package struct UpstreamRequest {
    /// What is asked of a provider.
    package enum Operation: Sendable {
        case chat
        /// Vectors for texts, in OpenAI's form.
        case embeddings
        /// How many tokens a request has, in Anthropic's form.
        case countTokens
    }

    /// The client's body, unchanged.
    package var body: [UInt8]
    /// What it means, and how it is handed on in its own dialect.
    package var decoded: DecodedRequest
    /// The client's dialect.
    package var dialect: Dialect
    /// What is asked: only `chat` is ever translated.
    package var operation: Operation
    /// Header fields of the client that a provider of the same dialect gets too, such as `anthropic-beta`.
    package var forwarded: [(name: String, value: String)]

    /// Whether the gateway itself asks, so that there is no client's body to hand on.
    package private(set) var isComposed = false

    /// What is asked, in no dialect.
    package var chat: ChatRequest { decoded.chat }

    package init(
        body: [UInt8], decoded: DecodedRequest, dialect: Dialect, operation: Operation = .chat,
        forwarded: [(name: String, value: String)] = []
    ) {
        self.body = body
        self.decoded = decoded
        self.dialect = dialect
        self.operation = operation
        self.forwarded = forwarded
    }

    /// A request of the gateway's own.
    package init(composed chat: ChatRequest) {
        self.init(body: [], decoded: DecodedRequest(chat: chat, outline: .empty), dialect: chat.origin)
        isComposed = true
    }

    /// What a record shows of it: the client's body; of a request of the gateway's own, the same in OpenAI's form.
    package var recordedBody: [UInt8] {
        guard isComposed else { return body }
        var written = ByteBuffer(capacity: 1024)
        let target = RequestTarget(model: chat.model, streams: chat.streams, maker: "")
        guard (try? Dialect.openAIChat.codec.encodeRequest(chat, target, into: &written)) != nil else { return [] }
        return written.storage
    }
}
