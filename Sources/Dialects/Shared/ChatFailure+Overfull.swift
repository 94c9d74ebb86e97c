// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat

extension ChatFailure {
    /// What ends a stream whose encoder would have to keep more of a call than it may: cut arguments must not look whole.
    static let overfull = ChatFailure(
        status: 502, message: "The upstream's tool calls are too large to be told to this client.")
}
