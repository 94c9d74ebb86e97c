// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat

/// A wire format in which clients or upstreams speak.
package enum Dialect: String, Sendable, CaseIterable {
    case openAIChat = "openai-chat"
}
