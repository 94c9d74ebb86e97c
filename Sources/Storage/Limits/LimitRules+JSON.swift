// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import JSON

extension LimitRules {
    /// Why a JSON value is none of limits: a sentence that names the member.
    package struct Problem: Error, Equatable {
        /// The sentence.
        package let message: String
        init(_ message: String) { self.message = message }
    }

    /// The most that a count may be: what a JSON number holds exactly anywhere.
    package static let most = 1 << 53

    private static let counts: [(name: String, path: any (WritableKeyPath<LimitRules, Int?> & Sendable))] = [
        ("requests_per_minute", \.requestsPerMinute), ("tokens_per_minute", \.tokensPerMinute),
        ("concurrent", \.concurrent), ("tokens_per_day", \.tokensPerDay), ("tokens_per_month", \.tokensPerMonth),
    ]
    private static let amounts: [(name: String, path: any (WritableKeyPath<LimitRules, Money?> & Sendable))] = [
        ("money_per_day", \.moneyPerDay), ("money_per_month", \.moneyPerMonth),
    ]

    /// The names of all limits, as API, settings and the database call them.
    package static var names: [String] { counts.map(\.name) + amounts.map(\.name) }

    /// Reads an object of limits, each a number or null; members of other names are refused.
    package init(json: JSONValue) throws(Problem) {
        guard let members = json.members else { throw Problem("limits must be an object.") }
        self.init()
        for member in members { try set(member.key, member.value) }
    }

    /// Sets a limit by its name; null takes it away.
    package mutating func set(_ name: String, _ value: JSONValue) throws(Problem) {
        if let count = LimitRules.counts.first(where: { $0.name == name }) {
            guard value.isNull || value.integer.map({ (1...LimitRules.most).contains($0) }) ?? false else {
                throw Problem("limits.\(name) must be a whole number from 1 to \(LimitRules.most).")
            }
            self[keyPath: count.path] = value.integer
        } else if let amount = LimitRules.amounts.first(where: { $0.name == name }) {
            guard case .number(let text) = value, let money = Money(decimal: text), money > .zero else {
                guard value.isNull else { throw Problem("limits.\(name) must be an amount such as 12.50, above 0.") }
                return self[keyPath: amount.path] = nil
            }
            self[keyPath: amount.path] = money
        } else {
            throw Problem("limits has an unknown member; known: \(LimitRules.names.joined(separator: ", ")).")
        }
    }

    /// The limits that there are, as an object.
    package var json: JSONValue {
        var members: [JSONValue.Member] = []
        for (name, path) in LimitRules.counts {
            if let count = self[keyPath: path] { members.append(.init(name, .number("\(count)"))) }
        }
        for (name, path) in LimitRules.amounts {
            if let money = self[keyPath: path] { members.append(.init(name, .number(money.decimal))) }
        }
        return .object(members)
    }
}

extension Money {
    /// Reads an amount such as `12`, `12.5`, `0.000000001` or `5e-05`; `nil` for any other text, and for what is too much or too fine.
    package init?(decimal text: String) {
        let halves = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        let parts = halves[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? parts[1] : "0"
        let digits = parts[0] + fraction
        guard !parts[0].isEmpty, !fraction.isEmpty, digits.utf8.count <= 18,
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), var nanos = Int64(digits),
            let exponent = halves.count == 2 ? Int(halves[1]) : 0, (-18...18).contains(exponent)
        else { return nil }
        let shift = 9 + exponent - fraction.utf8.count
        for _ in 0..<abs(shift) where nanos != 0 {
            guard shift > 0 ? nanos < Money.most / 10 : nanos % 10 == 0 else { return nil }
            nanos = shift > 0 ? nanos * 10 : nanos / 10
        }
        guard nanos < Money.most else { return nil }
        self.init(nanos: nanos)
    }

    /// A thousand million units, which no amount comes to.
    private static let most: Int64 = 1_000_000_000_000_000_000

    /// The amount in units, without needless digits: `12`, `12.5`.
    package var decimal: String {
        let (whole, part) = nanos.quotientAndRemainder(dividingBy: 1_000_000_000)
        guard part != 0 else { return "\(whole)" }
        var digits = String("\(1_000_000_000 &+ part.magnitude)".dropFirst())
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(whole).\(digits)"
    }
}
