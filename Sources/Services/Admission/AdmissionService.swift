// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Telemetry

/// Decides whether a request may start.
package struct AdmissionService: Sendable {
    private let keys: [Secret]
    /// Whether a key is asked for.
    package let isEnabled: Bool

    /// Admits who brings one of `keys`, or everybody when not enabled.
    package init(isEnabled: Bool, keys: [Secret]) {
        self.isEnabled = isEnabled
        self.keys = keys
    }

    /// The masked name of the caller whose key was given; `nil` refuses.
    ///
    /// Every key is compared, in constant time each, so that the time taken does not tell which came close.
    package func admit(_ key: String?) -> String? {
        guard isEnabled else { return "anonymous" }
        guard let key, !key.isEmpty else { return nil }
        var found: String?
        let candidate = Array(key.utf8)
        for secret in keys where secret.matches(candidate.span) { found = secret.masked }
        return found
    }
}
