// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@testable import Services

@Suite("Caller: who may see what is under way for whom") struct CallerSightTests {
    static let admin = Caller(name: "admin", role: .admin)
    static let ada = Caller(name: "a", keyID: "key_1", organization: "acme", user: "ada")
    static let adasOther = Caller(name: "b", keyID: "key_2", organization: "acme", user: "ada")
    static let bob = Caller(name: "c", keyID: "key_3", organization: "acme", user: "bob")
    static let stranger = Caller(name: "d", keyID: "key_4", organization: "other", user: "ada")
    static let wholeOrganization = Caller(name: "e", keyID: "key_5", organization: "acme")
    static let otherKeyOfIt = Caller(name: "h", keyID: "key_8", organization: "acme")
    static let lone = Caller(name: "f", keyID: "key_6")
    static let otherLone = Caller(name: "f", keyID: "key_7")
    static let configured = Caller(name: "sk-...1234", keyID: "settings_1")
    static let otherConfigured = Caller(name: "sk-...1234", keyID: "settings_2")
    static let short = Caller(name: Secret("short").masked)
    static let all = [
        admin, ada, adasOther, bob, stranger, wholeOrganization, otherKeyOfIt, lone, otherLone, configured, otherConfigured,
        short, .anonymous,
    ]

    @Test("the administrator sees everybody") func administrator() {
        #expect(Self.all.allSatisfy { Self.admin.maySee($0) })
    }

    @Test(
        "a member sees its own organisation's user, or its own key, and nobody else",
        arguments: [
            (ada, [ada, adasOther]), (adasOther, [ada, adasOther]), (bob, [bob]), (stranger, [stranger]),
            (wholeOrganization, [wholeOrganization]), (otherKeyOfIt, [otherKeyOfIt]), (lone, [lone]),
            (otherLone, [otherLone]), (configured, [configured]),
        ])
    func member(viewer: Caller, seen: [Caller]) {
        #expect(Self.all.filter { viewer.maySee($0) } == seen)
    }

    @Test("who cannot be told from others sees nothing", arguments: [short, .anonymous])
    func nobody(viewer: Caller) {
        #expect(!Self.all.contains { viewer.maySee($0) })
    }
}
