// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Storage
package import Telemetry

/// All keys that are good, found by their digests: those of the settings, the admin key, and the virtual keys that are stored.
///
/// No key is kept, and none is compared: what a client shows is hashed, and the hash is looked for. Reading this never waits, and
/// goes on with what was known last while the database is away.
package final class KeyRing {
    /// What is known of a key that was shown.
    package enum Finding: Equatable {
        case caller(Caller)
        /// It is none of ours, or is not good any more.
        case unknown
        /// It may be one of those that are not loaded yet.
        case notLoaded
    }

    private struct Entry {
        var caller: Caller
        var expiresAt: Int64?
    }

    private let configured: [KeyDigest: Caller]
    private let defaults: LimitRules
    private let organizations: [String: LimitRules]
    private let now: () -> Int64
    private var stored: [KeyDigest: Entry] = [:]
    /// The stored keys that have a budget, or had one since this process began.
    private var budgeted: Set<String> = []
    /// Changes made here that the reading of changes has not come to yet: what it brings of them may be older.
    private var ahead: [String: KeyRow] = [:]
    /// Whether the stored keys are here, or there are none to load.
    package private(set) var isLoaded: Bool

    /// How many stored keys are known.
    package var count: Int { stored.count }

    /// A ring of the settings' keys.
    ///
    /// - Parameters:
    ///   - keys: Keys of clients.
    ///   - adminKey: The administrator's.
    ///   - defaults: What each key of a client may use that has no limits of its own.
    ///   - organizations: What all keys of an organisation together may use, by its name.
    ///   - expectsStored: Whether stored keys will be loaded; until they are, a strange key is `notLoaded`.
    ///   - now: The time in microseconds since 1970.
    package init(
        keys: [Secret], adminKey: Secret?, defaults: LimitRules = LimitRules(), organizations: [String: LimitRules] = [:],
        expectsStored: Bool = false,
        now: @escaping () -> Int64
    ) {
        var configured: [KeyDigest: Caller] = [:]
        for key in keys where !key.isEmpty {
            let digest = KeyDigest(of: key.reveal())
            // Known to records and counters by a part of its digest, from which nobody gets the key back.
            let id = KeyRing.settingsPrefix + digest.prefix
            configured[digest] = Caller(
                name: key.masked, keyID: id, scopes: defaults.isEmpty ? [] : [LimitScope("key:\(id)", defaults)])
        }
        if let adminKey, !adminKey.isEmpty {
            configured[KeyDigest(of: adminKey.reveal())] = Caller(name: adminKey.masked, role: .admin)
        }
        self.configured = configured
        self.defaults = defaults
        self.organizations = organizations
        self.now = now
        isLoaded = !expectsStored
    }

    /// Whose key it is.
    package func find(_ key: String) -> Finding {
        guard !key.isEmpty else { return .unknown }
        let digest = KeyDigest(of: key)
        if let caller = configured[digest] { return .caller(caller) }
        guard let entry = stored[digest] else { return isLoaded ? .unknown : .notLoaded }
        guard let expiresAt = entry.expiresAt, expiresAt <= now() else { return .caller(entry.caller) }
        return .unknown
    }

    /// Whether a stored key has a budget of its own, or had one since this process began: in this process may be counted what it has
    /// spent. Counts that others share know of earlier budgets too.
    package func hadBudget(_ id: String) -> Bool { budgeted.contains(id) }

    /// Whether a key is stored, or was, so that it may get a budget, or have had one: not one of the settings'.
    package func isStored(_ id: String) -> Bool { !id.hasPrefix(KeyRing.settingsPrefix) }

    /// What the identifiers of the settings' keys begin with.
    private static let settingsPrefix = "settings_"

    /// Takes over a change that was made here, at once.
    package func changed(_ row: KeyRow) {
        ahead[row.id] = row
        apply(row)
    }

    /// Takes over changes as they were read; `revision` is the one up to which all are known then.
    package func read(_ rows: [KeyRow], upTo revision: Int64) {
        for row in rows where ahead[row.id].map({ $0.revision <= row.revision }) ?? true { apply(row) }
        ahead = ahead.filter { $0.value.revision > revision }
    }

    /// Forgets what was stored, as the database is another one than before; all its keys are read next.
    package func replace(with rows: [KeyRow], upTo revision: Int64) {
        stored = [:]
        // Numbers of another history say nothing about this one.
        ahead = [:]
        read(rows, upTo: revision)
    }

    /// From now on a strange key is a wrong one.
    package func loaded() { isLoaded = true }

    private func apply(_ row: KeyRow) {
        guard row.isValid(at: now()) else {
            stored[row.digest] = nil
            return
        }
        var scopes: [LimitScope] = []
        let rules = row.limits.isEmpty ? defaults : row.limits
        if !rules.isEmpty { scopes.append(LimitScope("key:\(row.id)", rules)) }
        if rules.hasBudget { budgeted.insert(row.id) }
        if let organization = row.organization, let rules = organizations[organization], !rules.isEmpty {
            scopes.append(LimitScope("org:\(organization)", rules))
        }
        let caller = Caller(
            name: row.hint, keyID: row.id, organization: row.organization, user: row.user,
            role: row.role == .admin ? .admin : .member, models: row.models, scopes: scopes)
        stored[row.digest] = Entry(caller: caller, expiresAt: row.expiresAt)
    }
}

@available(*, unavailable)
extension KeyRing: Sendable {}
