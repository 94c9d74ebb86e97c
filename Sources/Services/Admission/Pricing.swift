// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import Storage

/// Knows what models cost.
package protocol Pricing {
    /// What tokens of a model cost, by the name that clients ask for; `nil` when the model has no price.
    func cost(of usage: TokenUsage, model: String) -> Money?
}

extension RoutePlan: Pricing {
    /// The most that any of those can cost who may be asked for the model; `nil` when one of them has no price.
    package func cost(of usage: TokenUsage, model: String) -> Money? {
        let groups = groups(for: model) { 0 }
        var most = Money.zero
        for candidate in groups.joined() {
            guard let price = candidate.price else { return nil }
            most = max(most, price.cost(of: usage))
        }
        return groups.isEmpty ? nil : most
    }
}
