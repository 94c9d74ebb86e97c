// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import FrontDoors
internal import Glibc
internal import HTTPSemantics
internal import JSON
internal import Reactor
internal import Services
internal import Settings
internal import Storage
internal import Telemetry

/// `sluice keys create`, `list` and `revoke`: the virtual keys in the database of the settings, whether or not a gateway runs.
enum KeysCommand {
    /// What to do with the keys.
    enum Task {
        case create(KeyDraft)
        case list
        case revoke(String)
    }

    static let usage = """
          keys create --name NAME [--organization NAME] [--user NAME] [--role member|admin] [--models NAME,NAME]
              [--expires-in 30d | --expires-at TIME] [--requests-per-minute N] [--tokens-per-minute N]
              [--concurrent N] [--tokens-per-day N] [--tokens-per-month N] [--money-per-day AMOUNT]
              [--money-per-month AMOUNT]                             make a virtual key, printed this once
          keys list                                                  show the virtual keys
          keys revoke ID                                             refuse a virtual key from now on
              each with [--config FILE] [--database URL] [--json]
        """

    static func run(_ arguments: [String]) -> Int32 {
        var arguments = arguments
        let isJSON = arguments.contains("--json")
        arguments.removeAll { $0 == "--json" }
        guard let word = arguments.first else { return CommandLineInterface.misused("keys takes create, list or revoke") }
        let task: Task
        let options: [String: String]
        do {
            (task, options) = try parse(word, Array(arguments.dropFirst()))
        } catch {
            return CommandLineInterface.misused("keys \(word): \(error.message)")
        }
        var environment = CommandLineInterface.environment()
        if let database = options["database"] { environment["SLUICE_DATABASE_URL"] = database }
        let settings: Settings
        do {
            settings = try Settings.load(file: options["config"], environment: environment)
        } catch {
            return CommandLineInterface.failed("\(error)", EX_CONFIG)
        }
        return perform(task, settings, isJSON: isJSON)
    }

    /// The task that the arguments behind `keys` ask for, with the options that say where.
    static func parse(_ word: String, _ arguments: [String]) throws(KeyProblem) -> (Task, [String: String]) {
        let places = ["config", "database"]
        var arguments = arguments
        switch word {
        case "create":
            let limits = LimitRules.names.map(option)
            let known = places + limits + ["name", "organization", "user", "role", "models", "expires-in", "expires-at"]
            let options = try self.options(arguments, known)
            return (.create(try draft(options, now: wallClockMicroseconds())), options)
        case "list": return (.list, try options(arguments, places))
        case "revoke":
            // The identifier stands before or behind the options.
            guard let place = identifierPlace(arguments) else { throw KeyProblem("id", "it takes the identifier of one key") }
            let id = arguments.remove(at: place)
            return (.revoke(id), try options(arguments, places))
        default: throw KeyProblem("keys", "there is create, list and revoke")
        }
    }

    private static func identifierPlace(_ arguments: [String]) -> Int? {
        if let first = arguments.first, !first.hasPrefix("-") { return 0 }
        return arguments.last.flatMap { $0.hasPrefix("-") ? nil : arguments.count - 1 }
    }

    private static func options(_ arguments: [String], _ known: [String]) throws(KeyProblem) -> [String: String] {
        guard let options = CommandLineInterface.options(arguments, allowed: known) else {
            throw KeyProblem("options", "it takes \(known.map { "--\($0)" }.joined(separator: ", ")) and --json")
        }
        return options
    }

    private static func option(_ limit: String) -> String {
        String(limit.map { $0 == "_" ? "-" : $0 })
    }

    private static func draft(_ options: [String: String], now: Int64) throws(KeyProblem) -> KeyDraft {
        var draft = KeyDraft()
        draft.name = options["name"] ?? ""
        draft.organization = options["organization"]
        draft.user = options["user"]
        if let role = options["role"] {
            guard let role = KeyRole(rawValue: role) else { throw KeyProblem("role", "--role must be member or admin") }
            draft.role = role
        }
        draft.models = options["models"].map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        if options["expires-in"] != nil, options["expires-at"] != nil {
            throw KeyProblem("expires-at", "either --expires-in or --expires-at says when it expires")
        }
        if let text = options["expires-in"] {
            guard let length = KeyDraft.lifetime(text) else {
                throw KeyProblem("expires-in", "--expires-in must be a time such as 12h or 30d")
            }
            draft.expiresAt = now &+ length
        }
        if let text = options["expires-at"] {
            guard let seconds = InternetDate.unixTime(from: text) else {
                throw KeyProblem("expires-at", "--expires-at must be a time such as 2030-01-31T00:00:00Z")
            }
            draft.expiresAt = Int64(seconds) &* 1_000_000
        }
        for limit in LimitRules.names {
            guard let text = options[option(limit)] else { continue }
            do {
                try draft.limits.set(limit, .number(text))
            } catch {
                throw KeyProblem(limit, error.message)
            }
        }
        try draft.check(now: now)
        return draft
    }

    private static func perform(_ task: Task, _ settings: Settings, isJSON: Bool) -> Int32 {
        let log = Log(level: .warning, format: settings.log.format)
        SignalWatcher.ignoreStraySignals()
        do {
            let missing = try StorageAssembly.missingFile(settings)
            if case .create = task {} else { try StorageAssembly.requireFile(settings) }
            let loop = try EventLoop()
            let storage = try StorageAssembly(settings, on: loop, log: log, metrics: GatewayMetrics(log: log))
            guard let database = storage.database else {
                return CommandLineInterface.failed("keys need a database: set database_url, or give --database URL", EX_CONFIG)
            }
            // Where it is not the gateway's, the key is good for nothing.
            if let missing { CommandLineInterface.writeText("made a new database: \(StorageAssembly.whole(missing))\n", to: 2) }
            KeysTask(loop, database, isJSON: isJSON).run(task)
        } catch let error as StartError {
            return CommandLineInterface.failed(error)
        } catch {
            return CommandLineInterface.failed("not available: \(error)", EX_OSERR)
        }
    }
}
