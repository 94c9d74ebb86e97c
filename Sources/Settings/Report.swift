// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Collects problems, so that the person sees all of them at once.
struct Report {
    /// A name used in the settings whose definition is looked for when everything is read.
    struct Reference {
        enum Target {
            case provider, model
        }

        let target: Target
        let name: String
        let line: Int?
    }

    private(set) var problems: [SettingsProblem] = []
    private(set) var references: [Reference] = []
    /// The path of the file, for the messages.
    let file: String
    /// Parts of the file that are read after everything that they take defaults from.
    var providers: YAMLNode?
    var models: YAMLNode?

    init(file: String) { self.file = file }

    /// Adds a problem of the file, or without a line one of the environment.
    mutating func add(_ line: Int?, _ message: String) {
        problems.append(
            SettingsProblem(source: line == nil ? "environment" : file, line: line, message: message))
    }

    /// Adds a problem of the file as a whole.
    mutating func addForFile(_ message: String) {
        problems.append(SettingsProblem(source: file, line: nil, message: message))
    }

    mutating func refer(to target: Reference.Target, _ name: String, line: Int?) {
        references.append(Reference(target: target, name: name, line: line))
    }

    /// The problems in the order of the file; those without a line last.
    var sorted: [SettingsProblem] {
        problems.enumerated()
            .sorted { ($0.element.line ?? .max, $0.offset) < ($1.element.line ?? .max, $1.offset) }
            .map(\.element)
    }

    /// Text for a message: quoted, without control characters, cut.
    static func quoted(_ text: String) -> String {
        let plain = text.unicodeScalars.prefix(48).map { scalar in
            scalar.properties.generalCategory == .control || scalar.value == 0x2028 || scalar.value == 0x2029
                ? "?" : String(scalar)
        }
        return "'\(plain.joined())\(text.unicodeScalars.count > 48 ? "..." : "")'"
    }
}
