// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

extension Array {
    /// Reads a mapping into what the fields belong to; keys that no field has are problems.
    func read<Root>(
        _ node: YAMLNode, below prefix: [String] = [], label: String = "the settings", into root: inout Root,
        _ report: inout Report
    ) where Element == Field<Root> {
        switch node.content {
        case .null, .invalid: return
        case .map(let entries):
            for entry in entries {
                let path = prefix + [entry.key]
                let name = path.joined(separator: ".")
                if let field = first(where: { $0.path == path }) {
                    if case .null = entry.value.content { continue }
                    field.read(entry.value, name, &root, &report)
                } else if contains(where: { $0.path.starts(with: path) }) {
                    read(entry.value, below: path, label: name, into: &root, &report)
                } else {
                    let known = keys(below: prefix)
                    let hint = Nearest.hint(for: entry.key, in: known)
                    let place = prefix.isEmpty ? "" : " in \(prefix.joined(separator: "."))"
                    report.add(entry.line, "unknown key \(Report.quoted(entry.key))\(place)\(hint)")
                }
            }
        default: report.add(node.line, "\(label) must be a mapping, not \(node.form)")
        }
    }

    /// The keys that may stand in the mapping at a path, once each.
    private func keys<Root>(below prefix: [String]) -> [String] where Element == Field<Root> {
        var keys: [String] = []
        for field in self where field.path.count > prefix.count && field.path.starts(with: prefix) {
            if !keys.contains(field.path[prefix.count]) { keys.append(field.path[prefix.count]) }
        }
        return keys
    }
}
