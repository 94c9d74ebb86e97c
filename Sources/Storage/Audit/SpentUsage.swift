// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Reactor

/// What scopes have spent, by the sums of use.
package final class SpentUsage: SpentSource {
    /// Nanoseconds after which the answer is that it cannot be told: a request waits for it.
    private static let patience: UInt64 = 2_000_000_000
    private let store: AuditStore
    private let loop: EventLoop
    private let whenStored: (@escaping (Bool) -> Void) -> Void

    /// Reads from the sums of `store`, on its loop, once `whenStored` has said that all rows are stored which waited for that when it
    /// was asked; `false` of it means that this cannot be told.
    package init(_ store: AuditStore, on loop: EventLoop, whenStored: @escaping (@escaping (Bool) -> Void) -> Void) {
        self.store = store
        self.loop = loop
        self.whenStored = whenStored
    }

    package func spent(scope: String, days: ClosedRange<Int>, _ done: @escaping (SpentAmount?) -> Void) {
        var filter = UsageFilter(.everybody)
        if scope.hasPrefix("key:") {
            filter.keyID = String(scope.dropFirst(4))
        } else {
            filter.organization = String(scope.dropFirst("org:".count))
        }
        filter.from = Int64(days.lowerBound)
        filter.to = Int64(days.upperBound) + 1
        // Of the answer and the end of patience the first one counts, and lets go of the other.
        var waiting: ((SpentAmount?) -> Void)? = done
        var timer: LoopTimer?
        func answer(_ amount: SpentAmount?) {
            guard let done = waiting else { return }
            (waiting, timer) = (nil, nil)
            done(amount)
        }
        timer = LoopTimer(loop) { answer(nil) }
        timer?.schedule(after: SpentUsage.patience)
        whenStored { [store] isStored in
            guard isStored else { return answer(nil) }
            // It may have taken longer than anybody waits.
            guard waiting != nil else { return }
            store.usage(filter, by: [], limit: 1, isUrgent: true) { result in
                guard let sums = try? result.get() else { return answer(nil) }
                let sum = sums.first ?? UsageSum()
                let (tokens, isTooLarge) = sum.inputTokens.addingReportingOverflow(sum.outputTokens)
                answer(SpentAmount(tokens: isTooLarge ? .max : tokens, cost: sum.cost))
            }
        }
    }
}

@available(*, unavailable)
extension SpentUsage: Sendable {}
