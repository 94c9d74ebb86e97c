// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Providers

/// A provider and the model to ask it for.
package struct Candidate {
    /// Who is asked.
    package let provider: Provider
    /// The model, as the provider calls it.
    package let model: String
}

/// From the model that a client names to who can answer.
package struct RoutePlan {
    /// A configured model name, or a pattern that ends in `*`, with its deployments.
    package struct Route {
        /// What clients ask for: a name, `prefix*`, or `*`.
        package var name: String
        /// Who answers; in a model name, `*` stands for what the pattern's `*` matched.
        package var deployments: [Candidate]

        package init(name: String, deployments: [Candidate]) {
            self.name = name
            self.deployments = deployments
        }
    }

    private let exact: [String: Route]
    private let patterns: [Route]
    private let providers: [String: Provider]
    private let only: Provider?
    /// The names that can be listed, in the order of the settings.
    package let listing: [(model: String, owner: String)]

    /// A plan over `providers` with configured `routes`; `bareNames` serves names that nothing else matches.
    package init(providers: [Provider], routes: [Route], bareNames: Provider? = nil) {
        self.providers = Dictionary(providers.map { ($0.name, $0) }) { first, _ in first }
        exact = Dictionary(routes.filter { !$0.name.hasSuffix("*") }.map { ($0.name, $0) }) { first, _ in first }
        // The longest pattern is the most particular one.
        patterns = routes.filter { $0.name.hasSuffix("*") }.sorted { $0.name.utf8.count > $1.name.utf8.count }
        only = bareNames
        listing =
            routes.filter { !$0.name.hasSuffix("*") }.map { ($0.name, $0.deployments.first?.provider.name ?? "sluice") }
            + providers.flatMap { provider in provider.models.map { ("\(provider.name)/\($0)", provider.name) } }
    }

    /// Who can answer for a model, best first; empty when nobody can.
    package func candidates(for model: String) -> [Candidate] {
        if let route = exact[model] { return route.deployments }
        for route in patterns {
            let prefix = route.name.dropLast()
            guard model.utf8.count > prefix.utf8.count, model.hasPrefix(prefix) else { continue }
            let rest = String(model.dropFirst(prefix.count))
            return route.deployments.map {
                Candidate(provider: $0.provider, model: $0.model.hasSuffix("*") ? $0.model.dropLast() + rest : $0.model)
            }
        }
        if let slash = model.firstIndex(of: "/"), let provider = providers[String(model[..<slash])] {
            let rest = String(model[model.index(after: slash)...])
            if !rest.isEmpty { return [Candidate(provider: provider, model: rest)] }
        }
        if let only { return [Candidate(provider: only, model: model)] }
        return []
    }
}

@available(*, unavailable)
extension RoutePlan: Sendable {}

extension Candidate {
    /// A provider asked for one of its models.
    package init(_ provider: Provider, _ model: String) {
        self.init(provider: provider, model: model)
    }
}

@available(*, unavailable)
extension Candidate: Sendable {}
