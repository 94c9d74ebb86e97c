// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@testable import Services

/// Everything that can happen to an exchange.
enum Happening: CaseIterable {
    case event, whole, completed, failed, timedOut, refused, left, leftToDrain, expired, cancelled, silence

    func apply(to state: inout ExchangeState) -> ExchangeState.Action {
        switch self {
        case .event: state.receivedEvent()
        case .whole: state.receivedWhole()
        case .completed: state.completed()
        case .failed: state.failed(.upstreamError)
        case .timedOut: state.failed(.upstreamTimeout)
        case .refused: state.refused()
        case .left: state.clientLeft(drains: false)
        case .leftToDrain: state.clientLeft(drains: true)
        case .expired: state.drainExpired()
        case .cancelled: state.cancelled()
        case .silence: state.silenceLasted()
        }
    }
}

@Suite("ExchangeState") struct ExchangeStateTests {
    typealias Row = (Happening, ExchangeState.Action, ExchangeState.Phase)

    static let waiting: [Row] = [
        (.event, .begin, .streaming), (.whole, .respond, .over(.completed)),
        (.completed, .refuse, .over(.upstreamError)),
        (.failed, .refuse, .over(.upstreamError)), (.timedOut, .refuse, .over(.upstreamTimeout)),
        (.refused, .refuse, .over(.refused)), (.left, .cancel, .over(.clientDisconnected)),
        (.leftToDrain, .nothing, .draining), (.expired, .nothing, .waiting),
        (.cancelled, .refuse, .over(.cancelled)),
        (.silence, .beginWithHeartbeat, .streaming),
    ]
    static let streaming: [Row] = [
        (.event, .write, .streaming), (.whole, .nothing, .streaming),
        (.completed, .finish, .over(.completed)),
        (.failed, .fail, .over(.upstreamError)), (.timedOut, .fail, .over(.upstreamTimeout)),
        (.refused, .nothing, .streaming), (.left, .cancel, .over(.clientDisconnected)),
        (.leftToDrain, .nothing, .draining), (.expired, .nothing, .streaming),
        (.cancelled, .fail, .over(.cancelled)),
        (.silence, .heartbeat, .streaming),
    ]
    static let draining: [Row] = [
        (.event, .nothing, .draining), (.whole, .settle, .over(.clientDisconnected)),
        (.completed, .settle, .over(.clientDisconnected)), (.failed, .settle, .over(.clientDisconnected)),
        (.timedOut, .settle, .over(.clientDisconnected)), (.refused, .nothing, .draining),
        (.left, .nothing, .draining),
        (.leftToDrain, .nothing, .draining), (.expired, .cancel, .over(.clientDisconnected)),
        (.cancelled, .cancel, .over(.clientDisconnected)), (.silence, .nothing, .draining),
    ]

    @Test(
        "has one answer to every event in every phase",
        arguments: [
            ([], waiting), ([.event], streaming), ([.leftToDrain], draining),
            ([.event, .leftToDrain], draining),
        ] as [([Happening], [Row])])
    func table(path: [Happening], rows: [Row]) {
        #expect(rows.map(\.0) == Happening.allCases)
        for (happening, action, phase) in rows {
            var state = ExchangeState(isStream: true)
            for step in path { _ = step.apply(to: &state) }
            #expect(happening.apply(to: &state) == action, "\(happening)")
            #expect(state.phase == phase, "\(happening)")
        }
    }

    @Test("does nothing once over", arguments: Happening.allCases)
    func over(_ happening: Happening) {
        for last in [Happening.completed, .failed, .left, .cancelled, .refused, .whole] {
            var state = ExchangeState(isStream: true)
            _ = last.apply(to: &state)
            let phase = state.phase
            #expect(state.isOver)
            #expect(happening.apply(to: &state) == .nothing)
            #expect(state.phase == phase)
        }
    }

    @Test("holds back the head of an answer that is wanted whole, however long the silence")
    func whole() {
        var state = ExchangeState(isStream: false)
        #expect(state.silenceLasted() == .nothing)
        #expect(state.phase == .waiting && !state.hasStarted)
    }

    @Test("ends at most once, whatever happens in whatever order", arguments: 0..<8)
    func oneEnd(seed: UInt64) {
        var random = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func isEnd(_ action: ExchangeState.Action) -> Bool {
            [.respond, .refuse, .fail, .finish, .cancel, .settle].contains(action)
        }
        for round in 0..<2000 {
            var state = ExchangeState(isStream: round % 2 == 0)
            var ends = 0
            var begins = 0
            for _ in 0..<12 {
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let wasOver = state.isOver
                let action = Happening.allCases[Int(random >> 33) % Happening.allCases.count].apply(
                    to: &state)
                if isEnd(action) { ends += 1 }
                if action == .begin || action == .beginWithHeartbeat || action == .respond { begins += 1 }
                #expect(!wasOver || action == .nothing)
                #expect(isEnd(action) == (state.isOver && !wasOver))
            }
            #expect(ends == (state.isOver ? 1 : 0))
            #expect(begins <= 1)
        }
    }
}
