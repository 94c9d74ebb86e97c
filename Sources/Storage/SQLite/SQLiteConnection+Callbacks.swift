// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// The callback that SQLite makes into a connection: it finds its object and forwards.

func statementProgressed(_ context: UnsafeMutableRawPointer?) -> Int32 {
    guard let context = unsafe context else { return 0 }
    return unsafe Unmanaged<SQLiteConnection>.fromOpaque(context).takeUnretainedValue().isOutOfTime ? 1 : 0
}
