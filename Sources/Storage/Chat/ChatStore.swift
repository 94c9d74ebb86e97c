// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What is to be changed of a conversation; `nil` leaves it as it is.
package struct ChatSessionChange: Equatable, Sendable {
    /// The new title; empty lets the next message name it.
    package var title: String?
    /// The new model; empty for the default one.
    package var model: String?
    /// The new system prompt; empty for none.
    package var system: String?

    package init(title: String? = nil, model: String? = nil, system: String? = nil) {
        self.title = title
        self.model = model
        self.system = system
    }
}

/// Where a message of the user goes.
package enum ChatDestination: Equatable, Sendable {
    /// A conversation that is there.
    case existing(String)
    /// One that begins with it.
    case new(ChatSession)
}

/// In which order messages are told.
package enum MessageOrder: Sendable {
    case oldestFirst, latestFirst

    /// A position that all messages are behind.
    package var start: Int { self == .oldestFirst ? 0 : .max }
}

/// A conversation with what was said last, just after a message of the user was added to it.
package struct OpenedTurn: Equatable, Sendable {
    /// The conversation.
    package var session: ChatSession
    /// The last messages, newest first; the user's new one is the first.
    package var recent: [(role: StoredMessage.Role, content: String)]

    package static func == (one: OpenedTurn, other: OpenedTurn) -> Bool {
        one.session == other.session && one.recent.elementsEqual(other.recent) { $0 == $1 }
    }
}

/// Conversations in a database. What every call gives comes later, on the loop, exactly once.
package final class ChatStore {
    /// How many characters of messages, or of system prompts, one page holds at most, beside its first row.
    package static let pageCharacters = 4 << 20
    private let database: any Database

    /// Conversations in `database`.
    package init(_ database: any Database) {
        self.database = database
    }

    /// Begins a conversation without a message.
    package func create(_ session: ChatSession, _ owner: Owner, _ done: @escaping (ChatStoreError?) -> Void) {
        database.write([ChatStore.insertSession(session, owner)]) { result in done(ChatStore.failure(of: result)) }
    }

    /// Adds what the user said, in one transaction with the session's count, and gives what is needed to answer it: at most
    /// `limit` messages, and none before which `characters` were reached.
    package func open(
        _ destination: ChatDestination, _ owner: Owner, _ message: StoredMessage, title: String, limit: Int,
        characters: Int, _ done: @escaping (Result<OpenedTurn, ChatStoreError>) -> Void
    ) {
        let statements: [SQLStatement]
        var begun: ChatSession?
        switch destination {
        case .existing(let id):
            statements = [
                ChatStore.countQuestion(id, owner, title: title, at: message.createdAt),
                ChatStore.insertMessage(message, session: id),
                ChatStore.recent(of: id, limit: limit, characters: characters),
            ]
        case .new(var session):
            session.messageCount = 1
            session.lastMessageAt = message.createdAt
            if session.title.isEmpty { session.title = title }
            begun = session
            statements = [ChatStore.insertSession(session, owner), ChatStore.insertMessage(message, session: session.id)]
        }
        database.write(statements) { result in
            switch result {
            case .success(let rows):
                if let begun {
                    return done(.success(OpenedTurn(session: begun, recent: [(message.role, message.content)])))
                }
                guard rows.count == 3, let session = rows[0].rows.first.flatMap(ChatStore.session) else {
                    return done(.failure(.storage(.corrupt("a row of the chat"))))
                }
                let recent = rows[2].rows.compactMap { row -> (role: StoredMessage.Role, content: String)? in
                    guard let role = row.first?.text.flatMap(StoredMessage.Role.init(rawValue:)), let content = row.last?.text
                    else { return nil }
                    return (role, content)
                }
                done(.success(OpenedTurn(session: session, recent: recent)))
            case .failure(.conflict): done(.failure(.notFound))
            case .failure(let error): done(.failure(.storage(error)))
            }
        }
    }

    /// Adds an answer, in one transaction with the session's count and tokens.
    ///
    /// `notFound` when the conversation is gone, or the answer is there already: see `hasMessage`.
    package func close(
        _ session: String, _ owner: Owner, _ message: StoredMessage, _ done: @escaping (ChatStoreError?) -> Void
    ) {
        let (sum, isTooLarge) = (message.answer?.inputTokens ?? 0).addingReportingOverflow(message.answer?.outputTokens ?? 0)
        // An upstream made the counts: they may not make the sum of the column overflow.
        let tokens = isTooLarge ? 0 : min(max(sum, 0), 1 << 40)
        database.write([
            ChatStore.countAnswer(session, owner, tokens: tokens, at: message.createdAt),
            ChatStore.insertMessage(message, session: session),
        ]) { result in done(ChatStore.failure(of: result)) }
    }

    /// Whether a message was stored, for who does not know whether its transaction came through.
    package func hasMessage(_ id: String, _ done: @escaping (Result<Bool, ChatStoreError>) -> Void) {
        database.read(SQLStatement("SELECT id FROM chat_messages WHERE id = $1", [.text(id)])) { result in
            done(result.map { !$0.rows.isEmpty }.mapError { .storage($0) })
        }
    }

    /// One conversation.
    package func find(_ id: String, _ owner: Owner, _ done: @escaping (Result<ChatSession, ChatStoreError>) -> Void) {
        database.read(ChatStore.findSession(id, owner)) { result in done(ChatStore.single(result)) }
    }

    /// Conversations begun before `before`, the one begun last first, and whether more follow: at most `limit`, and not much more
    /// than `pageCharacters` of system prompts.
    package func list(
        _ owner: Owner, before: PageCursor?, limit: Int,
        _ done: @escaping (Result<(sessions: [ChatSession], hasMore: Bool), ChatStoreError>) -> Void
    ) {
        let statement = ChatStore.listSessions(owner, before: before, limit: limit, characters: ChatStore.pageCharacters)
        database.read(statement) { result in
            done(
                result.map { rows in
                    let found = rows.rows.first?.last?.integer ?? 0
                    return (sessions: rows.rows.compactMap(ChatStore.session), hasMore: rows.rows.count < found)
                }.mapError { .storage($0) })
        }
    }

    /// Messages of a conversation behind a position in an order, from its beginning without one: at most `limit`, and not much more
    /// than `pageCharacters`.
    package func messages(
        _ id: String, _ owner: Owner, _ order: MessageOrder = .oldestFirst, after position: Int? = nil, limit: Int,
        _ done: @escaping (Result<(session: ChatSession, messages: [StoredMessage]), ChatStoreError>) -> Void
    ) {
        find(id, owner) { [database] result in
            switch result {
            case .failure(let error): done(.failure(error))
            case .success(let session):
                let statement = ChatStore.listMessages(
                    session.id, order, after: position ?? order.start, limit: limit, characters: ChatStore.pageCharacters)
                database.read(statement) { result in
                    done(
                        result.map { (session: session, messages: $0.rows.compactMap(ChatStore.message)) }
                            .mapError { .storage($0) })
                }
            }
        }
    }

    /// Changes a conversation, and gives it as it is then.
    package func change(
        _ id: String, _ owner: Owner, _ change: ChatSessionChange, at time: Int64,
        _ done: @escaping (Result<ChatSession, ChatStoreError>) -> Void
    ) {
        database.write([ChatStore.changeSession(id, owner, change, at: time)]) { result in
            done(ChatStore.single(result.map { $0.first ?? SQLRows() }))
        }
    }

    /// Deletes a conversation with its messages.
    package func delete(_ id: String, _ owner: Owner, _ done: @escaping (ChatStoreError?) -> Void) {
        database.write([ChatStore.deleteSession(id, owner)]) { result in done(ChatStore.failure(of: result)) }
    }

    private static func single(_ result: Result<SQLRows, StorageError>) -> Result<ChatSession, ChatStoreError> {
        result.mapError { .storage($0) }.flatMap { rows in
            guard let row = rows.rows.first else { return .failure(.notFound) }
            guard let session = ChatStore.session(row) else { return .failure(.storage(.corrupt("a row of the chat"))) }
            return .success(session)
        }
    }

    private static func failure(of result: Result<[SQLRows], StorageError>) -> ChatStoreError? {
        switch result {
        case .success: nil
        case .failure(.conflict): .notFound
        case .failure(let error): .storage(error)
        }
    }
}

@available(*, unavailable)
extension ChatStore: Sendable {}
