// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The price of a million tokens, in millionths of one currency throughout the file.
package struct PriceSettings: Sendable, Equatable {
    /// What it is the price of, where it stands in `prices`: `provider/model`, `provider/*` or `*`.
    package var model = ""
    /// Of input tokens.
    package var input: Int64 = 0
    /// Of output tokens.
    package var output: Int64 = 0
    /// Of input tokens read from a cache; `nil` costs as much as input.
    package var cached: Int64?
    /// Of input tokens written to a cache; `nil` costs as much as input.
    package var cacheWrite: Int64?
    /// Of output tokens spent on reasoning; `nil` costs as much as output.
    package var reasoning: Int64?

    package init() {}

    /// Reads a decimal number exactly: millionths, up to a million; `nil` for anything else.
    static func parse(_ text: String) -> Int64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts[0].utf8.count <= 7 else { return nil }
        let fraction = parts.count == 2 ? parts[1] : "0"
        guard (1...6).contains(fraction.utf8.count), !parts[0].isEmpty,
            (parts[0] + fraction).utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let whole = Int64(parts[0]),
            let rest = Int64(fraction + String(repeating: "0", count: 6 - fraction.utf8.count))
        else { return nil }
        let millionths = whole * 1_000_000 + rest
        return millionths <= 1_000_000_000_000 ? millionths : nil
    }

    /// The fields of a price that stands at `target`.
    static func fields<Root>(
        _ prefix: String, _ set: @escaping (inout Root, (inout PriceSettings) -> Void) -> Void
    ) -> [Field<Root>] {
        let members: [(String, (inout PriceSettings, Int64) -> Void)] = [
            ("input", { $0.input = $1 }), ("output", { $0.output = $1 }), ("cached", { $0.cached = $1 }),
            ("cache_write", { $0.cacheWrite = $1 }), ("reasoning", { $0.reasoning = $1 }),
        ]
        return members.map { name, write in
            Field(path: (prefix + name).split(separator: ".").map(String.init)) { node, label, root, report in
                guard let text = node.text, let value = parse(text) else {
                    return report.add(
                        node.line,
                        "\(label) must be a price for a million tokens with up to 6 decimals, such as 2.5")
                }
                set(&root) { write(&$0, value) }
            }
        }
    }

    /// Reports what a price leaves open: nothing is free without saying so.
    static func checkWhole(_ node: YAMLNode, _ report: inout Report) {
        guard case .map = node.content else { return }
        for name in ["input", "output"] {
            switch node[name]?.content {
            case nil, .null: report.add(node.line, "a price needs \(name), which may be 0 for what is free")
            default: continue
            }
        }
    }

    /// Reads the list of prices of models that are addressed directly.
    static func read(_ node: YAMLNode, _ report: inout Report) -> [PriceSettings] {
        guard case .list(let items) = node.content else {
            report.add(node.line, "prices must be a list, not \(node.form)")
            return []
        }
        let fields: [Field<PriceSettings>] =
            [
                .value("model", \.model, expected: "'provider/model', 'provider/*' or '*'") { text in
                    ModelSettings.isName(text) && (text == "*" || text.contains("/")) ? text : nil
                }
            ] + PriceSettings.fields("") { price, change in change(&price) }
        var models: Set<String> = []
        return items.map { item in
            var price = PriceSettings()
            fields.read(item, label: "a price", into: &price, &report)
            if case .map = item.content, item["model"] == nil { report.add(item.line, "a price needs a model") }
            checkWhole(item, &report)
            if !price.model.isEmpty, !models.insert(price.model).inserted {
                report.add(item.line, "there are two prices of \(Report.quoted(price.model))")
            }
            return price
        }
    }
}
