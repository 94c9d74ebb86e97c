// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import Providers
internal import Telemetry

/// What an exchange keeps of answers as they came.
extension Exchange {
    /// Begins to keep the answer to an attempt; `nil` where answers are not kept.
    func spool(_ attribution: Attribution, for client: Dialect) -> SpooledAnswer? {
        relay.spool?.begin(
            SpoolOrigin(
                requestID: record.requestID, streamID: attribution.streamID, attempt: attribution.attempts, door: record.door,
                keyID: record.caller.keyID, provider: attribution.provider, model: attribution.model,
                dialects: (client, attribution.dialect), secrets: shownSecrets))
    }

    /// The credentials that the provider which is asked was shown.
    var shownSecrets: KnownSecrets { KnownSecrets(current.map { [$0.provider.apiKey] } ?? []) }
}
