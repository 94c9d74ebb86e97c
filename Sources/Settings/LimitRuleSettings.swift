// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What a key or an organisation may use; `nil` is without a limit.
package struct LimitRuleSettings: Sendable, Equatable {
    /// Requests that begin within any 60 seconds.
    package var requestsPerMinute: Int?
    /// Tokens, of input and output together, of the requests that begin within any 60 seconds.
    package var tokensPerMinute: Int?
    /// Requests under way at once.
    package var concurrent: Int?
    /// Tokens in a day of UTC.
    package var tokensPerDay: Int?
    /// Tokens in a calendar month of UTC.
    package var tokensPerMonth: Int?
    /// Money in a day of UTC, in billionths of the unit of prices.
    package var moneyPerDay: Int64?
    /// Money in a calendar month of UTC, in billionths of the unit of prices.
    package var moneyPerMonth: Int64?

    package init() {}

    /// The fields of limits below a setting.
    static func fields<Root>(
        _ prefix: String, of target: WritableKeyPath<Root, LimitRuleSettings>
    ) -> [Field<Root>] {
        [
            .limit("\(prefix)requests_per_minute", target.appending(path: \.requestsPerMinute)),
            .limit("\(prefix)tokens_per_minute", target.appending(path: \.tokensPerMinute)),
            .limit("\(prefix)concurrent", target.appending(path: \.concurrent)),
            .limit("\(prefix)tokens_per_day", target.appending(path: \.tokensPerDay)),
            .limit("\(prefix)tokens_per_month", target.appending(path: \.tokensPerMonth)),
            .money("\(prefix)money_per_day", target.appending(path: \.moneyPerDay)),
            .money("\(prefix)money_per_month", target.appending(path: \.moneyPerMonth)),
        ]
    }
}

/// An organisation that keys can belong to.
package struct OrganizationSettings: Sendable, Equatable {
    /// What keys call it; compared exactly.
    package var name = ""
    /// What all its keys together may use.
    package var limits = LimitRuleSettings()

    package init() {}

    static var fields: [Field<OrganizationSettings>] {
        [
            .value("name", \.name, expected: "a name of up to 128 characters, none of them a control character") { text in
                isName(text) ? text : nil
            }
        ] + LimitRuleSettings.fields("limits.", of: \.limits)
    }

    private static func isName(_ text: String) -> Bool {
        (1...128).contains(text.unicodeScalars.count)
            && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    /// Reads the list of organisations.
    static func read(_ node: YAMLNode, _ report: inout Report) -> [OrganizationSettings] {
        guard case .list(let items) = node.content else {
            report.add(node.line, "organizations must be a list, not \(node.form)")
            return []
        }
        var organizations: [OrganizationSettings] = []
        for item in items {
            var organization = OrganizationSettings()
            fields.read(item, label: "an organization", into: &organization, &report)
            guard case .map = item.content else { continue }
            if item["name"] == nil { report.add(item.line, "an organization needs a name") }
            if !organization.name.isEmpty, organizations.contains(where: { $0.name == organization.name }) {
                let line = item["name"]?.line ?? item.line
                report.add(line, "there are two organizations named \(Report.quoted(organization.name))")
                continue
            }
            organizations.append(organization)
        }
        return organizations
    }
}
