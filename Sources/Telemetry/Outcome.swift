// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// How an exchange ended, as the log, the audit record and the metrics name it.
package enum Outcome: String, Sendable, CaseIterable {
    /// The whole answer was delivered.
    case completed
    /// The client left first: neither an error nor held against the provider.
    case clientDisconnected = "client_disconnected"
    /// The upstream answered with an error or broke off.
    case upstreamError = "upstream_error"
    /// The upstream did not answer in time.
    case upstreamTimeout = "upstream_timeout"
    /// The request was not admitted or not valid.
    case refused
    /// Sluice itself ended it, by drain or on an operator's word.
    case cancelled
}
