// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// The texts of the documents' SQL, and how its rows are read. Every statement of a client's is bound to its owner.
extension DocumentStore {
    /// The tables of the documents. What is large stands in a table of its own, so that lists do not read past it.
    static let tables = Migration([
        """
        CREATE TABLE documents (
            id TEXT PRIMARY KEY, organization TEXT NOT NULL, user_id TEXT NOT NULL,
            name TEXT NOT NULL, media_type TEXT NOT NULL, bytes BIGINT NOT NULL, schema_text TEXT,
            status TEXT NOT NULL, error TEXT, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
            heartbeat_at BIGINT NOT NULL, run TEXT, run_schema TEXT, progress TEXT
        )
        """,
        "CREATE INDEX documents_by_owner ON documents (organization, user_id, created_at, id)",
        "CREATE INDEX documents_by_status ON documents (status, heartbeat_at)",
        """
        CREATE TABLE document_contents (
            document_id TEXT PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE, result TEXT,
            content BYTEA NOT NULL, plain_text TEXT NOT NULL
        )
        """,
    ])

    private static let columns =
        "id, name, media_type, bytes, schema_text, status, error, created_at, updated_at, heartbeat_at, run, run_schema, progress"
    /// The same for lists, without what is large and shown of single documents alone.
    private static let listColumns =
        "id, name, media_type, bytes, NULL, status, error, created_at, updated_at, heartbeat_at, run, NULL, NULL"

    static func insert(
        _ document: StoredDocument, _ owner: Owner, content: [UInt8], text: String
    ) -> [SQLStatement] {
        [
            SQLStatement(
                """
                INSERT INTO documents (id, organization, user_id, name, media_type, bytes, schema_text, status, created_at,
                    updated_at, heartbeat_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                """,
                [
                    .text(document.id), .text(owner.organization), .text(owner.user), .text(document.name),
                    .text(document.mediaType), .integer(Int64(document.bytes)), .optional(document.schema),
                    .text(document.status.rawValue), .integer(document.createdAt), .integer(document.updatedAt), .integer(0),
                ]),
            SQLStatement(
                "INSERT INTO document_contents (document_id, content, plain_text) VALUES ($1, $2, $3)",
                [.text(document.id), .blob(content), .text(text)]),
        ]
    }

    static func find(_ id: String, _ owner: Owner) -> SQLStatement {
        SQLStatement(
            "SELECT \(columns) FROM documents WHERE id = $1 AND organization = $2 AND user_id = $3",
            [.text(id), .text(owner.organization), .text(owner.user)])
    }

    /// One column of the contents; `column` is one of this file's own words.
    static func contents(_ column: String, of id: String, _ owner: Owner) -> SQLStatement {
        SQLStatement(
            """
            SELECT c.\(column) FROM documents d JOIN document_contents c ON c.document_id = d.id
            WHERE d.id = $1 AND d.organization = $2 AND d.user_id = $3
            """,
            [.text(id), .text(owner.organization), .text(owner.user)])
    }

    static func list(_ owner: Owner, before: (time: Int64, id: String)?, limit: Int) -> SQLStatement {
        let owned = "SELECT \(listColumns) FROM documents WHERE organization = $1 AND user_id = $2"
        let order = "ORDER BY created_at DESC, id DESC LIMIT"
        guard let before else {
            return SQLStatement(
                "\(owned) \(order) $3", [.text(owner.organization), .text(owner.user), .integer(Int64(limit))])
        }
        return SQLStatement(
            "\(owned) AND (created_at, id) < ($3, $4) \(order) $5",
            [
                .text(owner.organization), .text(owner.user), .integer(before.time), .text(before.id), .integer(Int64(limit)),
            ])
    }

    /// Takes a document for a run, unless another that still lives has it.
    static func claim(
        _ id: String, _ owner: Owner, run: String, schema: String, staleBefore: Int64, at time: Int64
    ) -> SQLStatement {
        SQLStatement(
            """
            UPDATE documents SET status = 'extracting', error = NULL, progress = NULL, run = $1, run_schema = $2,
                updated_at = $3, heartbeat_at = $3
            WHERE id = $4 AND organization = $5 AND user_id = $6 AND (status <> 'extracting' OR heartbeat_at < $7)
            """,
            [
                .text(run), .text(schema), .integer(time), .text(id), .text(owner.organization), .text(owner.user),
                .integer(staleBefore),
            ], mustAffect: true)
    }

    /// Says that a run lives, and how far it is.
    static func beat(_ id: String, run: String, progress: String, at time: Int64) -> SQLStatement {
        SQLStatement(
            "UPDATE documents SET heartbeat_at = $1, progress = $2 WHERE id = $3 AND run = $4 AND status = 'extracting'",
            [.integer(time), .text(progress), .text(id), .text(run)])
    }

    /// Ends a run, if it still has the document.
    static func end(_ id: String, run: String, _ end: DocumentEnd, at time: Int64) -> [SQLStatement] {
        let status: DocumentStatus
        var reason: String?
        var result: String?
        switch end {
        case .done(let text): (status, result) = (.done, text)
        case .failed(let text): (status, reason) = (.failed, text)
        case .cancelled: status = .cancelled
        }
        var statements = [
            SQLStatement(
                """
                UPDATE documents SET status = $1, error = $2, updated_at = $3, progress = NULL
                WHERE id = $4 AND run = $5 AND status = 'extracting'
                """,
                [.text(status.rawValue), .optional(reason), .integer(time), .text(id), .text(run)], mustAffect: true)
        ]
        // A result that was there stays readable when a later run fails.
        if let result {
            statements.append(
                SQLStatement(
                    "UPDATE document_contents SET result = $1 WHERE document_id = $2", [.text(result), .text(id)],
                    mustAffect: true))
        }
        return statements
    }

    /// Ends a document's run from outside, whichever instance has it.
    static func cancel(_ id: String, _ owner: Owner, at time: Int64) -> SQLStatement {
        SQLStatement(
            """
            UPDATE documents SET status = 'cancelled', error = NULL, progress = NULL, updated_at = $1
            WHERE id = $2 AND organization = $3 AND user_id = $4 AND status = 'extracting'
            """,
            [.integer(time), .text(id), .text(owner.organization), .text(owner.user)], mustAffect: true)
    }

    static func sweep(staleBefore: Int64, at time: Int64) -> SQLStatement {
        SQLStatement(
            """
            UPDATE documents SET status = 'failed', error = 'interrupted', progress = NULL, updated_at = $1
            WHERE status = 'extracting' AND heartbeat_at < $2
            """,
            [.integer(time), .integer(staleBefore)])
    }

    static func delete(_ id: String, _ owner: Owner) -> SQLStatement {
        SQLStatement(
            "DELETE FROM documents WHERE id = $1 AND organization = $2 AND user_id = $3",
            [.text(id), .text(owner.organization), .text(owner.user)], mustAffect: true)
    }

    static func document(_ row: [SQLValue]) -> StoredDocument? {
        guard row.count == 13, let id = row[0].text, let name = row[1].text, let type = row[2].text,
            let bytes = row[3].integer, let status = row[5].text.flatMap(DocumentStatus.init(rawValue:)),
            let created = row[7].integer, let updated = row[8].integer
        else { return nil }
        var document = StoredDocument(
            id: id, name: name, mediaType: type, bytes: bytes, schema: row[4].text, createdAt: Int64(created))
        document.status = status
        document.error = row[6].text
        document.updatedAt = Int64(updated)
        document.heartbeatAt = Int64(row[9].integer ?? 0)
        document.run = row[10].text
        document.runSchema = row[11].text
        document.progress = row[12].text
        return document
    }
}
