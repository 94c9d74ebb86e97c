// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Storage
import Telemetry
import Testing

@testable import Services

@Suite("KeyRing") struct KeyRingTests {
    final class Clock {
        var time: Int64 = 1000
    }

    static func row(_ key: String, id: String = "key_1", revision: Int64 = 1) -> KeyRow {
        KeyRow(id: id, digest: KeyDigest(of: key), hint: "sk-slu-...abcd", name: "n", createdAt: 0, revision: revision)
    }

    let clock = Clock()

    func ring(expectsStored: Bool = true, organizations: [String: LimitRules] = [:]) -> KeyRing {
        KeyRing(
            keys: [Secret("client-key-0123456789")], adminKey: Secret("admin-key-0123456789"), organizations: organizations,
            expectsStored: expectsStored, now: { [clock] in clock.time })
    }

    @Test("knows the keys of the settings before any other is loaded") func configured() {
        let ring = ring()
        #expect(ring.find("client-key-0123456789") == .caller(Caller(name: "cli...6789")))
        #expect(ring.find("admin-key-0123456789") == .caller(Caller(name: "adm...6789", role: .admin)))
    }

    @Test("does not call a strange key wrong before the stored ones are loaded") func notLoaded() {
        let ring = ring()
        #expect(ring.find("sk-slu-x") == .notLoaded)
        #expect(ring.find("") == .unknown)
        ring.loaded()
        #expect(ring.find("sk-slu-x") == .unknown)
        #expect(self.ring(expectsStored: false).find("sk-slu-x") == .unknown)
    }

    @Test("makes a stored key the caller that it stands for, with the limits of key and organisation") func caller() {
        var limits = LimitRules()
        limits.requestsPerMinute = 5
        let ring = ring(organizations: ["acme": limits])
        var row = KeyRingTests.row("sk-slu-1")
        row.organization = "acme"
        row.user = "ada"
        row.models = ["m"]
        row.limits.concurrent = 1
        ring.read([row], upTo: 1)
        let scopes = [LimitScope("key:key_1", row.limits), LimitScope("org:acme", limits)]
        #expect(
            ring.find("sk-slu-1")
                == .caller(
                    Caller(
                        name: "sk-slu-...abcd", keyID: "key_1", organization: "acme", user: "ada", models: ["m"], scopes: scopes))
        )
    }

    @Test("refuses a key once it is revoked, and from the moment at which it expires") func ends() {
        let ring = ring()
        ring.loaded()
        var row = KeyRingTests.row("sk-slu-1")
        row.expiresAt = 2000
        ring.read([row], upTo: 1)
        clock.time = 1999
        #expect(ring.find("sk-slu-1") != .unknown)
        clock.time = 2000
        #expect(ring.find("sk-slu-1") == .unknown)
        row.expiresAt = nil
        row.revision = 2
        ring.read([row], upTo: 2)
        #expect(ring.find("sk-slu-1") != .unknown)
        row.revokedAt = 1
        row.revision = 3
        ring.read([row], upTo: 3)
        #expect(ring.find("sk-slu-1") == .unknown && ring.count == 0)
    }

    @Test("what was read before a change made here does not undo it") func readingLagsBehind() {
        let ring = ring()
        ring.loaded()
        let before = KeyRingTests.row("sk-slu-1", revision: 1)
        var revoked = before
        revoked.revokedAt = 1
        revoked.revision = 2
        ring.changed(revoked)
        ring.read([before], upTo: 1)
        #expect(ring.find("sk-slu-1") == .unknown)
        ring.read([revoked], upTo: 2)
        #expect(ring.find("sk-slu-1") == .unknown)
    }

    @Test("another database takes the place of the one before") func replaced() {
        let ring = ring()
        ring.loaded()
        ring.read([KeyRingTests.row("sk-slu-1", revision: 9)], upTo: 9)
        ring.replace(with: [KeyRingTests.row("sk-slu-2", id: "key_2", revision: 3)], upTo: 3)
        #expect(ring.find("sk-slu-1") == .unknown && ring.find("sk-slu-2") != .unknown)
    }

    @Test("admission asks for no key where keys are off, and makes nobody the administrator beyond this machine")
    func keysOff() {
        let open = KeyRing(keys: [], adminKey: nil, now: { 0 })
        let local = AdmissionService(isEnabled: false, ring: open, isLocal: true).admit(nil)
        #expect(local == .admitted(Caller(name: "anonymous", role: .admin)))
        #expect(AdmissionService(isEnabled: false, ring: open).admit("x") == .admitted(.anonymous))
        let guarded = AdmissionService(isEnabled: false, ring: open, hasAdminKey: true, isLocal: true)
        #expect(guarded.admit(nil) == .admitted(.anonymous))
        #expect(AdmissionService(isEnabled: true, ring: open).admit(nil) == .refused)
        #expect(AdmissionService(isEnabled: true, ring: ring()).admit("sk-slu-x") == .notLoaded)
    }
}

@Suite("The models that a key is for") struct CallerModelsTests {
    static let allowed: [(scope: [String], model: String)] = [
        (["gpt-4o"], "gpt-4o"), (["a", "b"], "b"), (["*"], "anything"), (["openai/*"], "openai/gpt-4o"),
        (["openai/*"], "openai/a/b"), (["cafe\u{301}"], "cafe\u{301}"),
    ]
    static let refused: [(scope: [String], model: String)] = [
        (["gpt-4o"], "gpt-4o "), (["gpt-4o"], " gpt-4o"), (["gpt-4o"], "GPT-4o"), (["gpt-4o"], "gpt-4o\0"),
        (["gpt-4o"], "gpt-4"), (["gpt-4o"], "gpt-4o-mini"), (["gpt-4o"], "openai/gpt-4o"), (["openai/*"], "openai/"),
        (["openai/*"], "OpenAI/gpt-4o"), (["openai/*"], "openai"), (["openai/*"], "openaix/y"), (["gpt-4o"], "*"),
        (["openai/gpt-4o"], "openai/*"), (["cafe\u{301}"], "caf\u{e9}"), ([], "gpt-4o"), (["gpt-4o"], ""),
    ]

    @Test("are allowed by name or pattern", arguments: allowed) func allows(_ scope: [String], _ model: String) {
        #expect(Caller(name: "c", models: scope).mayUse(model))
        #expect(Caller(name: "c").mayUse(model))
    }

    @Test("are no others, however like they look", arguments: refused) func refuses(_ scope: [String], _ model: String) {
        #expect(!Caller(name: "c", models: scope).mayUse(model))
    }
}

@Suite("A key as it is asked for") struct KeyDraftTests {
    @Test(
        "has a lifetime in seconds, minutes, hours, days or weeks",
        arguments: [
            ("1s", 1), ("90s", 90), ("30m", 1800), ("12h", 43_200), ("30d", 2_592_000), ("4w", 2_419_200),
            ("36525d", 3_155_760_000),
        ])
    func lifetime(_ text: String, _ seconds: Int64) {
        #expect(KeyDraft.lifetime(text) == seconds * 1_000_000)
    }

    @Test("has no other lifetime", arguments: ["", "30", "d", "0d", "-1d", "1.5h", "1y", "99999999999d", "9999999999w", "1 d"])
    func noLifetime(_ text: String) {
        #expect(KeyDraft.lifetime(text) == nil)
    }

    @Test("is refused with what is wrong") func wrong() {
        func member(_ change: (inout KeyDraft) -> Void) -> String? {
            var draft = KeyDraft()
            draft.name = "n"
            change(&draft)
            do { try draft.check(now: 1000) } catch { return error.member }
            return nil
        }
        #expect(member { _ in } == nil)
        #expect(member { $0.name = "" } == "name")
        #expect(member { $0.name = "a\nb" } == "name")
        #expect(member { $0.organization = String(repeating: "x", count: 129) } == "organization")
        #expect(member { $0.user = "\u{1b}[31m" } == "user")
        #expect(member { $0.models = ["a", "b/*", "*"] } == nil)
        for models in [[], [""], ["a b"], ["a*"], ["*/*"], ["*a"], ["a\0"]] { #expect(member { $0.models = models } == "models") }
        #expect(member { $0.expiresAt = 1000 } == "expires_at")
        #expect(member { $0.expiresAt = 1001 } == nil)
    }
}
