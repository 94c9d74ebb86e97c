// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Providers

/// Which provider is asked next, decided without a clock: after each failure it says whom to ask, and after what wait.
///
/// The deployments of a model are tried one after the other without a wait; when all have failed and one of them may do better the next
/// time, they are tried again after a pause that grows; then the model's fallbacks follow. What the caller did wrong is tried
/// nowhere else.
struct AttemptPlan {
    /// What to do after a failure.
    enum Step {
        /// Ask a provider, after so many nanoseconds.
        case ask(Candidate, after: UInt64)
        /// Tell the client.
        case giveUp
    }

    /// The longest wait that is worth keeping a client for, in nanoseconds; an upstream that wants more is not asked again.
    static let longestWait: UInt64 = 5_000_000_000
    /// The first wait; each further one is twice as long.
    private static let firstWait: UInt64 = 250_000_000

    private var groups: ArraySlice<[Candidate]>
    /// The deployments of the current group that may still be asked, in order.
    private var open: [Candidate] = []
    /// The place in `open` of the one that was asked last.
    private var position = 0
    private var rounds = 0
    /// The longest wait that an upstream of this round asked for.
    private var wanted: UInt64 = 0

    /// A plan over groups of deployments, the best first; a group is of one model.
    init(_ groups: [[Candidate]]) {
        self.groups = groups[...]
    }

    /// Whom to ask first; `nil` when there is nobody.
    mutating func first() -> Candidate? { nextGroup() }

    /// What to do now that the one asked last has failed before it said anything.
    ///
    /// - Parameters:
    ///   - failureClass: What the failure implies.
    ///   - retryAfter: The wait that the upstream asked for, in nanoseconds.
    ///   - draw: A random number from 0 up to 1, which spreads the waits.
    mutating func next(after failureClass: FailureClass, retryAfter: UInt64?, draw: Double) -> Step {
        switch failureClass {
        case .callerFault: return .giveUp
        case .credential, .quota, .modelGone, .timeout, .unfit:
            // The same again would only cost the same time.
            open.remove(at: position)
        case .rateLimit, .transient:
            if let retryAfter, retryAfter > AttemptPlan.longestWait {
                open.remove(at: position)
            } else {
                wanted = max(wanted, retryAfter ?? 0)
                position += 1
            }
        }
        if position < open.count { return .ask(open[position], after: 0) }
        if let again = open.first, rounds < again.provider.maxRetries {
            let wait = max(wanted, backoff(draw))
            rounds += 1
            position = 0
            wanted = 0
            return .ask(again, after: wait)
        }
        guard let candidate = nextGroup() else { return .giveUp }
        return .ask(candidate, after: 0)
    }

    /// Between half and all of a time that doubles with each round.
    private func backoff(_ draw: Double) -> UInt64 {
        let whole = min(AttemptPlan.longestWait, AttemptPlan.firstWait << UInt64(min(rounds, 10)))
        return whole / 2 + UInt64(Double(whole / 2) * min(max(draw, 0), 1))
    }

    private mutating func nextGroup() -> Candidate? {
        while let group = groups.popFirst() {
            guard let candidate = group.first else { continue }
            open = group
            position = 0
            rounds = 0
            wanted = 0
            return candidate
        }
        return nil
    }
}
