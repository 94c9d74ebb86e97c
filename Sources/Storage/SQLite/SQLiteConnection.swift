// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CSQLite
internal import Reactor

/// One connection to a database file, used by one thread at a time. Every call may block.
@safe
final class SQLiteConnection {
    /// The bytes of rows that one statement may give.
    static let maxResult = 64 << 20
    /// The statements that are kept prepared.
    private static let maxPrepared = 256
    private var handle: OpaquePointer?
    private var prepared: [String: OpaquePointer] = unsafe [:]
    private var deadline = UInt64.max

    /// Opens the file at `path`, waiting up to `patience` milliseconds for each lock that another holds.
    init(path: String, isReadOnly: Bool, patience: Int32) throws(StorageError) {
        let access = isReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE
        let status = unsafe sqlite3_open_v2(path, &handle, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard status == SQLITE_OK else {
            let failure = failure(status)
            close()
            throw failure
        }
        unsafe sqlite3_busy_timeout(handle, patience)
        unsafe sqlite3_progress_handler(handle, 2000, statementProgressed, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { close() }

    /// Closes it; nothing else may be called then.
    func close() {
        forgetPrepared()
        unsafe sqlite3_close_v2(handle)
        unsafe handle = nil
    }

    /// Whether no transaction is open; SQLite ends one by itself after some errors.
    var isIdle: Bool { unsafe sqlite3_get_autocommit(handle) != 0 }

    /// Whether the statement that runs has taken longer than it may.
    var isOutOfTime: Bool { deadline < monotonicNow() }

    /// Leaves the write-ahead log in its file when this is the last connection that closes.
    func leaveLogOnClose(_ leaves: Bool) {
        _ = unsafe sluice_sqlite3_leave_log_on_close(handle, leaves ? 1 : 0)
    }

    /// Runs a statement without parameters and drops what it gives.
    func execute(_ text: String) throws(StorageError) { _ = try run(SQLStatement(text)) }

    /// The whole number in the first column of the first row; 0 when there is none.
    func integer(_ text: String) throws(StorageError) -> Int { try run(SQLStatement(text)).rows.first?.first?.integer ?? 0 }

    /// The text in the first column of the first row; empty when there is none.
    func text(_ text: String) throws(StorageError) -> String { try run(SQLStatement(text)).rows.first?.first?.text ?? "" }

    /// Runs a statement for up to `limit` nanoseconds.
    ///
    /// Throws `unavailable` when it takes longer, `conflict` when it breaks a rule of the schema, or `mustAffect`.
    func run(_ statement: SQLStatement, limit: UInt64 = .max) throws(StorageError) -> SQLRows {
        deadline = limit == .max ? .max : monotonicNow() &+ limit
        defer { deadline = .max }
        let compiled = try unsafe compile(statement.text)
        defer {
            unsafe sqlite3_reset(compiled)
            unsafe sqlite3_clear_bindings(compiled)
        }
        guard unsafe Int(sqlite3_bind_parameter_count(compiled)) == statement.parameters.count else {
            throw .statement("the statement takes another number of parameters")
        }
        for (index, value) in statement.parameters.enumerated() {
            let status = unsafe bind(value, to: compiled, Int32(index + 1))
            guard status == SQLITE_OK else { throw failure(status) }
        }
        let before = unsafe sqlite3_total_changes64(handle)
        var result = SQLRows()
        var bytes = 0
        while true {
            let status = unsafe sqlite3_step(compiled)
            if status == SQLITE_DONE { break }
            guard status == SQLITE_ROW else {
                if status & 0xFF == SQLITE_INTERRUPT { throw .unavailable("the statement took too long and was stopped") }
                throw failure(status)
            }
            result.rows.append(unsafe row(of: compiled, &bytes))
            guard bytes <= Self.maxResult else { throw .tooLarge }
        }
        // The number of the last change is left as it was by statements that change nothing.
        if unsafe sqlite3_total_changes64(handle) != before { result.affected = unsafe Int(sqlite3_changes64(handle)) }
        if statement.mustAffect, result.affected == 0, result.rows.isEmpty {
            throw .conflict("the statement affected no row")
        }
        return result
    }

    private func failure(_ status: Int32) -> StorageError {
        let message = unsafe sqlite3_errmsg(handle).map { unsafe String(cString: $0) } ?? "out of memory"
        return StorageError(sqlite: status, message, systemError: unsafe sqlite3_system_errno(handle))
    }

    private func compile(_ text: String) throws(StorageError) -> OpaquePointer {
        if let known = unsafe prepared[text] { return unsafe known }
        if unsafe prepared.count >= Self.maxPrepared { forgetPrepared() }
        var compiled: OpaquePointer?
        let status = unsafe sqlite3_prepare_v3(handle, text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &compiled, nil)
        guard status == SQLITE_OK else { throw failure(status) }
        guard let compiled = unsafe compiled else { throw .statement("the statement is empty") }
        unsafe prepared[text] = compiled
        return unsafe compiled
    }

    private func forgetPrepared() {
        while let (_, statement) = unsafe prepared.popFirst() { unsafe sqlite3_finalize(statement) }
    }

    private func bind(_ value: SQLValue, to statement: OpaquePointer, _ index: Int32) -> Int32 {
        // SQLITE_TRANSIENT: SQLite makes a copy.
        let copied = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch value {
        case .null: return unsafe sqlite3_bind_null(statement, index)
        case .integer(let number): return unsafe sqlite3_bind_int64(statement, index, number)
        case .real(let number): return unsafe sqlite3_bind_double(statement, index, number)
        case .text(let text):
            return unsafe text.withCString { bytes in
                unsafe sqlite3_bind_text64(
                    statement, index, bytes, UInt64(text.utf8.count), copied, UInt8(SQLITE_UTF8))
            }
        case .blob(let bytes):
            // Without bytes there may be no address either, which would bind null.
            guard !bytes.isEmpty else { return unsafe sqlite3_bind_zeroblob(statement, index, 0) }
            return unsafe bytes.withUnsafeBytes { raw in
                unsafe sqlite3_bind_blob64(statement, index, raw.baseAddress, UInt64(raw.count), copied)
            }
        }
    }

    private func row(of statement: OpaquePointer, _ total: inout Int) -> [SQLValue] {
        (0..<(unsafe sqlite3_column_count(statement))).map { column in
            total &+= 16
            switch unsafe sqlite3_column_type(statement, column) {
            case SQLITE_INTEGER: return .integer(unsafe sqlite3_column_int64(statement, column))
            case SQLITE_FLOAT: return .real(unsafe sqlite3_column_double(statement, column))
            case SQLITE_TEXT:
                let start = unsafe sqlite3_column_text(statement, column)
                let bytes = unsafe UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column)))
                total &+= bytes.count
                return .text(unsafe String(decoding: bytes, as: UTF8.self))
            case SQLITE_BLOB:
                let start = unsafe sqlite3_column_blob(statement, column)
                let bytes = unsafe UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column)))
                total &+= bytes.count
                return .blob(unsafe Array(bytes))
            default: return .null
            }
        }
    }
}

@available(*, unavailable)
extension SQLiteConnection: Sendable {}
