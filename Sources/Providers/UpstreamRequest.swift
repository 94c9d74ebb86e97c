// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import Dialects

/// A chat request on its way to a provider: what the client sent, and what it means.
package struct UpstreamRequest {
    /// The dialect in which `body` is written.
    package var dialect: Dialect
    /// The client's body, unchanged.
    package var body: [UInt8]
    /// What it means.
    package var chat: ChatRequest

    package init(dialect: Dialect, body: [UInt8], chat: ChatRequest) {
        self.dialect = dialect
        self.body = body
        self.chat = chat
    }
}
