// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A model that clients ask for by name.
package struct ModelSettings: Sendable, Equatable {
    /// The name, or `*`, or `prefix/*`.
    package var name = ""
    /// Where it is served; in one of them for each request, by weight.
    package var deployments: [DeploymentSettings] = []
    /// Models asked in turn when all deployments fail: names of models, or `provider/model`.
    package var fallbacks: [String] = []
    /// What its tokens cost, if known.
    package var price: PriceSettings?

    package init() {}
}

/// A provider's model under a weight.
package struct DeploymentSettings: Sendable, Equatable {
    /// The provider's name.
    package var provider = ""
    /// The provider's name for the model; `nil` passes the client's on.
    package var model: String?
    /// The share of requests, relative to the other deployments; 0 takes none.
    package var weight = 1

    package init() {}
}
