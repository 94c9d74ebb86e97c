// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Storage

/// Who asks: what a key stands for, or nobody in particular where no key is asked for.
package struct Caller: Sendable, Equatable {
    /// What a caller may see and change beside asking models.
    package enum Role: String, Sendable {
        /// What is recorded of its own organisation and user.
        case member
        /// Everything, and the keys.
        case admin
    }

    /// How it is named in logs and records: a masked key, or an address.
    package var name: String
    /// The virtual key's identifier, or what a key of the settings is known by; `nil` for the administrator's, and without keys.
    package var keyID: String?
    /// The organisation that the key belongs to.
    package var organization: String?
    /// The user that the key belongs to.
    package var user: String?
    /// What it may see and change.
    package var role: Role
    /// The models it may ask for, each a name, `prefix/*` or `*`; `nil` for all.
    package var models: [String]?
    /// Whose limits apply to it; empty for none.
    package var scopes: [LimitScope] = []

    package init(
        name: String, keyID: String? = nil, organization: String? = nil, user: String? = nil, role: Role = .member,
        models: [String]? = nil, scopes: [LimitScope] = []
    ) {
        self.name = name
        self.keyID = keyID
        self.organization = organization
        self.user = user
        self.role = role
        self.models = models
        self.scopes = scopes
    }

    /// Whether it was recognised by a key that it showed, also where none is asked for.
    package var showedKey: Bool { keyID != nil || (role == .admin && name != Caller.anonymous.name) }

    /// Somebody who was asked for no key.
    package static let anonymous = Caller(name: "anonymous")
}
