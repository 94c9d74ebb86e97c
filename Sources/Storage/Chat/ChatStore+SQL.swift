// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// The texts of the chat's SQL, and how its rows are read.
extension ChatStore {
    /// The tables of the chat.
    static let tables = Migration([
        """
        CREATE TABLE chat_sessions (
            id TEXT PRIMARY KEY, organization TEXT NOT NULL, user_id TEXT NOT NULL,
            title TEXT NOT NULL, model TEXT NOT NULL, system_prompt TEXT NOT NULL,
            message_count BIGINT NOT NULL, tokens BIGINT NOT NULL,
            created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, last_message_at BIGINT
        )
        """,
        "CREATE INDEX chat_sessions_by_owner ON chat_sessions (organization, user_id, created_at, id)",
        """
        CREATE TABLE chat_messages (
            id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES chat_sessions (id) ON DELETE CASCADE,
            position BIGINT NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL, created_at BIGINT NOT NULL,
            outcome TEXT, is_partial BIGINT NOT NULL, is_streamed BIGINT NOT NULL, response_ms BIGINT,
            input_tokens BIGINT, output_tokens BIGINT, is_estimated BIGINT NOT NULL,
            model TEXT, provider TEXT, request_id TEXT,
            UNIQUE (session_id, position)
        )
        """,
    ])

    static let sessionColumns =
        "id, title, model, system_prompt, message_count, tokens, created_at, updated_at, last_message_at"

    private static let messageColumns =
        "id, role, content, created_at, position, outcome, is_partial, is_streamed, response_ms, input_tokens, "
        + "output_tokens, is_estimated, model, provider, request_id"

    static func insertSession(_ session: ChatSession, _ owner: Owner) -> SQLStatement {
        SQLStatement(
            """
            INSERT INTO chat_sessions (id, title, model, system_prompt, message_count, tokens, created_at, updated_at,
                last_message_at, organization, user_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """,
            [
                .text(session.id), .text(session.title), .text(session.model), .text(session.system),
                .integer(Int64(session.messageCount)), .integer(Int64(session.tokens)), .integer(session.createdAt),
                .integer(session.updatedAt), session.lastMessageAt.map { .integer($0) } ?? .null,
                .text(owner.organization), .text(owner.user),
            ])
    }

    /// Counts a message of the user; gives the session's model, system prompt and number of messages.
    static func countQuestion(_ id: String, _ owner: Owner, title: String, at time: Int64) -> SQLStatement {
        SQLStatement(
            """
            UPDATE chat_sessions SET message_count = message_count + 1, updated_at = $1, last_message_at = $1,
                title = CASE WHEN title = '' THEN $2 ELSE title END
            WHERE id = $3 AND organization = $4 AND user_id = $5
            RETURNING \(sessionColumns)
            """,
            [.integer(time), .text(title), .text(id), .text(owner.organization), .text(owner.user)], mustAffect: true)
    }

    static func countAnswer(_ id: String, _ owner: Owner, tokens: Int, at time: Int64) -> SQLStatement {
        SQLStatement(
            """
            UPDATE chat_sessions SET message_count = message_count + 1, updated_at = $1, last_message_at = $1,
                tokens = tokens + $2
            WHERE id = $3 AND organization = $4 AND user_id = $5
            """,
            [.integer(time), .integer(Int64(tokens)), .text(id), .text(owner.organization), .text(owner.user)],
            mustAffect: true)
    }

    /// Adds a message behind the session's last one, after the session has counted it in the same transaction.
    static func insertMessage(_ message: StoredMessage, session: String) -> SQLStatement {
        let answer = message.answer
        return SQLStatement(
            """
            INSERT INTO chat_messages (id, session_id, position, role, content, created_at, outcome, is_partial,
                is_streamed, response_ms, input_tokens, output_tokens, is_estimated, model, provider, request_id)
            VALUES ($1, $2, (SELECT message_count FROM chat_sessions WHERE id = $2), $3, $4, $5, $6, $7, $8, $9, $10, $11,
                $12, $13, $14, $15)
            """,
            [
                .text(message.id), .text(session), .text(message.role.rawValue), .text(message.content),
                .integer(message.createdAt), .optional(answer?.outcome), .flag(answer?.isPartial), .flag(answer?.isStreamed),
                .optional(answer?.milliseconds), .optional(answer?.inputTokens), .optional(answer?.outputTokens),
                .flag(answer?.isEstimated), .optional(answer?.model), .optional(answer?.provider),
                .optional(answer?.requestID),
            ])
    }

    /// The last `limit` messages, newest first, as long as those before each have fewer than `characters` together.
    static func recent(of session: String, limit: Int, characters: Int) -> SQLStatement {
        SQLStatement(
            """
            SELECT role, content FROM (
                SELECT position, role, content, SUM(LENGTH(content)) OVER (ORDER BY position DESC) AS total FROM (
                    SELECT position, role, content FROM chat_messages WHERE session_id = $1
                    ORDER BY position DESC LIMIT $2
                ) AS latest
            ) AS weighed WHERE total - LENGTH(content) <= $3 ORDER BY position DESC
            """,
            [.text(session), .integer(Int64(limit)), .integer(Int64(characters))])
    }

    static func findSession(_ id: String, _ owner: Owner) -> SQLStatement {
        SQLStatement(
            "SELECT \(sessionColumns) FROM chat_sessions WHERE id = $1 AND organization = $2 AND user_id = $3",
            [.text(id), .text(owner.organization), .text(owner.user)])
    }

    /// Conversations begun before a place, latest first: at most `limit`, and no more when their prompts had `characters` before.
    /// A last column tells how many there are of `limit` and one.
    static func listSessions(_ owner: Owner, before: PageCursor?, limit: Int, characters: Int) -> SQLStatement {
        // Parameters stand in the order of their numbers: SQLite counts them by their first use.
        let place = before == nil ? "" : "AND (created_at, id) < ($3, $4)"
        let (limited, weighed) = before == nil ? ("$3", "$4") : ("$5", "$6")
        var values: [SQLValue] = [.text(owner.organization), .text(owner.user)]
        if let before { values += [.integer(before.time), .text(before.id)] }
        values += [.integer(Int64(limit)), .integer(Int64(characters))]
        return SQLStatement(
            """
            SELECT \(sessionColumns), found FROM (
                SELECT \(sessionColumns), COUNT(*) OVER () AS found, ROW_NUMBER() OVER latest AS place,
                    SUM(LENGTH(system_prompt)) OVER latest AS total
                FROM (
                    SELECT \(sessionColumns) FROM chat_sessions WHERE organization = $1 AND user_id = $2 \(place)
                    ORDER BY created_at DESC, id DESC LIMIT \(limited) + 1
                ) AS next WINDOW latest AS (ORDER BY created_at DESC, id DESC)
            ) AS weighed WHERE place <= \(limited) AND total - LENGTH(system_prompt) < \(weighed) ORDER BY place
            """, values)
    }

    /// Messages behind a position in an order: at most `limit`, and no more when `characters` were reached before.
    static func listMessages(
        _ session: String, _ order: MessageOrder, after position: Int, limit: Int, characters: Int
    ) -> SQLStatement {
        let (behind, direction) = order == .oldestFirst ? (">", "ASC") : ("<", "DESC")
        return SQLStatement(
            """
            SELECT \(messageColumns) FROM (
                SELECT \(messageColumns), SUM(LENGTH(content)) OVER (ORDER BY position \(direction)) AS total FROM (
                    SELECT \(messageColumns) FROM chat_messages WHERE session_id = $1 AND position \(behind) $2
                    ORDER BY position \(direction) LIMIT $3
                ) AS next
            ) AS weighed WHERE total - LENGTH(content) < $4 ORDER BY position \(direction)
            """,
            [.text(session), .integer(Int64(position)), .integer(Int64(limit)), .integer(Int64(characters))])
    }

    static func changeSession(_ id: String, _ owner: Owner, _ change: ChatSessionChange, at time: Int64) -> SQLStatement {
        SQLStatement(
            """
            UPDATE chat_sessions SET title = COALESCE($1, title), model = COALESCE($2, model),
                system_prompt = COALESCE($3, system_prompt), updated_at = $4
            WHERE id = $5 AND organization = $6 AND user_id = $7
            RETURNING \(sessionColumns)
            """,
            [
                .optional(change.title), .optional(change.model), .optional(change.system), .integer(time), .text(id),
                .text(owner.organization), .text(owner.user),
            ])
    }

    static func deleteSession(_ id: String, _ owner: Owner) -> SQLStatement {
        SQLStatement(
            "DELETE FROM chat_sessions WHERE id = $1 AND organization = $2 AND user_id = $3",
            [.text(id), .text(owner.organization), .text(owner.user)], mustAffect: true)
    }

    static func session(_ row: [SQLValue]) -> ChatSession? {
        guard row.count >= 9, let id = row[0].text, let title = row[1].text, let model = row[2].text,
            let system = row[3].text, let created = row[6].integer, let updated = row[7].integer
        else { return nil }
        var session = ChatSession(id: id, title: title, model: model, system: system, createdAt: Int64(created))
        session.messageCount = row[4].integer ?? 0
        session.tokens = row[5].integer ?? 0
        session.updatedAt = Int64(updated)
        session.lastMessageAt = row[8].integer.map { Int64($0) }
        return session
    }

    static func message(_ row: [SQLValue]) -> StoredMessage? {
        guard row.count == 15, let id = row[0].text, let role = row[1].text.flatMap(StoredMessage.Role.init(rawValue:)),
            let content = row[2].text, let created = row[3].integer, let position = row[4].integer
        else { return nil }
        var message = StoredMessage(id: id, role: role, content: content, createdAt: Int64(created))
        message.position = position
        if let outcome = row[5].text {
            message.answer = AnswerRecord(
                outcome: outcome, isPartial: row[6].integer == 1, isStreamed: row[7].integer == 1,
                milliseconds: row[8].integer ?? 0, inputTokens: row[9].integer ?? 0, outputTokens: row[10].integer ?? 0,
                isEstimated: row[11].integer == 1, model: row[12].text ?? "", provider: row[13].text ?? "",
                requestID: row[14].text ?? "")
        }
        return message
    }
}

extension SQLValue {
    /// A truth value; what is not known is not so.
    fileprivate static func flag(_ value: Bool?) -> SQLValue { .integer(value == true ? 1 : 0) }
}
