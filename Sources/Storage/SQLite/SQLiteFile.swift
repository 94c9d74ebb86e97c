// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Reactor

/// A database file: how it is made, checked, and brought to the version of the schema that is wanted.
struct SQLiteFile: Sendable {
    /// Marks a file as one of Sluice's, in its header: the ASCII codes of "Slce".
    static let applicationID = 0x536C_6365
    /// How long a lock of another process is waited for, in one go, in milliseconds.
    static let patience: Int32 = 5000
    /// How much of the start the check of the file may take; what is not reached then is found when it is read.
    private static let checkTime: UInt64 = 3_000_000_000

    let path: String
    var migrations = Schema.migrations

    /// What tells whether the same file is still there.
    struct Identity: Equatable, Sendable {
        let device: UInt
        let inode: UInt
    }

    /// The file that is at the path now; `nil` without one.
    var identity: Identity? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
    }

    /// The bytes of the write-ahead log.
    var logSize: Int {
        var status = stat()
        return unsafe stat(path + "-wal", &status) == 0 ? Int(status.st_size) : 0
    }

    /// Opens the file to read and write, making it when there is none, and runs what steps of the schema it lacks.
    ///
    /// A file that is refused (`corrupt`, `tooNew`, `readOnly`) is left as it is. Blocks, up to some seconds.
    func open() throws(StorageError) -> sending SQLiteConnection {
        try make()
        let giveUp = monotonicNow() &+ 10_000_000_000
        while true {
            do {
                return try openOnce()
            } catch {
                // Several instances that start at once meet where SQLite does not wait: as the write-ahead log is set up.
                guard case .unavailable = error, monotonicNow() < giveUp else { throw located(error) }
                usleep(20_000)
            }
        }
    }

    /// Opens the file to read, from another thread than the one that writes.
    func openToRead() throws(StorageError) -> SQLiteConnection {
        let connection = try SQLiteConnection(path: path, isReadOnly: true, patience: Self.patience)
        try connection.execute("PRAGMA query_only = ON")
        try connection.execute("PRAGMA temp_store = MEMORY")
        return connection
    }

    /// Makes an empty file that only its owner may read: it will hold what people write. SQLite gives its log the same mode.
    private func make() throws(StorageError) {
        let descriptor = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor < 0 else {
            close(descriptor)
            return
        }
        let code = errno
        if code == EEXIST {
            var status = stat()
            guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw .readOnly("\(path) is not a file")
            }
            return
        }
        let reason = unsafe String(cString: strerror(code))
        if [ENOSPC, EDQUOT].contains(code) { throw .full("\(path): \(reason)") }
        throw .readOnly("\(path) cannot be made: \(reason)")
    }

    private func openOnce() throws(StorageError) -> sending SQLiteConnection {
        let connection = try SQLiteConnection(path: path, isReadOnly: false, patience: Self.patience)
        connection.leaveLogOnClose(true)
        do {
            try check(connection)
            try configure(connection)
            try migrate(connection)
            connection.leaveLogOnClose(false)
            return connection
        } catch {
            connection.close()
            throw error
        }
    }

    private func check(_ connection: SQLiteConnection) throws(StorageError) {
        let id = try connection.integer("PRAGMA application_id")
        let isEmpty = try connection.integer("SELECT count(*) FROM sqlite_master") == 0
        guard id == Self.applicationID || (id == 0 && isEmpty) else {
            throw .corrupt("it is a database of another program")
        }
        try refuseNewer(try version(connection))
        let found: SQLRows
        do {
            found = try connection.run(SQLStatement("PRAGMA quick_check(1)"), limit: Self.checkTime)
        } catch {
            guard case .unavailable = error else { throw error }
            return
        }
        guard found.rows == [[.text("ok")]] else { throw .corrupt(found.rows.first?.first?.text ?? "it is damaged") }
    }

    private func configure(_ connection: SQLiteConnection) throws(StorageError) {
        // Of a new file; one that is there keeps its own. Answers are long: with 4 KiB storing them costs half as much again.
        try connection.execute("PRAGMA page_size = 8192")
        guard try connection.text("PRAGMA journal_mode = WAL") == "wal" else {
            throw .readOnly("the file system does not allow a write-ahead log")
        }
        // What is deleted must not go to a temporary file, where nothing would overwrite it.
        try connection.execute("PRAGMA temp_store = MEMORY")
        // NORMAL survives the end of the process at any moment, but not that of the machine: docs/storage.md.
        for pragma in ["synchronous = NORMAL", "foreign_keys = ON", "secure_delete = ON", "journal_size_limit = 67108864"] {
            try connection.execute("PRAGMA \(pragma)")
        }
    }

    /// Runs the steps that are missing, all in one transaction: the file has the old version or the new one.
    private func migrate(_ connection: SQLiteConnection) throws(StorageError) {
        // Also proves that the file can be written to.
        try connection.execute("BEGIN EXCLUSIVE")
        let version = try version(connection)
        try refuseNewer(version)
        if version == 0 {
            try connection.execute("PRAGMA application_id = \(Self.applicationID)")
            for statement in SchemaVersion.create { try connection.execute(statement) }
        }
        for migration in migrations.dropFirst(version) {
            for statement in migration.statements { try connection.execute(statement) }
        }
        try connection.execute(SchemaVersion.set(migrations.count))
        try connection.execute("COMMIT")
    }

    private func version(_ connection: SQLiteConnection) throws(StorageError) -> Int {
        let exists = try connection.integer("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'")
        return exists == 0 ? 0 : try connection.integer(SchemaVersion.get)
    }

    private func refuseNewer(_ version: Int) throws(StorageError) {
        if version > migrations.count { throw .tooNew(found: version, known: migrations.count) }
    }

    /// The error with the path in it.
    private func located(_ error: StorageError) -> StorageError {
        switch error {
        case .unavailable(let text): .unavailable("\(path): \(text)")
        case .full(let text): .full("\(path): \(text)")
        case .readOnly(let text): .readOnly("\(path): \(text)")
        case .corrupt(let text): .corrupt("\(path): \(text)")
        default: error
        }
    }
}
