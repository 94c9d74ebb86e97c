// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import Storage

/// Knows what models cost.
package protocol Pricing {
    /// What tokens of a model cost, by the name that clients ask for; `nil` when the model has no price.
    func cost(of usage: TokenUsage, model: String) -> Money?
}
