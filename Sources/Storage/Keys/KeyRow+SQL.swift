// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import JSON

extension KeyRow {
    /// The columns in the order in which rows are read and written.
    static let columns = """
        id, digest, hint, name, organization, user_id, role, models, limits, created_at, expires_at, revoked_at, revision
        """

    /// The values of all columns but the last, which the database sets.
    var values: [SQLValue] {
        [
            .text(id), .blob(digest.bytes), .text(hint), .text(name), .optional(organization), .optional(user),
            .text(role.rawValue), KeyRow.value(models: models), KeyRow.value(limits: limits), .integer(createdAt),
            KeyRow.value(time: expiresAt), KeyRow.value(time: revokedAt),
        ]
    }

    /// Reads a row of `columns`; throws `corrupt` for one that this program cannot have written.
    init(columns row: [SQLValue]) throws(StorageError) {
        guard row.count == 13, let id = row[0].text, let digest = row[1].blob.flatMap(KeyDigest.init(bytes:)),
            let hint = row[2].text, let name = row[3].text, let role = row[6].text.flatMap(KeyRole.init(rawValue:)),
            let createdAt = row[9].integer, let revision = row[12].integer
        else { throw .corrupt("a row of the table of keys is not one of a key") }
        self.init(
            id: id, digest: digest, hint: hint, name: name, organization: row[4].text, user: row[5].text, role: role,
            models: try KeyRow.models(row[7]), limits: try KeyRow.limits(row[8]), createdAt: Int64(createdAt),
            expiresAt: row[10].integer.map(Int64.init), revision: Int64(revision))
        revokedAt = row[11].integer.map(Int64.init)
    }

    static func value(time: Int64?) -> SQLValue { time.map { .integer($0) } ?? .null }

    static func value(models: [String]?) -> SQLValue {
        guard let models else { return .null }
        return text { json in json.array { json in for model in models { json.string(model) } } }
    }

    static func value(limits: LimitRules) -> SQLValue {
        limits.isEmpty ? .null : text { json in json.value(limits.json) }
    }

    private static func text(_ write: (inout JSONWriter) -> Void) -> SQLValue {
        var buffer = ByteBuffer()
        buffer.appendJSON { json in write(&json) }
        return .text(String(decoding: buffer.storage, as: UTF8.self))
    }

    /// A scope that cannot be read must not become all models.
    private static func models(_ column: SQLValue) throws(StorageError) -> [String]? {
        guard column != .null else { return nil }
        guard let elements = value(of: column)?.elements, elements.allSatisfy({ $0.string != nil }) else {
            throw .corrupt("the models of a key are no list of names")
        }
        return elements.compactMap(\.string)
    }

    private static func limits(_ column: SQLValue) throws(StorageError) -> LimitRules {
        guard column != .null else { return LimitRules() }
        do {
            guard let value = value(of: column) else { throw LimitRules.Problem("they are no JSON") }
            return try LimitRules(json: value)
        } catch {
            throw .corrupt("the limits of a key cannot be read")
        }
    }

    private static func value(of column: SQLValue) -> JSONValue? {
        column.text.flatMap { try? JSONValue(parsing: $0.utf8.span) }
    }
}
