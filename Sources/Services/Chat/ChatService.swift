// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
package import Storage
package import Telemetry

/// Conversations that are kept, on one event loop.
package final class ChatService {
    /// Where conversations are; `nil` when nothing is stored.
    package let store: ChatStore?
    /// How models are asked.
    package let policy: ChatPolicy
    let relay: RelayService
    let log: Log
    private let failedSaves: Counter
    private var turns: [ObjectIdentifier: ChatTurn] = [:]
    /// How many turns may wait to store their answer again; with more, a failure is final at once.
    private static let retryLimit = 1000

    /// A service that asks models through `relay`; without a `database` it refuses everything.
    package init(_ relay: RelayService, _ database: (any Database)?, _ policy: ChatPolicy, log: Log, metrics: GatewayMetrics) {
        self.relay = relay
        self.policy = policy
        self.log = log
        store = database.map { ChatStore($0) }
        failedSaves = metrics.registry.counter(
            "sluice_chat_saves_failed_total", help: "Answers of the chat that could not be stored.")
    }

    /// How many turns are under way, those that only have to be stored included.
    package var activeCount: Int { turns.count }

    /// The model that answers where none is named; empty when there is none at all.
    package var defaultModel: String { policy.model ?? relay.models.first?.model ?? "" }

    /// Begins to store and answer a message. The listener is told of everything, and not before this returns.
    package func begin(_ request: ChatTurnRequest, _ listener: any ChatTurnListener) -> ChatTurn {
        let turn = ChatTurn(request, listener, self)
        turns[ObjectIdentifier(turn)] = turn
        turn.start()
        return turn
    }

    // MARK: Called by turns

    var mayRetry: Bool { turns.count <= ChatService.retryLimit }

    func finished(_ turn: ChatTurn) { turns[ObjectIdentifier(turn)] = nil }

    func countFailedSave(_ request: String, _ error: ChatStoreError) {
        failedSaves.add()
        log.error("an answer could not be stored", ["id": .text(request), "error": .text("\(error)")])
    }
}

@available(*, unavailable)
extension ChatService: Sendable {}
