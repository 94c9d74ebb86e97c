// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import Dialects
internal import Telemetry

/// What is particular to a kind of provider: the dialects that it speaks, its addresses, how it wants to be shown the key.
package struct ProviderProfile: Sendable {
    /// What a request asks of a provider's address.
    package struct Endpoint {
        /// What is asked.
        package var operation = UpstreamRequest.Operation.chat
        /// The dialect of the request.
        package var dialect: Dialect
        /// The model, as the provider calls it.
        package var model: String
        /// Whether a stream is asked for.
        package var streams: Bool
        /// The provider's URL, without a final slash.
        package var baseURL: String
    }

    /// How the key is shown.
    package enum Authentication: Sendable, Equatable {
        /// As `Authorization: Bearer`.
        case bearer
        /// In a header field of its own, by its name.
        case field(String)

        /// The header field that shows a key; `nil` for an empty one.
        func field(_ key: Secret) -> (name: String, value: String)? {
            guard !key.isEmpty else { return nil }
            return switch self {
            case .bearer: ("Authorization", "Bearer \(key.reveal())")
            case .field(let name): (name, key.reveal())
            }
        }
    }

    /// What it speaks: the first is what requests of other dialects are translated into.
    package var dialects: [Dialect]
    /// Whose signatures its models make.
    package var maker: String
    /// How the key is shown.
    package var authentication: Authentication
    /// Header fields that every request carries.
    package var fields: [(name: String, value: String)] = []
    /// How it departs from its dialect.
    package var quirks = DialectQuirks()
    /// Whether it has streams at all.
    package var streams = true
    /// The whole URL of a request for chat.
    package var address: @Sendable (Endpoint) -> String
    /// The whole URL of a request for embeddings in OpenAI's form; `nil` when it has none.
    package var embeddings: (@Sendable (Endpoint) -> String)?
    /// The whole URL of a request to count tokens in Anthropic's form; `nil` when it has none.
    package var tokenCount: (@Sendable (Endpoint) -> String)?

    package init(
        _ dialects: [Dialect], maker: String, authentication: Authentication = .bearer,
        address: @escaping @Sendable (Endpoint) -> String
    ) {
        self.dialects = dialects
        self.maker = maker
        self.authentication = authentication
        self.address = address
    }
}
