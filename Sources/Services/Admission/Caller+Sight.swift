// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Storage

extension Caller {
    /// Whose records and streams it may see; `nil` for nobody's.
    ///
    /// The administrator may see everything, a key of an organisation and a user what belongs to both, any other key what was asked
    /// with that key.
    package var sight: AuditScope? {
        if role == .admin { return .everybody }
        if let organization, let user { return .member(organization: organization, user: user) }
        return keyID.map { .key($0) }
    }

    /// Whether it may see, and end, what is under way for another caller.
    package func maySee(_ other: Caller) -> Bool {
        switch sight {
        case .everybody: true
        case .member(let organization, let user): other.organization == organization && other.user == user
        case .key(let key): other.keyID == key
        case nil: false
        }
    }
}
