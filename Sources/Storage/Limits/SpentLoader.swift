// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Asks what scopes have spent, once for all who want to know it at the same time.
///
/// What ends while an answer is under way may be in it or not: then it is asked again. After a few times in vain what ended meanwhile
/// is added, as too much is better than too little.
final class SpentLoader {
    /// What a scope has spent in its day and month.
    struct Spent: Equatable {
        var day = SpentAmount()
        var month = SpentAmount()
    }

    /// A question under way.
    private final class Load {
        let periods: BudgetPeriods
        var waiting: [(Spent?) -> Void] = []
        /// How often it may be asked yet.
        var tries = 3
        /// What ended since it was last asked.
        var meanwhile = Spent()

        init(_ periods: BudgetPeriods) { self.periods = periods }
    }

    /// How many may wait for one answer.
    private static let limit = 10_000
    private let source: (any SpentSource)?
    /// By scope; one has two only while a day ends.
    private var loads: [String: [Load]] = [:]

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

    /// Takes note of what a request used that has ended and began at a time in microseconds since 1970. Its record must reach the
    /// source before this loop's turn is over.
    func ended(_ scope: String, _ used: SpentAmount, began: Int64) {
        guard let underWay = loads[scope] else { return }
        let periods = BudgetPeriods(microseconds: began)
        for load in underWay {
            if load.periods.day == periods.day { load.meanwhile.day = load.meanwhile.day + used.clamped }
            if load.periods.month == periods.month { load.meanwhile.month = load.meanwhile.month + used.clamped }
        }
    }

    private func load(_ scope: String, _ periods: BudgetPeriods, _ done: @escaping (Spent?) -> Void) {
        guard source != nil else { return done(Spent()) }
        if let load = loads[scope]?.first(where: { $0.periods == periods }) {
            guard load.waiting.count < SpentLoader.limit else { return done(nil) }
            return load.waiting.append(done)
        }
        let load = Load(periods)
        load.waiting.append(done)
        loads[scope, default: []].append(load)
        ask(scope, load)
    }

    private func ask(_ scope: String, _ load: Load) {
        load.tries -= 1
        load.meanwhile = Spent()
        let today = load.periods.day
        source?.spent(scope: scope, days: today...today) { [self] day in
            guard let day else { return answer(scope, load, nil) }
            source?.spent(scope: scope, days: load.periods.month...today) { [self] month in
                guard let month else { return answer(scope, load, nil) }
                if load.meanwhile != Spent(), load.tries > 0 { return ask(scope, load) }
                answer(scope, load, Spent(day: day + load.meanwhile.day, month: month + load.meanwhile.month))
            }
        }
    }

    private func answer(_ scope: String, _ load: Load, _ spent: Spent?) {
        loads[scope]?.removeAll { $0 === load }
        if loads[scope]?.isEmpty == true { loads[scope] = nil }
        for done in load.waiting { done(spent) }
    }
}

@available(*, unavailable)
extension SpentLoader: Sendable {}
