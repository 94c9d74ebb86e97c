// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Asks what scopes have spent, once for all who want to know it at the same time.
final class SpentLoader {
    /// What a scope has spent in its day and month.
    struct Spent {
        var day: SpentAmount
        var month: SpentAmount
    }

    private struct Question: Hashable {
        let scope: String
        let day: Int
    }

    /// How many may wait for one answer.
    private static let limit = 10_000
    private let source: (any SpentSource)?
    private var waiting: [Question: [(Spent?) -> Void]] = [:]

    /// A loader from `source`; without one nothing was spent before.
    init(_ source: (any SpentSource)?) { self.source = source }

    /// Asks for scopes in turn, gives each to `found`, and says at the end whether all could be told.
    func load(
        _ scopes: ArraySlice<String>, _ periods: BudgetPeriods, _ found: @escaping (String, Spent) -> Void,
        _ done: @escaping (Bool) -> Void
    ) {
        guard let scope = scopes.first else { return done(true) }
        load(scope, periods) { [self] spent in
            guard let spent else { return done(false) }
            found(scope, spent)
            load(scopes.dropFirst(), periods, found, done)
        }
    }

    private func load(_ scope: String, _ periods: BudgetPeriods, _ done: @escaping (Spent?) -> Void) {
        guard let source else { return done(Spent(day: SpentAmount(), month: SpentAmount())) }
        let question = Question(scope: scope, day: periods.day)
        guard waiting[question, default: []].count < SpentLoader.limit else { return done(nil) }
        waiting[question, default: []].append(done)
        guard waiting[question]?.count == 1 else { return }
        source.spent(scope: scope, days: periods.day...periods.day) { [self] day in
            guard let day else { return answer(question, nil) }
            source.spent(scope: scope, days: periods.month...periods.day) { [self] month in
                answer(question, month.map { Spent(day: day, month: $0) })
            }
        }
    }

    private func answer(_ question: Question, _ spent: Spent?) {
        for done in waiting.removeValue(forKey: question) ?? [] { done(spent) }
    }
}

@available(*, unavailable)
extension SpentLoader: Sendable {}
