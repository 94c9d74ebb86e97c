// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Storage

/// What a turn of a conversation does next, decided without a socket, a clock or a database.
///
/// Each outside event is one mutating function that returns the one action it calls for. A turn ends exactly once; after
/// that every event is answered with `nothing`.
package struct ChatTurnState: Sendable {
    /// `opening` goes to `asking` or `over`, that to `saving` or `over`, that to `pausing`, `checking` or `over`, and both of
    /// them back to `saving` or to `over`.
    package enum Phase: Equatable, Sendable {
        /// The user's message is being stored.
        case opening
        /// A model answers.
        case asking
        /// The answer is being stored.
        case saving
        /// It could not be stored; another try follows.
        case pausing
        /// It is looked up whether an earlier try has stored the answer after all.
        case checking
        /// Ended.
        case over
    }

    /// What the shell is to do.
    package enum Action: Equatable, Sendable {
        case nothing
        /// Ask the model.
        case ask
        /// Keep the text at hand and give it to the client.
        case receive
        /// Stop asking the model.
        case cancel
        /// Stop asking the model, and store what it said so far.
        case cancelAndSave
        /// Store the answer.
        case save
        /// Store the answer after so many nanoseconds.
        case pause(UInt64)
        /// Look whether the answer is stored.
        case check
        /// Tell the client that all is stored, and end.
        case tellDone
        /// Tell the client what went wrong with the answer, and end.
        case tellFailure
        /// Tell the client that the conversation is not there, and end.
        case tellMissing
        /// Tell the client that the database failed, and end.
        case tellStorage
        /// End.
        case end
    }

    /// After how long, in nanoseconds, storing an answer is tried again; as often as there are numbers.
    package static let pauses: [UInt64] = [100_000_000, 2_000_000_000]

    package private(set) var phase = Phase.opening
    private var hasText = false
    private var hasClient = true
    private var isWhole = false
    private var failedSaves = 0

    package init() {}

    /// The user's message is stored.
    package mutating func opened() -> Action {
        guard phase == .opening else { return .nothing }
        guard hasClient else { return end(.end) }
        phase = .asking
        return .ask
    }

    /// The user's message could not be stored.
    package mutating func openFailed(_ error: ChatStoreError) -> Action {
        guard phase == .opening else { return .nothing }
        return end(error == .notFound ? .tellMissing : .tellStorage)
    }

    /// The model said something.
    package mutating func received() -> Action {
        guard phase == .asking else { return .nothing }
        hasText = true
        return .receive
    }

    /// The answer is over: whole, or cut short by a failure. An answer that failed before it said anything leaves no trace.
    package mutating func ended(isWhole: Bool) -> Action {
        guard phase == .asking else { return .nothing }
        self.isWhole = isWhole
        guard isWhole || hasText else { return end(.tellFailure) }
        phase = .saving
        return .save
    }

    /// The client has left.
    package mutating func clientLeft() -> Action {
        hasClient = false
        guard phase == .asking else { return .nothing }
        guard hasText else { return end(.cancel) }
        phase = .saving
        return .cancelAndSave
    }

    /// The answer is stored.
    package mutating func saved() -> Action {
        guard phase == .saving || phase == .checking else { return .nothing }
        return end(isWhole ? .tellDone : .tellFailure)
    }

    /// The answer could not be stored; `mayRetry` says whether there is room for one more that waits.
    package mutating func saveFailed(_ error: ChatStoreError, mayRetry: Bool) -> Action {
        guard phase == .saving || phase == .checking else { return .nothing }
        switch error {
        case .notFound where phase == .saving && failedSaves > 0:
            // An earlier try may have been done although its word never came: then its row is what stands in the way.
            phase = .checking
            return .check
        case .notFound: return end(.tellMissing)
        case .storage(let error):
            guard mayRetry, error.isTransient, failedSaves < ChatTurnState.pauses.count else { return end(.tellStorage) }
            failedSaves += 1
            phase = .pausing
            return .pause(ChatTurnState.pauses[failedSaves - 1])
        }
    }

    /// It was looked up whether the answer is stored.
    package mutating func checked(isStored: Bool) -> Action {
        guard phase == .checking else { return .nothing }
        return isStored ? saved() : end(.tellMissing)
    }

    /// The pause before another try is over.
    package mutating func pauseEnded() -> Action {
        guard phase == .pausing else { return .nothing }
        phase = .saving
        return .save
    }

    private mutating func end(_ action: Action) -> Action {
        phase = .over
        return action
    }
}
