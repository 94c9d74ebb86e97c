// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Settings
internal import Telemetry

/// Where a command finds a running gateway, and the key that it shows there.
struct GatewayAddress {
    /// The gateway's address, without a final slash.
    let url: String
    /// The key; empty when none was given.
    let key: Secret

    /// Reads `--url` and `--key`, else `SLUICE_URL` and `SLUICE_API_KEY`; `nil` when the address is none.
    init?(_ options: [String: String], _ environment: [String: String]) {
        let given = options["url"] ?? environment["SLUICE_URL"] ?? "http://127.0.0.1:8080"
        guard let url = BaseURL.parse(given) else { return nil }
        self.url = url
        key = Secret(options["key"] ?? environment["SLUICE_API_KEY"] ?? "")
    }

    static let misuse = "the gateway's address must be a URL such as http://127.0.0.1:8080 (--url or SLUICE_URL)"
}
