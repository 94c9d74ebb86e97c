// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Storage

/// Why a key cannot be made, or changed, as was asked.
package struct KeyProblem: Error, Equatable {
    /// The member that is wrong.
    package let member: String
    /// The reason: a sentence.
    package let message: String

    package init(_ member: String, _ message: String) {
        self.member = member
        self.message = message
    }
}

/// A key as somebody asks for it.
package struct KeyDraft: Sendable, Equatable {
    package var name = ""
    package var organization: String?
    package var user: String?
    package var role = KeyRole.member
    package var models: [String]?
    package var limits = LimitRules()
    /// In microseconds since 1970; `nil` for never.
    package var expiresAt: Int64?

    package init() {}

    /// Throws when a key cannot be like that.
    package func check(now: Int64) throws(KeyProblem) {
        try KeyDraft.check("name", name)
        if let organization { try KeyDraft.check("organization", organization) }
        if let user { try KeyDraft.check("user", user) }
        if let models { try KeyDraft.check(models: models) }
        if let expiresAt { try KeyDraft.check(expiresAt: expiresAt, now: now) }
    }

    fileprivate static func check(_ member: String, _ text: String) throws(KeyProblem) {
        let isPlain = !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
        guard (1...128).contains(text.unicodeScalars.count), isPlain else {
            throw KeyProblem(member, "\(member) must have 1 to 128 characters, none of them a control character.")
        }
    }

    fileprivate static func check(models: [String]) throws(KeyProblem) {
        guard (1...1000).contains(models.count), models.allSatisfy(isPattern) else {
            throw KeyProblem(
                "models", "models must be 1 to 1000 names, each a model, 'prefix/*' or '*'; leave it out to allow every model.")
        }
    }

    fileprivate static func check(expiresAt: Int64, now: Int64) throws(KeyProblem) {
        guard expiresAt > now else { throw KeyProblem("expires_at", "A key must expire in the future.") }
    }

    private static func isPattern(_ text: String) -> Bool {
        guard (1...256).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return false }
        guard text.utf8.contains(UInt8(ascii: "*")) else { return true }
        return text == "*" || (text.hasSuffix("/*") && !text.utf8.dropLast().contains(UInt8(ascii: "*")))
    }

    /// A length of time such as `90s`, `30m`, `12h`, `30d` or `4w` in microseconds, of at least a second and at most a hundred
    /// years; `nil` for any other text.
    package static func lifetime(_ text: String) -> Int64? {
        let seconds: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
        guard let unit = text.last.flatMap({ seconds[$0] }), text.utf8.count <= 11,
            text.utf8.dropLast().allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text.dropLast())
        else { return nil }
        let (length, overflow) = number.multipliedReportingOverflow(by: unit)
        return !overflow && (1...3_155_760_000).contains(length) ? length &* 1_000_000 : nil
    }
}

extension KeyChange {
    /// Throws when a key cannot be like that.
    package func check(now: Int64) throws(KeyProblem) {
        if let name { try KeyDraft.check("name", name) }
        if case .some(.some(let models)) = models { try KeyDraft.check(models: models) }
        if case .some(.some(let expiresAt)) = expiresAt { try KeyDraft.check(expiresAt: expiresAt, now: now) }
    }
}
