// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Storage

private let mine = Owner(organization: "o", user: "u")
private let others = [
    Owner(organization: "o", user: "v"), Owner(organization: "p", user: "u"), Owner(organization: "", user: ""),
    Owner(organization: "o", user: ""),
]

/// A store, and its calls as calls that wait.
private final class ChatBench {
    let bench: StorageBench
    let database: any Database
    let store: ChatStore

    init(_ engine: TestEngine) throws {
        bench = try StorageBench()
        database = engine == .postgres ? try bench.postgres(TestPostgres.freshDatabase()) : try bench.sqlite()
        store = ChatStore(database)
    }

    deinit { bench.close(database) }

    func wait<Value>(_ call: (@escaping (Result<Value, ChatStoreError>) -> Void) -> Void) throws -> Value {
        var result: Result<Value, ChatStoreError>?
        call { result = $0 }
        bench.run { result != nil }
        return try (result ?? .failure(.storage(.statement("no answer")))).get()
    }

    func wait(_ call: (@escaping (ChatStoreError?) -> Void) -> Void) throws {
        let _: Void = try wait { done in call { done($0.map { .failure($0) } ?? .success(())) } }
    }

    func begin(_ id: String, title: String = "", at time: Int64 = 1, _ owner: Owner = mine) throws {
        try wait { store.create(ChatSession(id: id, title: title, model: "m", system: "s", createdAt: time), owner, $0) }
    }

    @discardableResult
    func ask(_ session: String, _ id: String, _ text: String, limit: Int = 10, characters: Int = 1000, _ owner: Owner = mine)
        throws -> OpenedTurn
    {
        let message = StoredMessage(id: id, role: .user, content: text, createdAt: 5)
        return try wait {
            store.open(.existing(session), owner, message, title: "named", limit: limit, characters: characters, $0)
        }
    }

    func answer(_ session: String, _ id: String, _ text: String, _ owner: Owner = mine) throws {
        try wait { store.close(session, owner, ChatBench.answer(id, text), $0) }
    }

    static func answer(_ id: String, _ text: String) -> StoredMessage {
        StoredMessage(
            id: id, role: .assistant, content: text, createdAt: 9,
            answer: AnswerRecord(
                outcome: "client_disconnected", isPartial: true, isStreamed: true, milliseconds: 12, inputTokens: 3,
                outputTokens: 4, isEstimated: true, model: "gpt", provider: "openai", requestID: "req_1"))
    }

    func find(_ id: String, _ owner: Owner = mine) throws -> ChatSession { try wait { store.find(id, owner, $0) } }

    func messages(
        _ id: String, _ order: MessageOrder = .oldestFirst, after position: Int? = nil, limit: Int = 100, owner: Owner = mine
    ) throws -> [StoredMessage] {
        try wait { store.messages(id, owner, order, after: position, limit: limit, $0) }.messages
    }
}

@Suite("ChatStore") struct ChatStoreTests {
    @Test("keeps a conversation with its messages in order, its counts and its times", arguments: TestEngine.all)
    func keeps(_ engine: TestEngine) throws {
        let chat = try ChatBench(engine)
        try chat.begin("chat_1")
        let opened = try chat.ask("chat_1", "msg_1", "Hello ☃")
        #expect(opened.session.title == "named" && opened.session.model == "m" && opened.session.system == "s")
        #expect(opened.recent.map(\.content) == ["Hello ☃"])
        try chat.answer("chat_1", "msg_2", "Hi")
        #expect(try chat.ask("chat_1", "msg_3", "More").recent.map(\.content) == ["More", "Hi", "Hello ☃"])
        let session = try chat.find("chat_1")
        #expect(session.messageCount == 3 && session.tokens == 7 && session.createdAt == 1)
        #expect(session.updatedAt == 5 && session.lastMessageAt == 5)
        let messages = try chat.messages("chat_1")
        #expect(messages.map(\.id) == ["msg_1", "msg_2", "msg_3"] && messages.map(\.position) == [1, 2, 3])
        #expect(messages[0].answer == nil && messages[1].answer == ChatBench.answer("", "").answer)
    }

    @Test("a conversation that begins with its message is there with it", arguments: TestEngine.all)
    func begins(_ engine: TestEngine) throws {
        let chat = try ChatBench(engine)
        let session = ChatSession(id: "chat_1", title: "", model: "", system: "", createdAt: 5)
        let message = StoredMessage(id: "msg_1", role: .user, content: "Hello", createdAt: 5)
        let opened = try chat.wait {
            chat.store.open(.new(session), mine, message, title: "t", limit: 10, characters: 10, $0)
        }
        #expect(opened.recent.map(\.content) == ["Hello"])
        let found = try chat.find("chat_1")
        #expect(found == opened.session && found.title == "t" && found.messageCount == 1)
        #expect(try chat.messages("chat_1").map(\.position) == [1])
    }

    @Test("gives the last messages only, and none before which enough characters stand", arguments: TestEngine.all)
    func recent(_ engine: TestEngine) throws {
        let chat = try ChatBench(engine)
        try chat.begin("chat_1")
        for number in 1...5 { try chat.ask("chat_1", "msg_\(number)", "\(number)234567890") }
        #expect(try chat.ask("chat_1", "msg_6", "six", limit: 3).recent.map(\.content) == ["six", "5234567890", "4234567890"])
        let few = try chat.ask("chat_1", "msg_7", "seven", characters: 8).recent.map(\.content)
        #expect(few == ["seven", "six", "5234567890"])
        #expect(try chat.ask("chat_1", "msg_8", "eight", characters: 0).recent.map(\.content) == ["eight"])
    }

    @Test("nothing of somebody else's can be read, added to, changed or deleted", arguments: TestEngine.all, others)
    func tenancy(_ engine: TestEngine, _ other: Owner) throws {
        let chat = try ChatBench(engine)
        try chat.begin("chat_1")
        try chat.ask("chat_1", "msg_1", "secret")
        let before = try chat.find("chat_1")
        #expect(throws: ChatStoreError.notFound) { try chat.find("chat_1", other) }
        #expect(throws: ChatStoreError.notFound) { try chat.messages("chat_1", owner: other) }
        #expect(throws: ChatStoreError.notFound) { try chat.ask("chat_1", "msg_2", "x", other) }
        #expect(throws: ChatStoreError.notFound) { try chat.answer("chat_1", "msg_3", "x", other) }
        #expect(throws: ChatStoreError.notFound) { try chat.wait { chat.store.delete("chat_1", other, $0) } }
        #expect(throws: ChatStoreError.notFound) {
            try chat.wait { chat.store.change("chat_1", other, ChatSessionChange(title: "x"), at: 8, $0) }
        }
        #expect(try chat.wait { chat.store.list(other, before: nil, limit: 10, $0) }.sessions.isEmpty)
        #expect(try chat.find("chat_1") == before)
        #expect(try chat.messages("chat_1").count == 1)
    }

    @Test("a conversation that is deleted takes its messages with it, and takes no answer any more", arguments: TestEngine.all)
    func deleted(_ engine: TestEngine) throws {
        let chat = try ChatBench(engine)
        try chat.begin("chat_1")
        try chat.ask("chat_1", "msg_1", "a")
        try chat.wait { chat.store.delete("chat_1", mine, $0) }
        #expect(throws: ChatStoreError.notFound) { try chat.answer("chat_1", "msg_2", "late") }
        #expect(throws: ChatStoreError.notFound) { try chat.find("chat_1") }
        #expect(try chat.bench.read(chat.database, "SELECT COUNT(*) FROM chat_messages").rows == [[.integer(0)]])
    }

    @Test("the same answer is stored once, and can be looked up", arguments: TestEngine.all)
    func twice(_ engine: TestEngine) throws {
        let chat = try ChatBench(engine)
        try chat.begin("chat_1")
        try chat.ask("chat_1", "msg_1", "a")
        try chat.answer("chat_1", "msg_2", "b")
        #expect(throws: ChatStoreError.notFound) { try chat.answer("chat_1", "msg_2", "b") }
        #expect(try chat.wait { chat.store.hasMessage("msg_2", $0) })
        #expect(try !chat.wait { chat.store.hasMessage("msg_3", $0) })
        #expect(try chat.find("chat_1").messageCount == 2)
    }

    @Test("changes what is said and nothing else", arguments: TestEngine.all)
    func changes(_ engine: TestEngine) throws {
        let chat = try ChatBench(engine)
        try chat.begin("chat_1", title: "old")
        let renamed = try chat.wait { chat.store.change("chat_1", mine, ChatSessionChange(title: "<b>'new'"), at: 8, $0) }
        #expect(renamed.title == "<b>'new'" && renamed.model == "m" && renamed.system == "s" && renamed.updatedAt == 8)
        let other = try chat.wait { chat.store.change("chat_1", mine, ChatSessionChange(model: "n", system: ""), at: 9, $0) }
        #expect(other.title == "<b>'new'" && other.model == "n" && other.system.isEmpty)
    }

    @Test("lists the conversation begun last first, page by page, those of one moment too", arguments: TestEngine.all)
    func lists(_ engine: TestEngine) throws {
        let chat = try ChatBench(engine)
        for number in 10..<35 { try chat.begin("chat_\(number)", at: Int64(number / 10)) }
        var seen: [String] = []
        var before: PageCursor?
        while true {
            let page = try chat.wait { chat.store.list(mine, before: before, limit: 7, $0) }
            seen += page.sessions.map(\.id)
            guard page.hasMore, let last = page.sessions.last else { break }
            before = PageCursor(time: last.createdAt, id: last.id)
        }
        #expect(seen == (10..<35).reversed().map { "chat_\($0)" })
    }

    @Test("a page of conversations ends where their prompts have enough characters", arguments: TestEngine.all)
    func heavyPages(_ engine: TestEngine) throws {
        let chat = try ChatBench(engine)
        let half = String(repeating: "x", count: ChatStore.pageCharacters / 2 + 1)
        for number in 1...3 {
            let session = ChatSession(id: "chat_\(number)", title: "", model: "m", system: half, createdAt: Int64(number))
            try chat.wait { chat.store.create(session, mine, $0) }
        }
        let page = try chat.wait { chat.store.list(mine, before: nil, limit: 100, $0) }
        #expect(page.sessions.map(\.id) == ["chat_3", "chat_2"] && page.hasMore)
        let rest = try chat.wait { chat.store.list(mine, before: PageCursor(time: 2, id: "chat_2"), limit: 100, $0) }
        #expect(rest.sessions.map(\.id) == ["chat_1"] && !rest.hasMore)
        let none = try chat.wait { chat.store.list(mine, before: PageCursor(time: 1, id: "chat_1"), limit: 100, $0) }
        #expect(none.sessions.isEmpty && !none.hasMore)
    }

    @Test("a page of messages ends where enough characters stand, after one at least", arguments: TestEngine.all)
    func pages(_ engine: TestEngine) throws {
        let chat = try ChatBench(engine)
        try chat.begin("chat_1")
        let half = String(repeating: "x", count: ChatStore.pageCharacters / 2 + 1)
        for number in 1...4 { try chat.answer("chat_1", "msg_\(number)", half) }
        #expect(try chat.messages("chat_1").map(\.position) == [1, 2])
        #expect(try chat.messages("chat_1", after: 2, limit: 1).map(\.position) == [3])
        #expect(try chat.messages("chat_1", after: 4).isEmpty)
        #expect(try chat.messages("chat_1", .latestFirst).map(\.position) == [4, 3])
        #expect(try chat.messages("chat_1", .latestFirst, after: 3, limit: 1).map(\.position) == [2])
        #expect(try chat.messages("chat_1", .latestFirst, after: 1).isEmpty)
    }
}
