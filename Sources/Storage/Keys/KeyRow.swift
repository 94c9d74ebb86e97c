// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What the holder of a key may see and change beside asking models.
package enum KeyRole: String, Sendable, CaseIterable {
    /// What is recorded of its own organisation and user.
    case member
    /// Everything, and the keys.
    case admin
}

/// A virtual key as it is stored: everything but the key. Times are microseconds since 1970 in UTC.
package struct KeyRow: Sendable, Equatable {
    /// `key_` and 128 random bits in hexadecimal.
    package var id: String
    /// What the key is found by.
    package var digest: KeyDigest
    /// What people recognise it by: its prefix and last four characters.
    package var hint: String
    /// What it is called, for people.
    package var name: String
    /// The organisation that it belongs to.
    package var organization: String?
    /// The user that it belongs to.
    package var user: String?
    /// What its holder may see and change.
    package var role: KeyRole
    /// The models it may ask for, each a name, `prefix/*` or `*`; `nil` for all.
    package var models: [String]?
    /// What it may use.
    package var limits: LimitRules
    /// When it was made.
    package var createdAt: Int64
    /// From when on it is refused; `nil` for never.
    package var expiresAt: Int64?
    /// Since when it is refused for good; `nil` when it is not.
    package var revokedAt: Int64?
    /// The count of all changes to keys when it was changed last.
    package var revision: Int64

    /// A row by hand, not revoked.
    package init(
        id: String, digest: KeyDigest, hint: String, name: String, organization: String? = nil, user: String? = nil,
        role: KeyRole = .member, models: [String]? = nil, limits: LimitRules = LimitRules(), createdAt: Int64,
        expiresAt: Int64? = nil, revision: Int64 = 0
    ) {
        self.id = id
        self.digest = digest
        self.hint = hint
        self.name = name
        self.organization = organization
        self.user = user
        self.role = role
        self.models = models
        self.limits = limits
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.revision = revision
    }

    /// Whether it lets its holder in at a time.
    package func isValid(at time: Int64) -> Bool { revokedAt == nil && expiresAt.map { time < $0 } ?? true }
}

/// What of a key may be changed; `nil` leaves it as it is.
package struct KeyChange: Sendable, Equatable {
    package var name: String?
    /// `.some(nil)` for all models.
    package var models: [String]??
    package var limits: LimitRules?
    /// `.some(nil)` for never.
    package var expiresAt: Int64??

    package init() {}

    /// Whether it changes nothing.
    package var isEmpty: Bool { self == KeyChange() }
}
