// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Settings

/// A file that is wrong, and the line and text of each problem that must be reported.
struct WrongFile: CustomTestStringConvertible, Sendable {
    let yaml: String
    let problems: [String]

    init(_ yaml: String, _ problems: String...) {
        self.yaml = yaml
        self.problems = problems
    }

    var testDescription: String { yaml }
}

@Suite("What is wrong with a settings file") struct SettingsProblemTests {
    static let environment = ["KEY": "sk-very-secret-value-1234", "EMPTY": "", "ODD": "a: {b"]

    static let wrong: [WrongFile] = [
        WrongFile("listn: 1", "1: unknown key 'listn'; did you mean 'listen'?"),
        WrongFile("a:\n  b: 1", "1: unknown key 'a'"),
        WrongFile(
            "streaming:\n  commit_afer: 2s",
            "2: unknown key 'commit_afer' in streaming; did you mean 'commit_after'?"),
        WrongFile(
            "limits: {qqqqqqqq: 1}",
            "1: unknown key 'qqqqqqqq' in limits; known: body_timeout, header_timeout"),
        WrongFile(
            "workers: 0\nlisten: 8080", "1: workers must be auto or a whole number",
            "2: listen must be HOST:PORT"),
        WrongFile("\n\nlisten: '[::1:80'", "3: listen must be HOST:PORT"),
        WrongFile("listen: 127.0.0.1:65536", "1: listen must be"),
        WrongFile("listen: 999.0.0.1:80", "1: listen must be"),
        WrongFile("listen: [a]", "1: listen must be HOST:PORT", ", not a list"),
        WrongFile("limits: 5", "1: limits must be a mapping, not a single value"),
        WrongFile("- a", "1: the settings must be a mapping, not a list"),
        WrongFile("limits: {header_timeout: 10}", "1: limits.header_timeout must be a time such as 500ms"),
        WrongFile("limits: {header_timeout: 0}", "1: limits.header_timeout must be a time"),
        WrongFile("limits: {idle_timeout: 99999999999999999999h}", "1: limits.idle_timeout must be a time"),
        WrongFile("limits: {idle_timeout: 9223372036854775807h}", "1: limits.idle_timeout must be a time"),
        WrongFile("limits: {max_body: 32XiB}", "1: limits.max_body must be a size such as 64KiB"),
        WrongFile("limits: {max_body: -1}", "1: limits.max_body must be a size"),
        WrongFile(
            "log: {level: loud}", "1: log.level must be one of debug, info, warning, error, not 'loud'"),
        WrongFile("simulator: maybe", "1: simulator must be true or false, not 'maybe'"),
        WrongFile("workers: 1\nworkers: 2", "2: the key 'workers' is there twice, first on line 1"),
        WrongFile(
            "workers: &a 1\nlisten: *a", "1: anchors, aliases and tags", "2: anchors, aliases and tags"),
        WrongFile("workers: !!int 1", "1: anchors, aliases and tags"),
        WrongFile("workers: 1\n---\nworkers: 2", "2: settings are one document"),
        WrongFile("a: b\n c: d", "2: not valid YAML: mapping values are not allowed in this context"),
        WrongFile("log: {level: info", "not valid YAML: did not find expected ',' or '}'"),
        WrongFile(String(repeating: "[", count: 40), "1: nested deeper than 16 levels"),
        WrongFile(
            "workers: 1\nlisten: ${NOT_SET}",
            "2: the variable NOT_SET is not set; set it, or write ${NOT_SET:-default}"),
        WrongFile("listen: ${1A}", "1: a reference must be ${NAME} or ${NAME:-default}"),
        WrongFile("listen: ${KEY\nworkers: 1", "1: a reference must be ${NAME}"),
        WrongFile("listen: \u{E000}", "the file holds a private use character"),
        WrongFile("workers: ${KEY}", "1: workers must be auto or a whole number from 1 to 256"),
        WrongFile("workers: ${ODD}", "1: workers must be auto"),
        WrongFile("auth: {admin_key: 'has a space'}", "1: auth.admin_key must be a key of printable ASCII"),
        WrongFile("auth:\n  keys:\n    - ok\n    - 'sword fish'", "4: each of auth.keys must be a key"),
        WrongFile("auth: {enabled: true}\ndatabase_url: none", "auth.enabled is true, but there can be no key"),
        WrongFile("auth: {keys: [sk-one]}", "auth.keys has keys that nobody is asked for"),
        WrongFile("audit: {spool: /spool, content: none}", "audit.spool keeps what providers answer, which audit.content 'none'"),
        WrongFile("audit: {spool: ''}", "1: audit.spool must be the path of a folder"),
        WrongFile("audit: {spool: data/spool}", "1: audit.spool must be the path of a folder, from / on, not 'data/spool'"),
        WrongFile("audit: {spool_max_bytes: 1KiB}", "1: audit.spool_max_bytes must be a size"),
        WrongFile("allowed_hosts: ['a b']", "1: each of allowed_hosts must be a host name"),
        WrongFile("allowed_origins: http://localhost:8000", "1: allowed_origins must be a list"),
        WrongFile("allowed_origins: ['https://a.example/']", "1: each of allowed_origins must be an origin as browsers"),
        WrongFile("allowed_origins: ['https://a.example/x']", "1: each of allowed_origins"),
        WrongFile("allowed_origins: ['https://A.example']", "1: each of allowed_origins"),
        WrongFile("allowed_origins: ['HTTPS://a.example']", "1: each of allowed_origins"),
        WrongFile("allowed_origins: ['https://a.example:443']", "1: each of allowed_origins"),
        WrongFile("allowed_origins: ['http://a.example:80']", "1: each of allowed_origins"),
        WrongFile("allowed_origins: ['http://u@a.example']", "1: each of allowed_origins"),
        WrongFile("allowed_origins: ['http://*.example']", "1: each of allowed_origins"),
        WrongFile("allowed_origins: ['null']", "1: each of allowed_origins"),
        WrongFile("allowed_origins: [a.example]", "1: each of allowed_origins"),
        WrongFile("allowed_origins: ['*']", "allowed_origins may be '*' only where auth.enabled is true"),
        WrongFile(
            "database_url: mysql://u:p@h/db", "1: database_url must be an address that begins with sqlite:"),
        WrongFile("redis_url: http://x", "1: redis_url must be an address"),
        WrongFile(
            "upstream_url: https://user:hunter2@host", "1: upstream_url must be an address such as https"),
        WrongFile("providers: 1", "1: providers must be a list, not a single value"),
        WrongFile(
            "providers:\n  - {name: a, kind: azure}", "2: a provider of kind 'azure' needs a base_url"),
        WrongFile(
            "providers:\n  - {name: a, kind: openia}", "2: unknown kind 'openia'; did you mean 'openai'?"),
        WrongFile(
            "providers:\n  - {name: a, kind: openai-compatible}",
            "2: a provider of kind 'openai-compatible' needs a base_url"),
        WrongFile("providers:\n  - {}", "2: a provider needs a name", "2: a provider needs a kind"),
        WrongFile("providers:\n  - {name: a/b, kind: openai}", "2: name must be a name of letters"),
        WrongFile(
            "providers:\n  - {name: a, kind: openai}\n  - {name: a, kind: openai}",
            "3: there are two providers named 'a'"),
        WrongFile(
            "providers:\n  - {name: a, kind: openai, timeouts: {conect: 1s}}",
            "2: unknown key 'conect' in timeouts; did you mean 'connect'?"),
        WrongFile(
            "providers:\n  - {name: a, kind: openai, base_url: 'ftp://u:p@h/db'}",
            "2: base_url must be an address"),
        WrongFile(
            "models:\n  - name: m\n    deployments: [{provider: smi}]",
            "3: there is no provider 'smi'; did you mean 'sim'?"),
        WrongFile(
            "models:\n  - name: m\n    deployments: []", "3: deployments must be a list of at least one"),
        WrongFile(
            "models:\n  - name: a*b\n    deployments: [{provider: sim}]",
            "2: name must be a name, '*' or 'prefix/*'"),
        WrongFile("models:\n  - {name: m}", "2: a model needs deployments"),
        WrongFile(
            "models:\n  - name: m\n    deployments: [{provider: sim}]\n    fallbacks: [nn, sim/x]",
            "4: there is no model 'nn'; known: m"),
        WrongFile(
            "models:\n  - name: m\n    deployments: [{provider: sim}]\n    price: {input: nan}",
            "4: price.input must be a price"),
        WrongFile(
            "models:\n  - name: m\n    deployments: [{provider: sim, weight: 0}]",
            "3: one of the deployments needs a weight above 0"),
    ]

    @Test("is said with its line", arguments: wrong) func problem(file: WrongFile) throws {
        let error = try #require(throws: SettingsError.self) {
            _ = try Settings.load(yaml: file.yaml, file: "f", environment: Self.environment)
        }
        for expected in file.problems {
            #expect(
                error.problems.contains {
                    "\($0.line.map(String.init) ?? ""): \($0.message)".contains(expected)
                }, "\(error)")
        }
        #expect(!error.description.contains("secret-value"))
        #expect(!error.description.contains("hunter2"))
        #expect(!error.description.contains("u:p@h"))
        #expect(!error.description.contains("fish"))
    }

    @Test("is all said at once, in the order of the lines") func all() throws {
        let yaml = "workers: x\nlimits: {max_body: y}\nlog: {level: z}\nnone: 1\n"
        let error = try #require(throws: SettingsError.self) {
            _ = try Settings.load(yaml: yaml, file: "f.yaml", environment: ["SLUICE_WORKERS": "0"])
        }
        #expect(error.problems.map(\.line) == [1, 2, 3, 4, nil])
        #expect(error.problems.map(\.source) == ["f.yaml", "f.yaml", "f.yaml", "f.yaml", "environment"])
    }

    @Test("is a file that is not there, not text, or too large") func unreadable() throws {
        let missing = try #require(throws: SettingsError.self) {
            _ = try Settings.load(file: "/nonexistent/sluice.yaml", environment: [:])
        }
        #expect(
            missing.description
                == "/nonexistent/sluice.yaml: the file cannot be read: No such file or directory")
        let endless = try #require(throws: SettingsError.self) {
            _ = try Settings.load(file: "/dev/zero", environment: [:])
        }
        #expect(endless.description == "/dev/zero: the file is larger than 1 MiB")
        var report = Report(file: "f")
        #expect(YAMLReader.read([0x61, 0xFF], environment: [:], report: &report) == nil)
        #expect(report.problems.first?.message == "the file is not UTF-8")
    }

    @Test("never traps, whatever is cut off or repeated") func hostile() {
        let whole = Array(SettingsFileTests.full.utf8)
        for end in stride(from: 0, to: whole.count, by: 7) {
            let text = String(decoding: whole[..<end] + whole[..<(end / 3)], as: UTF8.self)
            _ = try? Settings.load(yaml: text, file: "f", environment: [:])
        }
    }
}
