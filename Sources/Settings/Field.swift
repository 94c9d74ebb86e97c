// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Telemetry

/// One setting: where it stands, and how it is read into what it belongs to.
///
/// The same table of fields reads the file, names the environment's variables and gives the hints in
/// messages.
struct Field<Root> {
    /// The keys from the root's mapping down, such as `["limits", "max_body"]`.
    let path: [String]
    /// Whether an environment variable may set it.
    var isInEnvironment = true
    /// Reads a node that is not null; the text is what messages call the setting.
    let read: (YAMLNode, String, inout Root, inout Report) -> Void

    /// A setting that is a single value, read by `parse`, which gives `nil` for what is not `expected`.
    static func value<Value>(
        _ path: String, _ target: WritableKeyPath<Root, Value>, expected: String, isSecret: Bool = false,
        parse: @escaping (String) -> Value?
    ) -> Field {
        Field(path: keys(path)) { node, label, root, report in
            if let value = single(node, label, expected, isSecret, parse, &report) {
                root[keyPath: target] = value
            }
        }
    }

    /// A setting that is a list of values; in an environment variable they stand between commas.
    static func list<Value>(
        _ path: String, _ target: WritableKeyPath<Root, [Value]>, expected: String, isSecret: Bool = false,
        parse: @escaping (String) -> Value?
    ) -> Field {
        Field(path: keys(path)) { node, label, root, report in
            let items: [YAMLNode]
            switch node.content {
            case .list(let list): items = list
            case .scalar(let text) where node.line == nil:
                items = text.split(separator: ",").map { part in
                    let trimmed = String(part.drop { $0 == " " })
                    return YAMLNode(line: nil, content: .scalar(trimmed), isExpanded: isSecret)
                }
            case .invalid: return
            default: return report.add(node.line, "\(label) must be a list, not \(node.form)")
            }
            root[keyPath: target] = items.compactMap { item in
                single(item, "each of \(label)", expected, isSecret, parse, &report)
            }
        }
    }

    private static func keys(_ path: String) -> [String] { path.split(separator: ".").map(String.init) }

    private static func single<Value>(
        _ node: YAMLNode, _ label: String, _ expected: String, _ isSecret: Bool,
        _ parse: (String) -> Value?, _ report: inout Report
    ) -> Value? {
        switch node.content {
        case .invalid: return nil
        case .scalar(let text):
            if let value = parse(text) { return value }
            // What came from a variable may be a credential in the wrong place.
            let shown = isSecret || node.isExpanded ? "" : ", not \(Report.quoted(text))"
            report.add(node.line, "\(label) must be \(expected)\(shown)")
        default: report.add(node.line, "\(label) must be \(expected), not \(node.form)")
        }
        return nil
    }
}

extension Field {
    /// A time from `least` to `most`, a week unless told.
    static func duration(
        _ path: String, _ target: WritableKeyPath<Root, Duration>, least: Duration = .milliseconds(1),
        most: Duration = .seconds(604_800)
    ) -> Field {
        let expected = "a time such as 500ms, 15s, 2m or 1h, from \(Quantity.text(least)) to \(Quantity.text(most))"
        return value(path, target, expected: expected) { text in
            Quantity.duration(text).flatMap { $0 >= least && $0 <= most ? $0 : nil }
        }
    }

    /// A number of bytes.
    static func size(
        _ path: String, _ target: WritableKeyPath<Root, Int>, _ range: ClosedRange<Int>
    ) -> Field {
        let bounds = "from \(Quantity.text(range.lowerBound)) to \(Quantity.text(range.upperBound))"
        return value(path, target, expected: "a size such as 64KiB or 32MiB, \(bounds)") { text in
            Quantity.size(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// A whole number.
    static func integer(
        _ path: String, _ target: WritableKeyPath<Root, Int>, _ range: ClosedRange<Int>
    ) -> Field {
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return value(path, target, expected: expected) { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// How much of something may be used.
    static func limit(_ path: String, _ target: WritableKeyPath<Root, Int?>) -> Field {
        value(path, target, expected: "a whole number from 1 to 1000000000000") { text in
            Int(text).flatMap { (1...1_000_000_000_000).contains($0) ? .some($0) : nil }
        }
    }

    /// An amount of money, kept in billionths.
    static func money(_ path: String, _ target: WritableKeyPath<Root, Int64?>) -> Field {
        value(path, target, expected: "an amount such as 20 or 2.50, above 0 and up to 1000000, with up to 9 decimals") { text in
            Quantity.billionths(text).flatMap { (1...1_000_000_000_000_000).contains($0) ? .some($0) : nil }
        }
    }

    /// True or false.
    static func flag(_ path: String, _ target: WritableKeyPath<Root, Bool>) -> Field {
        value(path, target, expected: "true or false") { text in
            switch text.lowercased() {
            case "true", "yes", "on", "1": true
            case "false", "no", "off", "0": false
            default: nil
            }
        }
    }

    /// One of a few words.
    static func choice<Value: CaseIterable>(
        _ path: String, _ target: WritableKeyPath<Root, Value>, name: @escaping (Value) -> String
    ) -> Field {
        let words = Value.allCases.map(name).joined(separator: ", ")
        return value(path, target, expected: "one of \(words)") { text in
            Value.allCases.first { name($0) == text }
        }
    }

    /// A credential of printable ASCII, as it has to stand in a header.
    static func secret(_ path: String, _ target: WritableKeyPath<Root, Secret?>) -> Field {
        value(path, target, expected: Credential.expected, isSecret: true) { text in
            Credential.parse(text).map { .some($0) }
        }
    }
}

/// A key as it may stand in a header.
enum Credential {
    static let expected = "a key of printable ASCII without spaces"

    static func parse(_ text: String) -> Secret? {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ? Secret(text) : nil
    }
}
