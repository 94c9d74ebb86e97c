// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import FrontDoors
internal import Glibc
internal import HTTPSemantics
internal import Reactor
internal import Services
internal import Settings
internal import Storage
internal import Telemetry

/// `sluice audit export` and `sluice audit erase`: what is recorded, without a gateway.
final class AuditCommand {
    private static let filters = [
        "from", "to", "key", "organization", "user", "model", "provider", "door", "outcome", "status", "request-id",
    ]
    static let usage =
        "audit takes: export [--config FILE] [--database URL] [\(filters.map { "--" + $0 }.joined(separator: "] ["))],"
        + " or erase --key ID [--config FILE] [--database URL]"
    /// Rows read, or erased, at once: those that are read may be long.
    private static let (pageRows, portion) = (16, 100)

    private let loop: EventLoop
    private let store: AuditStore
    /// Where answers are kept as they came.
    private let spool: SpoolFolder?
    private var status = EX_OK
    private var problem = ""

    static func run(_ arguments: [String]) -> Int32 {
        guard let action = arguments.first,
            let options = CommandLineInterface.options(
                Array(arguments.dropFirst()), allowed: ["config", "database"] + (action == "erase" ? ["key"] : filters))
        else { return CommandLineInterface.misused(usage) }
        switch action {
        case "export":
            guard let filter = filter(options) else { return CommandLineInterface.misused(usage) }
            return run(options) { $0.export(filter, after: nil) }
        case "erase":
            guard let key = options["key"], !key.isEmpty else { return CommandLineInterface.misused(usage) }
            return run(options) { $0.erase(key, 0) }
        default: return CommandLineInterface.misused(usage)
        }
    }

    private static func run(_ options: [String: String], _ begin: (AuditCommand) -> Void) -> Int32 {
        SignalWatcher.ignoreStraySignals()
        var environment = CommandLineInterface.environment()
        if let url = options["database"] { environment["SLUICE_DATABASE_URL"] = url }
        do {
            let settings = try Settings.load(file: options["config"], environment: environment)
            try StorageAssembly.requireFile(settings)
            let loop = try EventLoop()
            let log = Log(level: .error, format: settings.log.format)
            let storage = try StorageAssembly(settings, on: loop, log: log, metrics: GatewayMetrics(log: log))
            guard let database = storage.database else {
                return CommandLineInterface.failed("the audit needs a database: set database_url, or give --database", EX_CONFIG)
            }
            let command = AuditCommand(loop, AuditStore(database), settings.audit.spool.map { SpoolFolder($0) })
            begin(command)
            loop.run()
            database.close { loop.stop() }
            loop.run()
            guard !command.problem.isEmpty else { return command.status }
            return CommandLineInterface.failed(command.problem, command.status)
        } catch let error as SettingsError {
            return CommandLineInterface.failed("\(error)", EX_CONFIG)
        } catch let error as StartError {
            return CommandLineInterface.failed(error)
        } catch {
            return CommandLineInterface.failed("not available: \(error)", EX_OSERR)
        }
    }

    private init(_ loop: EventLoop, _ store: AuditStore, _ spool: SpoolFolder?) {
        self.loop = loop
        self.store = store
        self.spool = spool
    }

    private static func filter(_ options: [String: String]) -> AuditFilter? {
        var filter = AuditFilter(.everybody)
        for (name, text) in options {
            switch name {
            case "from":
                guard let time = InternetDate.microseconds(from: text) else { return nil }
                filter.from = time
            case "to":
                guard let time = InternetDate.microseconds(from: text) else { return nil }
                filter.to = time
            case "status":
                guard let status = Int(text) else { return nil }
                filter.status = status
            case "key": filter.keyID = text
            case "organization": filter.organization = text
            case "user": filter.user = text
            case "model": filter.model = text
            case "provider": filter.provider = text
            case "door": filter.door = text
            case "outcome": filter.outcome = text
            case "request-id": filter.requestID = text
            default: break
            }
        }
        return filter
    }

    private func export(_ filter: AuditFilter, after place: PageCursor?) {
        store.page(filter, after: place, limit: AuditCommand.pageRows, withTexts: true) { [self] result in
            switch result {
            case .failure(let error): end(error.exitCode, "the database: \(error)")
            case .success(let page):
                for row in page.rows {
                    var line = ByteBuffer()
                    AuditJSON.appendLine(row, into: &line)
                    guard write(line.storage) else { return }
                }
                if let next = page.next { export(filter, after: next) } else { loop.stop() }
            }
        }
    }

    private func erase(_ key: String, _ erased: Int) {
        store.erase(key: key, limit: AuditCommand.portion) { [self] result in
            switch result {
            case .failure(let error): end(error.exitCode, "the database: \(error)")
            case .success(0):
                _ = write(Array("erased the content of \(erased) requests\n".utf8))
                eraseSpooled(key)
                loop.stop()
            case .success(let count): erase(key, erased + count)
            }
        }
    }

    private func eraseSpooled(_ key: String) {
        guard let spool else { return }
        do {
            let removed = try SpoolEraser.erase(key: key, from: spool)
            _ = write(Array("removed \(removed) spooled answers\n".utf8))
        } catch {
            end(EX_IOERR, "the database's rows are erased, the spool is not, or not whole: \(error)")
        }
    }

    /// Writes all of it to the standard output, at the pace of who reads it; false when that is over.
    private func write(_ bytes: [UInt8]) -> Bool {
        let output = CommandLineInterface.writeAll(bytes)
        if output != .written { end(output == .closed ? EX_OK : EX_IOERR, "") }
        return output == .written
    }

    private func end(_ status: Int32, _ problem: String) {
        (self.status, self.problem) = (status, problem)
        loop.stop()
    }
}

@available(*, unavailable)
extension AuditCommand: Sendable {}
