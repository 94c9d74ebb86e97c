// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import HTTPSemantics
package import JSON
package import Storage

extension KeyRow {
    /// The key as API and command line show it. Its digest is not shown, and the key itself only when it was just made.
    package func write(key: String? = nil, _ json: inout JSONWriter) {
        json.object { json in
            json.member("object", literal: "key")
            json.member("id", id)
            if let key { json.member("key", key) }
            json.member("hint", hint)
            json.member("name", name)
            json.member("organization", organization.map { .string($0) } ?? .null)
            json.member("user", user.map { .string($0) } ?? .null)
            json.member("role", role.rawValue)
            json.member("models", models.map { .array($0.map { .string($0) }) } ?? .null)
            json.member("limits", limits.json)
            json.member("created_at", KeyRow.json(createdAt))
            json.member("expires_at", KeyRow.json(expiresAt))
            json.member("revoked_at", KeyRow.json(revokedAt))
        }
    }

    private static func json(_ time: Int64?) -> JSONValue {
        time.map { .string(InternetDate.text(fromUnixTime: Int($0 / 1_000_000))) } ?? .null
    }
}
