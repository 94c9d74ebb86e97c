// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Storage
import Testing

@testable import Services

/// Everything that can happen to a turn of a conversation.
private enum Step: CaseIterable {
    case opened, missing, notOpened, text, whole, cut, left, saved, locked, full, gone, stored, notStored, waited

    func apply(to state: inout ChatTurnState) -> ChatTurnState.Action {
        switch self {
        case .opened: state.opened()
        case .missing: state.openFailed(.notFound)
        case .notOpened: state.openFailed(.storage(.unavailable("locked")))
        case .text: state.received()
        case .whole: state.ended(isWhole: true)
        case .cut: state.ended(isWhole: false)
        case .left: state.clientLeft()
        case .saved: state.saved()
        case .locked: state.saveFailed(.storage(.unavailable("locked")), mayRetry: true)
        case .full: state.saveFailed(.storage(.unavailable("locked")), mayRetry: false)
        case .gone: state.saveFailed(.notFound, mayRetry: true)
        case .stored: state.checked(isStored: true)
        case .notStored: state.checked(isStored: false)
        case .waited: state.pauseEnded()
        }
    }
}

@Suite("ChatTurnState") struct ChatTurnStateTests {
    private static let first = ChatTurnState.Action.pause(ChatTurnState.pauses[0])

    private static let stories: [(String, [(Step, ChatTurnState.Action)])] = [
        ("stores, asks, stores and only then tells", [(.opened, .ask), (.text, .receive), (.whole, .save), (.saved, .tellDone)]),
        ("a whole answer without a word is stored too", [(.opened, .ask), (.whole, .save), (.saved, .tellDone)]),
        ("an answer that failed at once leaves no trace", [(.opened, .ask), (.cut, .tellFailure)]),
        (
            "what came before a failure is stored, then the failure told",
            [(.opened, .ask), (.text, .receive), (.cut, .save), (.saved, .tellFailure)]
        ),
        ("nobody's conversation", [(.missing, .tellMissing)]),
        ("a database that does not open a turn", [(.notOpened, .tellStorage)]),
        ("a client that leaves before the model is asked", [(.left, .nothing), (.opened, .end)]),
        ("a client that leaves before the first word", [(.opened, .ask), (.left, .cancel)]),
        (
            "a client that leaves amid the answer",
            [(.opened, .ask), (.text, .receive), (.left, .cancelAndSave), (.whole, .nothing), (.saved, .tellFailure)]
        ),
        (
            "a client that leaves while its answer is stored does not stop that",
            [(.opened, .ask), (.text, .receive), (.whole, .save), (.left, .nothing), (.saved, .tellDone)]
        ),
        (
            "a conversation deleted meanwhile ends the turn without another try",
            [(.opened, .ask), (.text, .receive), (.whole, .save), (.gone, .tellMissing)]
        ),
        (
            "a locked database is tried again",
            [(.opened, .ask), (.text, .receive), (.whole, .save), (.locked, first), (.waited, .save), (.saved, .tellDone)]
        ),
        (
            "a try whose word was lost counts as done",
            [
                (.opened, .ask), (.text, .receive), (.whole, .save), (.locked, first), (.waited, .save), (.gone, .check),
                (.stored, .tellDone),
            ]
        ),
        (
            "a conversation deleted between two tries",
            [
                (.opened, .ask), (.text, .receive), (.cut, .save), (.locked, first), (.waited, .save), (.gone, .check),
                (.notStored, .tellMissing),
            ]
        ),
        (
            "without room for another one that waits, the failure is final",
            [(.opened, .ask), (.text, .receive), (.whole, .save), (.full, .tellStorage)]
        ),
    ]

    @Test("plays out every story", arguments: stories.indices)
    func story(_ index: Int) {
        let (name, steps) = ChatTurnStateTests.stories[index]
        var state = ChatTurnState()
        for (step, action) in steps { #expect(step.apply(to: &state) == action, "\(name): \(step)") }
        #expect(state.phase == .over, "\(name)")
        for step in Step.allCases { #expect(step.apply(to: &state) == .nothing, "\(name), then \(step)") }
    }

    @Test("tries as often as there are pauses, and no more")
    func tries() {
        var state = ChatTurnState()
        for step in [Step.opened, .text, .whole] { _ = step.apply(to: &state) }
        for pause in ChatTurnState.pauses {
            #expect(Step.locked.apply(to: &state) == .pause(pause))
            #expect(Step.waited.apply(to: &state) == .save)
        }
        #expect(Step.locked.apply(to: &state) == .tellStorage)
    }

    @Test("does not try again what cannot get better")
    func hopeless() {
        var state = ChatTurnState()
        for step in [Step.opened, .text, .whole] { _ = step.apply(to: &state) }
        #expect(state.saveFailed(.storage(.corrupt("x")), mayRetry: true) == .tellStorage)
    }
}

@Suite("ChatHistory") struct ChatHistoryTests {
    private func texts(_ recent: [(StoredMessage.Role, String)], system: String = "", limit: Int = 8000) -> [String] {
        ChatHistory.messages(recent.map { (role: $0.0, content: $0.1) }, system: system, limit: limit).map { "\($0.role): \($0.text)" }
    }

    @Test("tells the oldest first, after the system prompt")
    func order() {
        #expect(
            texts([(.user, "three"), (.assistant, "two"), (.user, "one")], system: "be kind")
                == ["system: be kind", "user: one", "assistant: two", "user: three"])
    }

    @Test("the new message goes however long it is, and nothing that no longer fits before it")
    func bounded() {
        let long = String(repeating: "x", count: 100_000)
        #expect(texts([(.user, long), (.assistant, "two"), (.user, "one")], limit: 100) == ["user: \(long)"])
        // 4 + 1 tokens each: three of them are 15.
        let short: [(StoredMessage.Role, String)] = [(.user, "c"), (.user, "b"), (.user, "a")]
        #expect(texts(short, limit: 15) == ["user: a", "user: b", "user: c"])
        #expect(texts(short, limit: 14) == ["user: b", "user: c"])
    }

    @Test("does not begin with a model's turn, and leaves empty turns out")
    func wellFormed() {
        #expect(texts([(.user, "three"), (.assistant, "two")]) == ["user: three"])
        #expect(texts([(.user, "c"), (.assistant, ""), (.user, "a")]) == ["user: a", "user: c"])
        #expect(texts([(.user, "")]) == ["user: "])
    }
}

@Suite("ChatTitle") struct ChatTitleTests {
    @Test(
        "cuts between words, on one line",
        arguments: [
            ("Hello", "Hello"), ("  two\r\n words\t", "two words"), ("", ""), ("\n \u{0}", ""),
            (String(repeating: "x", count: 61), String(repeating: "x", count: 60)),
            (String(repeating: "word ", count: 20), String(repeating: "word ", count: 12).dropLast().description),
            ("<script>alert(1)</script> & \"more\"", "<script>alert(1)</script> & \"more\""),
            (String(repeating: "é ", count: 40), String(repeating: "é ", count: 30).dropLast().description),
            ("\(String(repeating: "a", count: 30)) \(String(repeating: "b", count: 30))", String(repeating: "a", count: 30)),
        ])
    func cut(_ text: String, _ title: String) {
        #expect(ChatTitle.make(from: text) == title)
        #expect(ChatTitle.make(from: text).count <= ChatTitle.length)
    }

    @Test("a character of ten thousand scalars does not make a title of that size")
    func combining() {
        #expect(ChatTitle.make(from: "e" + String(repeating: "\u{301}", count: 10_000)).utf8.count < 2000)
    }
}
