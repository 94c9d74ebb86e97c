// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CSQLite
internal import Glibc

extension StorageError {
    /// What a result code of SQLite means to who asked; `systemError` is the errno behind it, if any.
    ///
    /// Codes: https://sqlite.org/rescode.html. SQLite's messages name tables and columns, never values.
    init(sqlite code: Int32, _ message: String, systemError: Int32) {
        let text = "SQLite: \(message) (\(code))"
        self =
            switch code & 0xFF {
            case SQLITE_CONSTRAINT: .conflict(text)
            case SQLITE_TOOBIG, SQLITE_MISMATCH: .value(text)
            case SQLITE_FULL: .full(text)
            case SQLITE_IOERR:
                // What a limit on the size of files gives, or a quota, is told apart only by errno.
                [ENOSPC, EDQUOT, EFBIG].contains(systemError) ? .full(text) : .unavailable(text)
            case SQLITE_READONLY, SQLITE_PERM: .readOnly(text)
            case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_CANTOPEN, SQLITE_NOMEM, SQLITE_INTERRUPT, SQLITE_PROTOCOL, SQLITE_ABORT:
                .unavailable(text)
            case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt(text)
            default: .statement(text)
            }
    }
}
