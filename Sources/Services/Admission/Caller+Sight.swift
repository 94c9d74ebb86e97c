// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

extension Caller {
    /// Whether it may see, and end, what is under way for another caller.
    ///
    /// The administrator may see everything, a member what belongs to its own organisation and user; a key of neither what was
    /// asked with that key.
    package func maySee(_ other: Caller) -> Bool {
        if role == .admin { return true }
        if organization != nil || user != nil {
            return organization == other.organization && user == other.user
        }
        if keyID != nil { return keyID == other.keyID }
        // Short keys of the settings all have one name, by which they cannot be told apart.
        return self == other && self != .anonymous && name != Secret("").description
    }
}
