// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Reactor
internal import Settings
internal import Storage
internal import Telemetry

/// The database that the settings ask for.
struct StorageAssembly {
    /// What is used; `nil` without storage.
    let database: (any Database)?
    /// `sqlite` or `postgres`, for metrics.
    let engine: String

    /// Opens it. A file of the default name that cannot be made is done without, with a warning; one that the settings name is not.
    init(_ settings: Settings, on loop: EventLoop, log: Log, metrics: GatewayMetrics) throws(StartError) {
        let address = try StorageAssembly.address(settings)
        engine = address.engine
        do {
            database = try StorageOpener.open(address, on: loop, log: log, errors: metrics.storageErrors)
            if let database { StorageAssembly.measure(database, engine, metrics) }
        } catch {
            switch error {
            case .readOnly, .unavailable, .full:
                guard settings.databaseURL == nil else { throw StartError(error) }
                log.warning(
                    "nothing is stored: the database cannot be opened; database_url names another, or none",
                    ["reason": .text("\(error)")])
                database = nil
            default: throw StartError(error)
            }
        }
    }

    /// Where it is, by the settings.
    static func address(_ settings: Settings) throws(StartError) -> StorageAddress {
        guard let wanted = settings.databaseURL else { return .standard }
        guard let named = StorageAddress(wanted) else {
            throw .settings("database_url must be none, sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")
        }
        return named
    }

    /// Throws when there is no file of a database that is only read: it must not be made, which would look like an empty one.
    static func requireFile(_ settings: Settings) throws(StartError) {
        guard let path = try missingFile(settings) else { return }
        throw .storage("there is no database at \(whole(path))", code: EX_NOINPUT)
    }

    /// The path of the database's file, where there is none yet.
    static func missingFile(_ settings: Settings) throws(StartError) -> String? {
        guard case .sqlite(let path) = try address(settings), unsafe access(path, F_OK) != 0, errno == ENOENT else { return nil }
        return path
    }

    /// A path from the root, for who reads it elsewhere.
    static func whole(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(folder) }
        return "\(unsafe String(cString: folder))/\(path)"
    }

    /// Puts the state of a database into the metrics.
    static func measure(_ database: any Database, _ engine: String, _ metrics: GatewayMetrics) {
        metrics.storageUp.with(["engine": engine]).set(database.health == .well ? 1 : 0)
        metrics.storageQueueDepth.with(["engine": engine]).set(database.pending)
    }
}

extension StartError {
    /// What keeps the gateway from starting, with what to do about it and the exit code (sysexits.h).
    init(_ error: StorageError) {
        let text = "\(error)".split(separator: "\n").joined(separator: " ")
        self =
            switch error {
            case .corrupt:
                .storage(
                    "cannot use the database: \(text); restore it from a backup, or move it away to begin with an empty one",
                    code: EX_DATAERR)
            case .tooNew: .storage("cannot use the database: \(text); use a newer sluice, or a backup", code: EX_DATAERR)
            case .readOnly, .full: .storage("cannot use the database: \(text)", code: EX_CANTCREAT)
            case .statement: .settings(text)
            default: .storage("cannot use the database: \(text)", code: EX_UNAVAILABLE)
            }
    }
}

extension StorageError {
    /// The exit code of a command whose work on an open database failed (sysexits.h).
    var exitCode: Int32 {
        switch self {
        case .corrupt, .tooNew: EX_DATAERR
        case .readOnly, .full: EX_CANTCREAT
        default: isTransient ? EX_TEMPFAIL : EX_SOFTWARE
        }
    }
}
