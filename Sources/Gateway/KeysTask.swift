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

/// One task of `sluice keys` on an open database: runs a loop of its own until it is done.
final class KeysTask {
    /// Nanoseconds that the database has for all of it.
    private static let limit: UInt64 = 30_000_000_000
    private let loop: EventLoop
    private let database: any Database
    private let keys: KeyService
    private let isJSON: Bool
    private var code = EX_OK
    /// What became of what was written so far.
    private var output = CommandLineInterface.Output.written
    private var timer: LoopTimer?

    init(_ loop: EventLoop, _ database: any Database, isJSON: Bool) {
        self.loop = loop
        self.database = database
        self.isJSON = isJSON
        keys = KeyService(KeyStore(database), ring: nil, now: wallClockMicroseconds)
    }

    /// Does it, and ends the process: taking the object graph apart would only find new ways to go wrong.
    func run(_ task: KeysCommand.Task) -> Never {
        timer = LoopTimer(loop) { [unowned self] in
            self.code = CommandLineInterface.failed("the database did not answer in time", EX_TEMPFAIL)
            self.loop.stop()
        }
        timer?.schedule(after: KeysTask.limit)
        switch task {
        case .create(let draft): keys.create(draft) { self.created($0) }
        case .revoke(let id): keys.revoke(id) { self.revoked($0, id) }
        case .list:
            begin()
            list(after: nil)
        }
        loop.run()
        withExtendedLifetime(self) { exit(code) }
    }

    private func created(_ result: Result<(key: String, row: KeyRow), StorageError>) {
        guard case .success(let (key, row)) = take(result) else { return }
        if isJSON {
            write { row.write(key: key, &$0) }
        } else {
            CommandLineInterface.writeText("key \(row.id) made; it is shown this once:\n", to: 2)
            write("\(key)\n")
        }
        guard output != .closed else { return end(CommandLineInterface.failed("nobody took the key", EX_IOERR)) }
        end()
    }

    private func revoked(_ result: Result<KeyRow?, StorageError>, _ id: String) {
        guard case .success(let row) = take(result) else { return }
        guard let row else { return end(CommandLineInterface.failed("there is no key of this identifier", EX_DATAERR)) }
        if isJSON { write { row.write(&$0) } } else { CommandLineInterface.writeText("key \(row.id) revoked\n", to: 2) }
        end()
    }

    /// Shows the keys page by page, the newest first.
    private func list(after cursor: PageCursor?) {
        keys.store.list(KeyStore.Filter(), after: cursor, limit: KeyStore.pageLimit) { [self] result in
            guard case .success(let rows) = take(result) else { return }
            for row in rows { show(row, isFirst: cursor == nil && row.id == rows.first?.id) }
            guard let last = rows.last, rows.count == KeyStore.pageLimit else {
                if isJSON { write("]}\n") }
                return end()
            }
            list(after: PageCursor(time: last.createdAt, id: last.id))
        }
    }

    private func begin() {
        write(isJSON ? "{\"object\":\"list\",\"data\":[" : "ID\tHINT\tSTATE\tROLE\tNAME\tORGANIZATION\tUSER\tMODELS\tEXPIRES\n")
    }

    private func show(_ row: KeyRow, isFirst: Bool) {
        guard !isJSON else {
            var buffer = ByteBuffer()
            buffer.appendJSON { row.write(&$0) }
            return write((isFirst ? "" : ",") + String(decoding: buffer.storage, as: UTF8.self))
        }
        let state = row.isValid(at: keys.now()) ? "good" : row.revokedAt == nil ? "expired" : "revoked"
        let expires = row.expiresAt.map { InternetDate.text(fromUnixTime: Int($0 / 1_000_000)) } ?? "-"
        let columns = [
            row.id, row.hint, state, row.role.rawValue, row.name, row.organization ?? "-", row.user ?? "-",
            row.models?.joined(separator: ",") ?? "*", expires,
        ]
        write(columns.joined(separator: "\t") + "\n")
    }

    // MARK: The end, and standard output

    /// The value, or the end with the reason why there is none.
    private func take<Value>(_ result: Result<Value, StorageError>) -> Result<Value, StorageError> {
        guard case .failure(let error) = result else { return result }
        end(CommandLineInterface.failed("the database: \(error)", error.exitCode))
        return result
    }

    private func end(_ code: Int32 = EX_OK) {
        if code != EX_OK { self.code = code }
        database.close { [self] in loop.stop() }
    }

    private func write(_ json: (inout JSONWriter) -> Void) {
        var buffer = ByteBuffer()
        buffer.appendJSON { json(&$0) }
        write(String(decoding: buffer.storage, as: UTF8.self) + "\n")
    }

    /// Writes all of a text to standard output, waiting for whoever reads it.
    private func write(_ text: String) {
        guard code == EX_OK, output == .written else { return }
        output = CommandLineInterface.writeAll(Array(text.utf8))
        if output == .failed { code = EX_IOERR }
    }
}

@available(*, unavailable)
extension KeysTask: Sendable {}
