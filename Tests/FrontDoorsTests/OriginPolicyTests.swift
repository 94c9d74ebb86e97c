// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import FrontDoors
import HTTPSemantics
import Testing

@Suite("OriginPolicy") struct OriginPolicyTests {
    /// The code of the refusal for fields, or nil.
    func code(_ policy: OriginPolicy, _ fields: [String: String]) -> String? {
        var all = HTTPFields()
        for (name, value) in fields { all.append(name, value) }
        return policy.refusal(of: RequestHead(method: "POST", target: "/v1/messages", fields: all))?.code
    }

    static let local = OriginPolicy.guarding(listenHost: "127.0.0.1", isLoopback: true, allowedHosts: [])

    @Test(
        "knows the names that only this machine gives itself",
        arguments: [
            ("localhost", true), ("localhost:8080", true), ("LOCALHOST", true), ("localhost.:8080", true),
            ("a.localhost:8080", true), ("127.0.0.1:8080", true), ("192.168.1.7", true), ("[::1]:8080", true),
            ("[::1]", true), ("", true), ("evil.example", false), ("evil.example:8080", false), ("gw", false),
            ("127.0.0.1.evil.example", false), ("localhost.evil.example", false), ("1.2.3.256", false),
            ("notlocalhost", false),
        ])
    func names(host: String, passes: Bool) {
        #expect(code(Self.local, ["Host": host]) == (passes ? nil : "host_not_allowed"))
    }

    @Test("takes the names of the settings, and of the address it listens on")
    func allowed() {
        let named = OriginPolicy.guarding(listenHost: "box.lan", isLoopback: true, allowedHosts: ["AI.home"])
        #expect(code(named, ["Host": "ai.HOME:80"]) == nil)
        #expect(code(named, ["Host": "box.lan:8080"]) == nil)
        #expect(code(named, ["Host": "x.ai.home"]) == "host_not_allowed")
        let any = OriginPolicy.guarding(listenHost: "127.0.0.1", isLoopback: true, allowedHosts: ["*"])
        #expect(code(any, ["Host": "whatever.example"]) == nil)
        #expect(code(any, ["Host": "a.example", "Origin": "http://b.example"]) == "origin_not_allowed")
        let shared = OriginPolicy.guarding(listenHost: "0.0.0.0", isLoopback: false, allowedHosts: [])
        #expect(code(shared, ["Host": "gw.example"]) == nil)
        #expect(code(shared, ["Host": "gw.example", "Sec-Fetch-Site": "cross-site"]) == "origin_not_allowed")
        let listed = OriginPolicy.guarding(listenHost: "0.0.0.0", isLoopback: false, allowedHosts: ["gw.example"])
        #expect(code(listed, ["Host": "other.example"]) == "host_not_allowed")
    }

    @Test(
        "turns pages of other origins away",
        arguments: [
            ("http://localhost:8080", true), ("HTTP://LocalHost:8080", true), ("https://localhost:8080", true),
            ("http://localhost", false), ("http://localhost:3000", false), ("http://evil.example", false),
            ("null", false), ("", false), ("http://evil.example/localhost:8080", false),
            ("http://localhost:8080.evil.example", false), ("file://", false), ("chrome-extension://abc", false),
        ])
    func origins(origin: String, passes: Bool) {
        let fields = ["Host": "localhost:8080", "Origin": origin]
        #expect(code(Self.local, fields) == (passes ? nil : "origin_not_allowed"))
    }

    @Test("leaves the port of a scheme out", arguments: ["http://127.0.0.1", "http://127.0.0.1:80"])
    func ports(origin: String) {
        #expect(code(Self.local, ["Host": "127.0.0.1", "Origin": origin]) == nil)
        #expect(code(Self.local, ["Host": "127.0.0.1:80", "Origin": origin]) == nil)
    }

    @Test(
        "believes the browser on where a request comes from",
        arguments: [("cross-site", false), ("Cross-Site", false), ("same-origin", true), ("none", true)])
    func sites(site: String, passes: Bool) {
        let fields = ["Host": "localhost:8080", "Sec-Fetch-Site": site]
        #expect(code(Self.local, fields) == (passes ? nil : "origin_not_allowed"))
    }

    @Test("asks nothing where there are keys")
    func open() {
        #expect(code(.open, ["Host": "x.example", "Origin": "null", "Sec-Fetch-Site": "cross-site"]) == nil)
    }
}
