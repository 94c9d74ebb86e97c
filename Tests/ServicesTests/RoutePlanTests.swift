// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import HTTPClient
import Providers
import Storage
import Telemetry
import Testing

@testable import Services

/// A transport that nothing is ever sent on.
final class NoTransport: UpstreamTransport {
    final class Transfer: UpstreamTransfer {
        func resume() {}
        func cancel() {}
        func release() {}
    }
    func start(_ request: TransferRequest, _ receiver: any TransferReceiver) -> any UpstreamTransfer { Transfer() }
}

@Suite("RoutePlan") struct RoutePlanTests {
    static func provider(_ name: String, models: [String] = []) -> Provider {
        Provider(.init(name: name, baseURL: "http://localhost", models: models), .openAI, transport: NoTransport())
    }

    static func plan(bareNames: Bool) -> RoutePlan {
        let (a, b) = (provider("a", models: ["x"]), provider("b"))
        return RoutePlan(
            providers: [a, b],
            routes: [
                .init(name: "g*", deployments: [Candidate(a, "wide-*")]),
                .init(name: "gpt-*", deployments: [Candidate(b, "narrow-*"), Candidate(a, "fixed")]),
                .init(name: "gpt-4", deployments: [Candidate(a, "exact")]),
                .init(name: "a/special", deployments: [Candidate(b, "routed")]),
            ], bareNames: bareNames ? b : nil)
    }

    @Test(
        "prefers the exact name, then the longest pattern, then the provider's prefix, then the bare name",
        arguments: [
            ("gpt-4", ["a/exact"], ["a/exact"]), ("gpt-5", ["b/narrow-5", "a/fixed"], ["b/narrow-5", "a/fixed"]),
            ("gem", ["a/wide-em"], ["a/wide-em"]), ("a/special", ["b/routed"], ["b/routed"]), ("a/x/y", ["a/x/y"], ["a/x/y"]),
            ("b/gpt-4", ["b/gpt-4"], ["b/gpt-4"]), ("other", [], ["b/other"]), ("c/x", [], ["b/c/x"]), ("g", [], ["b/g"]),
            ("gpt-", ["a/wide-pt-"], ["a/wide-pt-"]), ("GPT-4", [], ["b/GPT-4"]),
        ])
    func precedence(model: String, without: [String], with: [String]) {
        func names(_ plan: RoutePlan) -> [String] { plan.candidates(for: model).map { "\($0.provider.name)/\($0.model)" } }
        #expect(names(Self.plan(bareNames: false)) == without)
        #expect(names(Self.plan(bareNames: true)) == with)
    }

    @Test("knows what a provider's model costs by the provider's name for it: a deployment's price goes before the table's")
    func prices() {
        let (a, b) = (Self.provider("a"), Self.provider("b"))
        func price(_ input: Int64) -> Price { Price(input: input, output: 0) }
        let plan = RoutePlan(
            providers: [a, b],
            routes: [
                .init(name: "x", deployments: [Candidate(a, "m", price: price(1)), Candidate(b, "m")]),
                .init(name: "y", deployments: [Candidate(a, "m", price: price(2))]),
                .init(name: "g*", deployments: [Candidate(a, "g*", price: price(3))]),
            ], prices: PriceTable([("a/*", price(4)), ("b/m", price(5))]))
        let named = [("a", "m"), ("a", "g1"), ("a", "x"), ("a", ""), ("b", "m"), ("b", "n"), ("c", "m")]
        #expect(named.map { plan.price(provider: $0, model: $1)?.input } == [1, 3, 4, 4, 5, nil, nil])
    }

    @Test("lists exact names and the providers' models, no patterns")
    func listing() {
        let listed = Self.plan(bareNames: true).listing
        #expect(listed.map(\.model) == ["gpt-4", "a/special", "a/x"])
        #expect(listed.map(\.owner) == ["a", "b", "a"])
    }

    @Test("draws the order of deployments by their weights, and asks those of weight 0 never") func weights() {
        let (a, b, c) = (Self.provider("a"), Self.provider("b"), Self.provider("c"))
        let plan = RoutePlan(
            providers: [a, b, c],
            routes: [
                .init(
                    name: "m",
                    deployments: [
                        Candidate(a, "x", weight: 3), Candidate(b, "x", weight: 1), Candidate(c, "x", weight: 0),
                    ])
            ])
        func order(_ draw: Double) -> [String] {
            plan.groups(for: "m") { draw }.flatMap { $0.map(\.provider.name) }
        }
        #expect(order(0) == ["a", "b"])
        #expect(order(0.74) == ["a", "b"])
        #expect(order(0.76) == ["b", "a"])
        #expect(order(0.999_999) == ["b", "a"])
    }

    @Test("adds the deployments of the fallbacks, but not their own fallbacks") func fallbacks() {
        let (a, b, c) = (Self.provider("a"), Self.provider("b"), Self.provider("c"))
        let plan = RoutePlan(
            providers: [a, b, c],
            routes: [
                .init(name: "m", deployments: [Candidate(a, "x")], fallbacks: ["n", "c/direct", "gone"]),
                .init(name: "n", deployments: [Candidate(b, "y")], fallbacks: ["m"]),
            ])
        let names = plan.groups(for: "m") { 0 }.map { $0.map { "\($0.provider.name)/\($0.model)" } }
        #expect(names == [["a/x"], ["b/y"], ["c/direct"]])
        #expect(plan.groups(for: "gone") { 0 }.isEmpty)
    }
}

@Suite("AdmissionService") struct AdmissionServiceTests {
    static let keys = ["sk-first-key-0123456789", "sk-second-key-987654321"]
    static var ring: KeyRing { KeyRing(keys: keys.map { Secret($0) }, adminKey: nil, now: { 0 }) }

    @Test("admits by any of its keys, and tells who it was without telling the key", arguments: keys)
    func admits(_ key: String) throws {
        let service = AdmissionService(isEnabled: true, ring: Self.ring)
        let id = "settings_" + KeyDigest(of: key).prefix
        #expect(service.admit(key) == .admitted(Caller(name: "sk-...\(key.suffix(4))", keyID: id)))
    }

    @Test(
        "refuses everything else",
        arguments: [
            nil, "", "sk-first-key-012345678", "sk-first-key-01234567890", "SK-FIRST-KEY-0123456789", "anonymous", "[secret]",
        ])
    func refuses(_ key: String?) {
        #expect(AdmissionService(isEnabled: true, ring: Self.ring).admit(key) == .refused)
        #expect(AdmissionService(isEnabled: true, ring: KeyRing(keys: [], adminKey: nil, now: { 0 })).admit(key) == .refused)
    }

    @Test("lets everybody in when it is off")
    func off() {
        let service = AdmissionService(isEnabled: false, ring: Self.ring)
        #expect(service.admit(nil) == .admitted(.anonymous))
        #expect(service.admit("wrong") == .admitted(.anonymous))
    }
}
