// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Builds the nodes of a settings file from libyaml's events.
///
/// A file is one document of at most 1 MiB, nested at most 16 deep, without anchors, aliases and tags:
/// nothing in it can make it larger than it looks.
struct YAMLReader {
    static let sizeLimit = 1 << 20
    private static let depthLimit = 16

    private let events: YAMLEvents
    private let variables: Variables

    /// The file's content; `nil` when it is empty or a problem keeps it from being read at all.
    static func read(_ bytes: [UInt8], environment: [String: String], report: inout Report) -> YAMLNode? {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            report.addForFile("the file is not UTF-8")
            return nil
        }
        guard let variables = Variables(bytes, environment: environment) else {
            report.addForFile("the file holds a private use character (U+E000 or U+E001), which is reserved")
            return nil
        }
        do throws(YAMLEvents.Failure) {
            let reader = YAMLReader(events: try YAMLEvents(variables.text), variables: variables)
            return try reader.document(&report)
        } catch {
            report.add(error.line, error.message)
            return nil
        }
    }

    private func document(_ report: inout Report) throws(YAMLEvents.Failure) -> YAMLNode? {
        _ = try events.next()
        if case .streamEnd = try events.next().event { return nil }
        let root = try node(try events.next(), depth: 0, &report)
        _ = try events.next()
        let end = try events.next()
        guard case .streamEnd = end.event else {
            throw YAMLEvents.Failure(
                line: end.line, message: "settings are one document; a second one begins here")
        }
        return root
    }

    private func node(
        _ begin: YAMLEvents.Located, depth: Int, _ report: inout Report
    ) throws(YAMLEvents.Failure) -> YAMLNode {
        let line = begin.line
        if begin.isMarked {
            report.add(line, "anchors, aliases and tags of YAML are not supported in settings")
        }
        guard depth <= Self.depthLimit else {
            throw YAMLEvents.Failure(line: line, message: "nested deeper than \(Self.depthLimit) levels")
        }
        switch begin.event {
        case .scalar(let text, let isPlain): return scalar(text, isPlain: isPlain, line: line, &report)
        case .listStart:
            var items: [YAMLNode] = []
            while true {
                let next = try events.next()
                if case .end = next.event { return YAMLNode(line: line, content: .list(items)) }
                items.append(try node(next, depth: depth + 1, &report))
            }
        case .mapStart:
            return YAMLNode(line: line, content: .map(try entries(depth: depth, &report)))
        default: return YAMLNode(line: line, content: .invalid)
        }
    }

    private func entries(
        depth: Int, _ report: inout Report
    ) throws(YAMLEvents.Failure) -> [YAMLNode.Entry] {
        var entries: [YAMLNode.Entry] = []
        var lines: [String: Int] = [:]
        while true {
            let next = try events.next()
            if case .end = next.event { return entries }
            let key = try node(next, depth: depth + 1, &report)
            let value = try node(try events.next(), depth: depth + 1, &report)
            guard case .scalar(let name) = key.content else {
                report.add(next.line, "a key must be a name, not \(key.form)")
                continue
            }
            if let first = lines[name] {
                report.add(next.line, "the key \(Report.quoted(name)) is there twice, first on line \(first)")
                continue
            }
            lines[name] = next.line
            entries.append(YAMLNode.Entry(key: name, line: next.line, value: value))
        }
    }

    private func scalar(_ text: String, isPlain: Bool, line: Int, _ report: inout Report) -> YAMLNode {
        switch variables.expand(text) {
        case .problem(let message):
            report.add(line, message)
            return YAMLNode(line: line, content: .invalid)
        case .text(let expanded, let usesVariable):
            let isNull = usesVariable ? expanded.isEmpty : isPlain && Self.nulls.contains(expanded)
            return YAMLNode(
                line: line, content: isNull ? .null : .scalar(expanded), isExpanded: usesVariable)
        }
    }

    private static let nulls: Set<String> = ["", "~", "null", "Null", "NULL"]
}
