// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Whose conversations and documents they are: every query is bound to it, so that what belongs to somebody else does not exist.
package struct Owner: Equatable, Sendable {
    /// The organisation; empty for none.
    package let organization: String
    /// The user within it; empty for none.
    package let user: String

    package init(organization: String, user: String) {
        self.organization = organization
        self.user = user
    }
}
