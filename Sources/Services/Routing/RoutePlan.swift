// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Providers

/// A provider and the model to ask it for.
package struct Candidate {
    /// Who is asked.
    package let provider: Provider
    /// The model, as the provider calls it.
    package let model: String
    /// The share of requests, relative to the other deployments of the model; 0 takes none.
    package let weight: Int
    /// What its tokens cost; `nil` when nobody said.
    package var price: Price?
}

/// From the model that a client names to who can answer.
package struct RoutePlan {
    /// A configured model name, or a pattern that ends in `*`, with its deployments.
    package struct Route {
        /// What clients ask for: a name, `prefix*`, or `*`.
        package var name: String
        /// Who answers; in a model name, `*` stands for what the pattern's `*` matched.
        package var deployments: [Candidate]
        /// The models asked in turn when all deployments fail.
        package var fallbacks: [String]

        package init(name: String, deployments: [Candidate], fallbacks: [String] = []) {
            self.name = name
            self.deployments = deployments
            self.fallbacks = fallbacks
        }
    }

    private let exact: [String: Route]
    private let patterns: [Route]
    private let providers: [String: Provider]
    private let only: Provider?
    /// The prices of what is addressed directly, or has none with its name.
    package let prices: PriceTable
    /// The prices that deployments of models have of their own.
    private let deploymentPrices: PriceTable
    /// The names that can be listed, in the order of the settings.
    package let listing: [(model: String, owner: String)]

    /// A plan over `providers` with configured `routes`; `bareNames` serves names that nothing else matches; `prices` are those of
    /// candidates that have none of their own.
    package init(
        providers: [Provider], routes: [Route], bareNames: Provider? = nil, prices: PriceTable = PriceTable()
    ) {
        self.prices = prices
        deploymentPrices = PriceTable(
            routes.flatMap(\.deployments).compactMap { deployment in
                deployment.price.map { ("\(deployment.provider.name)/\(deployment.model)", $0) }
            })
        self.providers = Dictionary(providers.map { ($0.name, $0) }) { first, _ in first }
        exact = Dictionary(routes.filter { !$0.name.hasSuffix("*") }.map { ($0.name, $0) }) { first, _ in first }
        // The longest pattern is the most particular one.
        patterns = routes.filter { $0.name.hasSuffix("*") }.sorted { $0.name.utf8.count > $1.name.utf8.count }
        only = bareNames
        listing =
            routes.filter { !$0.name.hasSuffix("*") }.map { ($0.name, $0.deployments.first?.provider.name ?? "sluice") }
            + providers.flatMap { provider in provider.models.map { ("\(provider.name)/\($0)", provider.name) } }
    }

    /// Who can answer for a model: its deployments in an order drawn by their weights, then those of each of its fallbacks;
    /// empty when nobody can. A fallback's own fallbacks do not count.
    package func groups(for model: String, _ draw: () -> Double) -> [[Candidate]] {
        guard let (deployments, fallbacks) = find(model) else { return [] }
        var groups = [RoutePlan.ordered(deployments, draw)]
        for name in fallbacks {
            if let found = find(name) { groups.append(RoutePlan.ordered(found.deployments, draw)) }
        }
        return groups.filter { !$0.isEmpty }
    }

    /// Who can answer for a model, in the order of the settings and without its fallbacks.
    package func candidates(for model: String) -> [Candidate] { find(model)?.deployments ?? [] }

    /// What a provider's model costs, by the provider's own name for it, whoever was asked for it by which: the price of a deployment
    /// of it, else that of the table; `nil` when it has none.
    package func price(provider: String, model: String) -> Price? {
        deploymentPrices.price(provider: provider, model: model) ?? prices.price(provider: provider, model: model)
    }

    private func find(_ model: String) -> (deployments: [Candidate], fallbacks: [String])? {
        if let route = exact[model] { return (route.deployments.map(priced), route.fallbacks) }
        for route in patterns {
            let prefix = route.name.dropLast()
            guard model.utf8.count > prefix.utf8.count, model.hasPrefix(prefix) else { continue }
            let rest = String(model.dropFirst(prefix.count))
            let deployments = route.deployments.map { deployment in
                let name = deployment.model
                return priced(
                    Candidate(
                        provider: deployment.provider, model: name.hasSuffix("*") ? name.dropLast() + rest : name,
                        weight: deployment.weight, price: deployment.price))
            }
            return (deployments, route.fallbacks)
        }
        if let slash = model.firstIndex(of: "/"), let provider = providers[String(model[..<slash])] {
            let rest = String(model[model.index(after: slash)...])
            if !rest.isEmpty { return ([priced(Candidate(provider, rest))], []) }
        }
        if let only { return ([priced(Candidate(only, model))], []) }
        return nil
    }

    /// A candidate with the price that the table has for it, unless it has one already.
    private func priced(_ candidate: Candidate) -> Candidate {
        guard candidate.price == nil else { return candidate }
        var candidate = candidate
        candidate.price = prices.price(provider: candidate.provider.name, model: candidate.model)
        return candidate
    }

    /// Deployments in random order, each place drawn by weight among those left.
    private static func ordered(_ deployments: [Candidate], _ draw: () -> Double) -> [Candidate] {
        var rest = deployments.filter { $0.weight > 0 }
        guard rest.count > 1 else { return rest }
        var ordered: [Candidate] = []
        while rest.count > 1 {
            var mark = draw() * Double(rest.reduce(0) { $0 + $1.weight })
            var chosen = 0
            while chosen < rest.count - 1, mark >= Double(rest[chosen].weight) {
                mark -= Double(rest[chosen].weight)
                chosen += 1
            }
            ordered.append(rest.remove(at: chosen))
        }
        return ordered + rest
    }
}

@available(*, unavailable)
extension RoutePlan: Sendable {}

extension Candidate {
    /// A provider asked for one of its models.
    package init(_ provider: Provider, _ model: String, weight: Int = 1, price: Price? = nil) {
        self.init(provider: provider, model: model, weight: weight, price: price)
    }
}

@available(*, unavailable)
extension Candidate: Sendable {}
