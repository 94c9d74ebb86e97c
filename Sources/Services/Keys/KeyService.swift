// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Storage

/// Makes, changes and revokes virtual keys, for the admin API and the command line.
///
/// What is done here is good, or refused, at once at this instance; others learn of it from the database.
package final class KeyService {
    /// The keys, to be looked at.
    package let store: KeyStore
    /// The time in microseconds since 1970.
    package let now: () -> Int64
    private let ring: KeyRing?

    /// A service on stored keys; `ring` is where this instance looks keys up, where it does.
    package init(_ store: KeyStore, ring: KeyRing?, now: @escaping () -> Int64) {
        self.store = store
        self.ring = ring
        self.now = now
    }

    /// Makes a key of a draft that was checked. The key itself is in the answer and nowhere else.
    package func create(
        _ draft: KeyDraft, _ done: @escaping (Result<(key: String, row: KeyRow), StorageError>) -> Void
    ) {
        guard let key = KeyToken.make() else { return done(.failure(.unavailable("the system has no random numbers"))) }
        let row = KeyRow(
            id: Identifier.make("key"), digest: KeyDigest(of: key), hint: KeyToken.hint(of: key), name: draft.name,
            organization: draft.organization, user: draft.user, role: draft.role, models: draft.models, limits: draft.limits,
            createdAt: now(), expiresAt: draft.expiresAt)
        store.insert(row) { [ring] result in
            done(
                result.map { row in
                    ring?.changed(row)
                    return (key, row)
                })
        }
    }

    /// Changes a key; `nil` comes back when there is none of that identifier.
    package func update(_ id: String, _ change: KeyChange, _ done: @escaping (Result<KeyRow?, StorageError>) -> Void) {
        store.update(id, change, announcing(done))
    }

    /// Revokes a key for good; `nil` comes back when there is none of that identifier.
    package func revoke(_ id: String, _ done: @escaping (Result<KeyRow?, StorageError>) -> Void) {
        store.revoke(id, at: now(), announcing(done))
    }

    private func announcing(
        _ done: @escaping (Result<KeyRow?, StorageError>) -> Void
    ) -> (Result<KeyRow?, StorageError>) -> Void {
        { [ring] result in
            if case .success(let row?) = result { ring?.changed(row) }
            done(result)
        }
    }
}

@available(*, unavailable)
extension KeyService: Sendable {}
