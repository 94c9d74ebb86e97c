// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Storage
package import Telemetry

/// Decides who may come in, and as whom.
package struct AdmissionService: Sendable {
    private let keys: [(secret: Secret, caller: Caller)]
    private let adminKey: Secret?
    private let isEnabled: Bool
    private let isLocal: Bool

    /// Admits who brings one of `keys` or `adminKey`, or everybody when not enabled.
    ///
    /// Each of `keys` may use what `limits` allow. Without keys, whoever can connect is the administrator if only this machine `isLocal` can, and elsewhere nobody is.
    package init(
        isEnabled: Bool, keys: [Secret], adminKey: Secret? = nil, isLocal: Bool = false,
        limits: LimitRules = LimitRules()
    ) {
        self.isEnabled = isEnabled
        self.keys = keys.map { key in
            let scopes = limits.isEmpty ? [] : [LimitScope(LimitScope.name(ofKey: key.reveal()), limits)]
            return (key, Caller(name: key.masked, scopes: scopes))
        }
        self.adminKey = adminKey
        self.isLocal = isLocal
    }

    /// The caller whose key was given; `nil` refuses.
    ///
    /// Every key is compared, in constant time each, so that the time taken does not tell which came close.
    package func admit(_ key: String?) -> Caller? {
        let candidate = Array((key ?? "").utf8)
        var found: Caller?
        if !candidate.isEmpty {
            for key in keys where key.secret.matches(candidate.span) { found = key.caller }
            if let adminKey, adminKey.matches(candidate.span) { found = Caller(name: adminKey.masked, role: .admin) }
        }
        guard !isEnabled, found == nil else { return found }
        var anonymous = Caller.anonymous
        if isLocal, adminKey == nil { anonymous.role = .admin }
        return anonymous
    }
}
