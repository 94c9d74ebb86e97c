// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Decides who may come in, and as whom.
package struct AdmissionService {
    /// What becomes of somebody who asks.
    package enum Verdict: Equatable {
        case admitted(Caller)
        /// A key is needed, and what was shown is none.
        case refused
        /// The key may be good, which cannot be told yet.
        case notLoaded
    }

    private let ring: KeyRing
    /// Whether a key is asked for.
    package let isEnabled: Bool
    private let isOpenToAdmin: Bool

    /// Admits who brings a key of `ring`, or everybody when not enabled.
    ///
    /// Without keys, whoever can connect is the administrator if only this machine `isLocal` can and no admin key is set, and
    /// elsewhere nobody is.
    package init(isEnabled: Bool, ring: KeyRing, hasAdminKey: Bool = false, isLocal: Bool = false) {
        self.isEnabled = isEnabled
        self.ring = ring
        isOpenToAdmin = isLocal && !hasAdminKey
    }

    /// Who brings a key, or none.
    package func admit(_ key: String?) -> Verdict {
        let finding = ring.find(key ?? "")
        if case .caller(let caller) = finding { return .admitted(caller) }
        guard isEnabled else {
            var anonymous = Caller.anonymous
            if isOpenToAdmin { anonymous.role = .admin }
            return .admitted(anonymous)
        }
        return finding == .notLoaded ? .notLoaded : .refused
    }
}

@available(*, unavailable)
extension AdmissionService: Sendable {}
