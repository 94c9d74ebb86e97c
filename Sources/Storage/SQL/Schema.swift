// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// One step of the schema's history. Steps are only ever added; one that was released never changes.
package struct Migration: Sendable {
    /// The statements, done in one transaction together with the note of the new version.
    package let statements: [String]

    package init(_ statements: [String]) { self.statements = statements }
}

/// The tables, as the list of steps that lead to them: version n is what the first n steps make.
///
/// `identifier` columns hold 128 random bits: nothing can be guessed from one, and order is by time and identifier.
package enum Schema {
    /// All steps, oldest first.
    package static let migrations: [Migration] = [
        Migration([
            """
            CREATE TABLE audit (
                id TEXT PRIMARY KEY, request_id TEXT NOT NULL, stream_id TEXT,
                received_at BIGINT NOT NULL, ended_at BIGINT NOT NULL,
                door TEXT NOT NULL, client TEXT NOT NULL, key_id TEXT, organization TEXT, user_id TEXT,
                requested_model TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
                is_stream BIGINT NOT NULL, status BIGINT NOT NULL, outcome TEXT NOT NULL, attempts BIGINT NOT NULL,
                attempt_log TEXT, first_token_us BIGINT, duration_us BIGINT NOT NULL, events BIGINT NOT NULL,
                input_tokens BIGINT, output_tokens BIGINT, cached_tokens BIGINT, cache_written_tokens BIGINT,
                reasoning_tokens BIGINT, is_estimated BIGINT NOT NULL, cost_nanos BIGINT,
                request_headers TEXT, request_text TEXT, request_bytes BIGINT NOT NULL,
                is_request_truncated BIGINT NOT NULL, response_text TEXT, reasoning_text TEXT, tool_calls TEXT,
                is_truncated BIGINT NOT NULL, error TEXT, batch BIGINT NOT NULL
            )
            """,
            "CREATE INDEX audit_by_time ON audit (received_at, id)",
            "CREATE INDEX audit_by_owner ON audit (organization, user_id, received_at, id)",
            "CREATE INDEX audit_by_key ON audit (key_id, received_at, id)",
            """
            CREATE TABLE usage (
                day BIGINT NOT NULL, key_id TEXT NOT NULL, organization TEXT NOT NULL, user_id TEXT NOT NULL,
                provider TEXT NOT NULL, model TEXT NOT NULL,
                requests BIGINT NOT NULL, input_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL,
                cached_tokens BIGINT NOT NULL, cache_written_tokens BIGINT NOT NULL, reasoning_tokens BIGINT NOT NULL,
                cost_nanos BIGINT NOT NULL, unpriced BIGINT NOT NULL, estimated BIGINT NOT NULL,
                PRIMARY KEY (day, key_id, organization, user_id, provider, model)
            )
            """,
            """
            CREATE TABLE keys (
                id TEXT PRIMARY KEY, digest BYTEA NOT NULL UNIQUE, hint TEXT NOT NULL, name TEXT NOT NULL,
                organization TEXT, user_id TEXT, role TEXT NOT NULL, models TEXT, limits TEXT,
                created_at BIGINT NOT NULL, expires_at BIGINT, revoked_at BIGINT, revision BIGINT NOT NULL
            )
            """,
            "CREATE INDEX keys_by_revision ON keys (revision)",
            "CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",
            "INSERT INTO counters (name, value) VALUES ('keys', 0)",
        ]),
        ChatStore.tables,
        DocumentStore.tables,
        Migration(["ALTER TABLE audit ADD COLUMN response_headers TEXT"]),
    ]
}

/// The table of one row that says which version the tables have.
///
/// `touched` means nothing: adding to it proves that the database takes writes.
enum SchemaVersion {
    static let create = [
        "CREATE TABLE schema_version (version BIGINT NOT NULL, touched BIGINT NOT NULL)",
        "INSERT INTO schema_version (version, touched) VALUES (0, 0)",
    ]
    static let get = "SELECT version FROM schema_version"
    static let touch = "UPDATE schema_version SET touched = touched + 1"
    static func set(_ version: Int) -> String { "UPDATE schema_version SET version = \(version)" }
}
