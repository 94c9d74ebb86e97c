// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What scopes have spent, by the sums of use.
package final class SpentUsage: SpentSource {
    private let store: AuditStore

    /// Reads from the sums of `store`.
    package init(_ store: AuditStore) { self.store = store }

    package func spent(scope: String, days: ClosedRange<Int>, _ done: @escaping (SpentAmount?) -> Void) {
        var filter = UsageFilter(.everybody)
        if scope.hasPrefix("key:") {
            filter.keyID = String(scope.dropFirst(4))
        } else {
            filter.organization = String(scope.dropFirst("org:".count))
        }
        filter.from = Int64(days.lowerBound)
        filter.to = Int64(days.upperBound) + 1
        store.usage(filter, by: [], limit: 1) { result in
            guard let sums = try? result.get() else { return done(nil) }
            let sum = sums.first ?? UsageSum()
            let (tokens, isTooLarge) = sum.inputTokens.addingReportingOverflow(sum.outputTokens)
            done(SpentAmount(tokens: isTooLarge ? .max : tokens, cost: sum.cost))
        }
    }
}

@available(*, unavailable)
extension SpentUsage: Sendable {}
