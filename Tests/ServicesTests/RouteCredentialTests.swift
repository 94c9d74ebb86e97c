// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Dialects
import HTTPClient
import HTTPSemantics
import Providers
import Telemetry
import Testing

@testable import Services

/// A transport that notes where requests would go and with which key, and sends nothing.
private final class NotedTransport: UpstreamTransport, ForwardingTransport {
    final class Transfer: ForwardingTransfer {
        var unsentBytes: Int { 0 }
        func send(_ piece: Span<UInt8>) {}
        func finishSending() {}
        func resume() {}
        func cancel() {}
        func release() {}
    }

    /// What was asked for, in order: the host, and the key shown in any field.
    private(set) var noted: [(host: String, keys: [String])] = []

    func start(_ request: TransferRequest, _ receiver: any TransferReceiver) -> any UpstreamTransfer { note(request) }

    func forward(_ request: TransferRequest, _ receiver: any ForwardingReceiver) -> any ForwardingTransfer { note(request) }

    private func note(_ request: TransferRequest) -> Transfer {
        let host = request.url.split(separator: "/", omittingEmptySubsequences: false)[2]
        let shown = request.fields + (request.forwarding?.lines.map { ($0.name, $0.value) } ?? [])
        noted.append((String(host), shown.filter { CredentialFields.names.contains($0.name.lowercased()) }.map(\.value)))
        return Transfer()
    }
}

/// A receiver that nothing is ever delivered to.
private final class NoReceiver: UpstreamReceiver {
    var isSaturated: Bool { false }
    func receive(_ event: borrowing DecodedEvent, named name: Span<UInt8>, _ data: Span<UInt8>) {}
    func receive(whole body: Span<UInt8>, _ event: borrowing DecodedEvent) {}
    func receive(answer: ChatAccumulator) {}
    func receivedComment() {}
    func receivedMalformedEvent() {}
    func flush() {}
    func finish() {}
    func fail(_ failure: UpstreamFailure) {}
}

private final class NoForwardingReceiver: ForwardingReceiver {
    func receive(_ head: TransferHead) {}
    func receive(_ chunk: Span<UInt8>) -> Verdict { .abort }
    func receivedBatch() {}
    func finish(_ error: TransferError?) {}
    func sentBytes(_ left: Int) {}
}

@Suite("RoutePlan and credentials") struct RouteCredentialTests {
    /// Four places with a key of their own each, two without.
    private static let places: [(name: String, profile: ProviderProfile, key: String)] = [
        ("a", .openAI, "key-of-a"), ("b", .anthropic, "key-of-b"), ("c", .gemini, "key-of-c"),
        ("d", .openAICompatible(maker: "d"), "key-of-d"), ("e", .ollama, ""), ("f", .openAICompatible(maker: "f"), ""),
    ]

    private static func configuration(_ name: String, _ key: String) -> Provider.Configuration {
        Provider.Configuration(name: name, baseURL: "http://\(name).test/base", apiKey: Secret(key))
    }

    /// What each host must be shown, and nothing else may be.
    private static func keys(for host: String) -> [String] {
        places.filter { "\($0.name).test" == host && !$0.key.isEmpty }.map {
            $0.profile.authentication == .bearer ? "Bearer \($0.key)" : $0.key
        }
    }

    private static func plan(_ transport: NotedTransport, bareNames: String?) -> RoutePlan {
        let providers = places.map { Provider(configuration($0.name, $0.key), $0.profile, transport: transport) }
        func deployment(_ name: String, _ model: String) -> Candidate {
            Candidate(providers.first { $0.name == name } ?? providers[0], model)
        }
        return RoutePlan(
            providers: providers,
            routes: [
                .init(name: "gpt-*", deployments: [deployment("a", "*"), deployment("d", "x-*")], fallbacks: ["b/m"]),
                .init(name: "b/own", deployments: [deployment("c", "m")], fallbacks: ["e/m", "gpt-1"]),
            ], bareNames: providers.first { $0.name == bareNames })
    }

    /// Names that speak of another place than the one that they lead to, also such as no door lets through.
    private static let models = [
        "gpt-4", "gpt-b/m", "gpt-http://b.test/base", "b/own", "a/m", "a/b/m", "a/http://b.test/v1", "a/../b/m",
        "b/@c.test", "/", "", "c/a/m#d", "d/m?key=key-of-a", "e/a/m", "f/m\r\nAuthorization: Bearer key-of-a",
        "http://b.test/a/m", "//b.test/m", "a%2Fm", "x@a.test", "a", "A/m", "key-of-a/m", "e.test/m", "bare",
        "f/models/a/m", "c/models/../../../a", "c/@b.test/m",
    ]

    /// A body that names another place and another key wherever some gateway has looked for them.
    private static let body = Array(
        """
        {"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"api_base":"http://b.test","base_url":"http://b.test",
        "api_key":"key-of-b","provider":"b","user_config":{"api_base":"http://b.test","api_key":"key-of-b"},
        "metadata":{"api_base":"http://b.test","provider":"b"},"extra_headers":{"Authorization":"Bearer key-of-b","Host":"b.test"}}
        """.utf8)

    private static func request() throws -> UpstreamRequest {
        UpstreamRequest(body: body, decoded: try OpenAIChatCodec().decodeRequest(body.span), dialect: .openAIChat)
    }

    @Test(
        "where a request goes and the key that it shows are of one provider, whatever the model's name and the body say",
        arguments: models)
    func pairs(model: String) throws {
        for bareNames in [nil, "d", "e"] {
            let transport = NotedTransport()
            let plan = Self.plan(transport, bareNames: bareNames)
            let request = try Self.request()
            for candidate in plan.groups(for: model, { 0 }).flatMap({ $0 }) {
                let before = transport.noted.count
                // A dialect may be unable to say a request; it then asks nobody.
                guard (try? candidate.provider.open(request, model: candidate.model, at: 0, NoReceiver())) != nil else {
                    continue
                }
                let asked = transport.noted.dropFirst(before)
                #expect(asked.map(\.host) == ["\(candidate.provider.name).test"])
            }
            #expect(bareNames == nil || !transport.noted.isEmpty)
            for (host, keys) in transport.noted { #expect(keys == Self.keys(for: host), "\(host)") }
        }
    }

    @Test("every host of a route with fallbacks is shown its own key, and one without a key none")
    func everyHost() throws {
        let transport = NotedTransport()
        let plan = Self.plan(transport, bareNames: nil)
        for model in ["gpt-4", "b/own", "f/m"] {
            for candidate in plan.groups(for: model, { 0 }).flatMap({ $0 }) {
                _ = try? candidate.provider.open(try Self.request(), model: candidate.model, at: 0, NoReceiver())
            }
        }
        let seen = transport.noted.map { [$0.host] + $0.keys }
        #expect(seen.contains(["a.test", "Bearer key-of-a"]) && seen.contains(["d.test", "Bearer key-of-d"]))
        #expect(seen.contains(["f.test"]))
        #expect(transport.noted.allSatisfy { $0.keys == Self.keys(for: $0.host) })
    }

    @Test(
        "what is handed on goes to the base URL with the gateway's key only, whatever the path and the fields say",
        arguments: [
            "", "/m", "//b.test/m", "/http://b.test/", "/m?key=key-of-b&api_base=http://b.test", "?host=b.test", "/@b.test",
        ])
    func forwarded(path: String) throws {
        for place in Self.places {
            let transport = NotedTransport()
            let target = ProxyTarget(Self.configuration(place.name, place.key), place.profile, transport: transport)
            let fields = HTTPFields([
                .init("Host", "b.test"), .init("Authorization", "Bearer gate"), .init("X-Api-Key", "gate"),
                .init("X-Forwarded-Host", "b.test"), .init("X-Goog-Api-Key", "gate"), .init("Api-Key", "gate"),
            ])
            let lines = CredentialFields.handedOn(fields, gatewayKey: "gate", replaces: target.hasKey)
            let joined = try #require(target.target(for: Substring(path)))
            #expect(joined.hasPrefix("/base"))
            _ = target.open(method: "POST", target: joined, lines: lines, framing: .none, NoForwardingReceiver())
            #expect(transport.noted.map(\.host) == ["\(place.name).test"])
            #expect(transport.noted.map(\.keys) == [Self.keys(for: "\(place.name).test")])
        }
    }
}
