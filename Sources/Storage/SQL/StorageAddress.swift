// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Telemetry

/// Where the data is kept.
package enum StorageAddress: Equatable, Sendable {
    /// Nowhere.
    case none
    /// In a file, by its path.
    case sqlite(path: String)
    /// On a Postgres server, by a connection URI as libpq reads it, which may hold a password.
    case postgres(uri: Secret)

    /// What is used when nothing is said: a file in the working directory.
    package static let standard = StorageAddress.sqlite(path: "sluice.db")

    /// Reads `none`, `sqlite:PATH` (also `sqlite:///PATH`), `postgres://...` or `postgresql://...`; `nil` for anything else.
    package init?(_ address: Secret) {
        let text = address.reveal()
        if text == "none" {
            self = .none
        } else if text.hasPrefix("sqlite:") {
            let path = String(text.dropFirst("sqlite:".count))
            // With one host there would be two readings of what follows; SQLite's files in memory cannot be shared by threads.
            let isHost = path.hasPrefix("//") && !path.hasPrefix("///")
            guard !path.isEmpty, !isHost, !path.hasPrefix(":"), !path.utf8.contains(0) else { return nil }
            self = .sqlite(path: path)
        } else if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") {
            self = .postgres(uri: address)
        } else {
            return nil
        }
    }

    /// The name of the engine: `none`, `sqlite` or `postgres`.
    package var engine: String {
        switch self {
        case .none: "none"
        case .sqlite: "sqlite"
        case .postgres: "postgres"
        }
    }
}
