// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import Dialects

/// A chat request on its way to a provider: what the client sent, and what it means.
package struct UpstreamRequest {
    /// The client's body, unchanged.
    package var body: [UInt8]
    /// What it means, and how it is handed on in its own dialect.
    package var request: OpenAIChatRequest

    /// What is asked, in no dialect.
    package var chat: ChatRequest { request.chat }

    package init(body: [UInt8], request: OpenAIChatRequest) {
        self.body = body
        self.request = request
    }
}
