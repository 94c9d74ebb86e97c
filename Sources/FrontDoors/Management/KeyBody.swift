// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import HTTPSemantics
internal import JSON
internal import Services
internal import Storage

/// What the bodies of requests for virtual keys say. Members that are not known are refused: a limit with a typing error must
/// not become none.
enum KeyBody {
    /// The key that a body asks for, checked.
    static func draft(_ body: [UInt8], now: Int64) throws(KeyProblem) -> KeyDraft {
        var draft = KeyDraft()
        for member in try members(of: body) {
            switch member.key {
            case "name": draft.name = try text(member)
            case "organization": draft.organization = member.value.isNull ? nil : try text(member)
            case "user": draft.user = member.value.isNull ? nil : try text(member)
            case "role":
                guard let role = member.value.string.flatMap(KeyRole.init(rawValue:)) else {
                    throw KeyProblem("role", "role must be 'member' or 'admin'.")
                }
                draft.role = role
            case "models": draft.models = try models(member.value)
            case "limits": draft.limits = try limits(member.value)
            case "expires_at": draft.expiresAt = try time(member.value)
            case "expires_in":
                guard let length = member.value.string.flatMap(KeyDraft.lifetime) else {
                    throw KeyProblem("expires_in", "expires_in must be a time such as '12h' or '30d'.")
                }
                draft.expiresAt = now &+ length
            default: throw unknown(member.key)
            }
        }
        try draft.check(now: now)
        return draft
    }

    /// The change that a body asks for, checked.
    static func change(_ body: [UInt8], now: Int64) throws(KeyProblem) -> KeyChange {
        var change = KeyChange()
        for member in try members(of: body) {
            switch member.key {
            case "name": change.name = try text(member)
            case "models": change.models = .some(try models(member.value))
            case "limits": change.limits = try limits(member.value)
            case "expires_at": change.expiresAt = .some(try time(member.value))
            default: throw unknown(member.key)
            }
        }
        guard !change.isEmpty else { throw KeyProblem("body", "Name what to change: name, models, limits or expires_at.") }
        try change.check(now: now)
        return change
    }

    private static func members(of body: [UInt8]) throws(KeyProblem) -> [JSONValue.Member] {
        guard let value = try? JSONValue(parsing: body.span, depthLimit: 8, valueLimit: 4096), let members = value.members else {
            throw KeyProblem("body", "The body must be a JSON object.")
        }
        var seen: Set<String> = []
        for member in members where !seen.insert(member.key).inserted {
            throw KeyProblem(member.key, "A member is there twice.")
        }
        if seen.isSuperset(of: ["expires_at", "expires_in"]) {
            throw KeyProblem("expires_in", "Either expires_at or expires_in says when the key expires, not both.")
        }
        return members
    }

    private static func text(_ member: JSONValue.Member) throws(KeyProblem) -> String {
        guard let text = member.value.string else { throw KeyProblem(member.key, "\(member.key) must be a string.") }
        return text
    }

    private static func models(_ value: JSONValue) throws(KeyProblem) -> [String]? {
        if value.isNull { return nil }
        guard let elements = value.elements, elements.allSatisfy({ $0.string != nil }) else {
            throw KeyProblem("models", "models must be a list of names, or null for every model.")
        }
        return elements.compactMap(\.string)
    }

    private static func limits(_ value: JSONValue) throws(KeyProblem) -> LimitRules {
        if value.isNull { return LimitRules() }
        do {
            return try LimitRules(json: value)
        } catch {
            throw KeyProblem("limits", error.message)
        }
    }

    private static func time(_ value: JSONValue) throws(KeyProblem) -> Int64? {
        if value.isNull { return nil }
        guard let seconds = value.string.flatMap(InternetDate.unixTime(from:)) else {
            throw KeyProblem("expires_at", "expires_at must be a time such as '2030-01-31T00:00:00Z' (RFC 3339).")
        }
        return Int64(seconds) &* 1_000_000
    }

    private static func unknown(_ key: String) -> KeyProblem {
        KeyProblem(String(key.prefix(64)), "The member '\(key.prefix(64))' is unknown, or cannot be set here.")
    }
}
