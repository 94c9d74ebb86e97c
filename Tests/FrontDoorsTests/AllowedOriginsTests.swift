// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import FrontDoors
import HTTPSemantics
import Testing

@Suite("AllowedOrigins") struct AllowedOriginsTests {
    static let two = AllowedOrigins(["https://app.example.com", "http://localhost:8000"])

    func head(_ method: String, origins: [String], _ more: HTTPFields = HTTPFields()) -> RequestHead {
        var fields = more
        fields.append("Host", "localhost:8080")
        for origin in origins { fields.append("Origin", origin) }
        return RequestHead(method: method, target: "/v1/messages", fields: fields)
    }

    @Test(
        "knows an origin byte by byte",
        arguments: [
            ("https://app.example.com", true), ("http://localhost:8000", true), ("http://app.example.com", false),
            ("https://app.example.com:443", false), ("https://app.example.com:8443", false), ("", false),
            ("https://x.app.example.com", false), ("https://app.example.com.evil.example", false), ("null", false),
            ("https://app.example.com/", false), ("HTTPS://app.example.com", false), ("https://APP.example.com", false),
            ("http://localhost", false), ("*", false), ("https://gw.evil", false), ("https://app.example.co", false),
        ])
    func exact(origin: String, isAllowed: Bool) {
        let head = head("GET", origins: [origin])
        #expect(Self.two.allows(head) == isAllowed)
        #expect(Self.two.fields(for: head)["access-control-allow-origin"] == (isAllowed ? origin : nil))
    }

    @Test("tells caches that answers differ by origin, and no browser to add credentials")
    func fields() {
        for origins in [[], ["https://evil.example"], ["https://app.example.com"]] {
            let fields = Self.two.fields(for: head("GET", origins: origins))
            #expect(fields["vary"] == "Origin")
            #expect(fields["access-control-allow-credentials"] == nil)
        }
        #expect(AllowedOrigins().fields(for: head("GET", origins: ["https://app.example.com"])).isEmpty)
    }

    @Test("takes two origins for none")
    func several() {
        #expect(!Self.two.allows(head("GET", origins: ["https://app.example.com", "https://app.example.com"])))
        #expect(!Self.two.allows(head("GET", origins: ["https://app.example.com, http://localhost:8000"])))
        #expect(!Self.two.allows(head("GET", origins: [])))
    }

    @Test("never echoes an origin where all are allowed")
    func any() {
        let fields = AllowedOrigins(["*"]).fields(for: head("GET", origins: ["null"]))
        #expect(fields.values(of: "access-control-allow-origin") == ["*"])
    }

    @Test("tells a preflight from other requests")
    func preflights() {
        let asks: HTTPFields = ["Access-Control-Request-Method": "POST"]
        let known = ["https://app.example.com"]
        let answer = Self.two.preflight(head("OPTIONS", origins: known, asks), methods: ["GET", "POST"])
        #expect(answer?["access-control-allow-methods"] == "GET, HEAD, POST")
        #expect(answer?["access-control-max-age"] == "600")
        #expect(answer?["access-control-allow-headers"] == nil)
        #expect(Self.two.preflight(head("OPTIONS", origins: known), methods: []) == nil)
        #expect(Self.two.preflight(head("POST", origins: known, asks), methods: []) == nil)
        #expect(Self.two.preflight(head("OPTIONS", origins: ["https://evil.example"], asks), methods: []) == nil)
        #expect(AllowedOrigins().preflight(head("OPTIONS", origins: known, asks), methods: []) == nil)
    }

    @Test("lets the pages into a gateway without keys, whose names are asked for all the same")
    func policy() {
        var policy = OriginPolicy.guarding(listenHost: "127.0.0.1", isLoopback: true, allowedHosts: [])
        policy.allowed = Self.two
        let cross: HTTPFields = ["Sec-Fetch-Site": "cross-site"]
        #expect(policy.refusal(of: head("GET", origins: ["https://app.example.com"], cross)) == nil)
        #expect(policy.refusal(of: head("GET", origins: ["https://evil.example"]))?.code == "origin_not_allowed")
        #expect(policy.refusal(of: head("GET", origins: [], cross))?.code == "origin_not_allowed")
        var rebound = head("GET", origins: ["https://app.example.com"])
        rebound.fields = ["Host": "evil.example", "Origin": "https://app.example.com"]
        #expect(policy.refusal(of: rebound)?.code == "host_not_allowed")
    }
}
