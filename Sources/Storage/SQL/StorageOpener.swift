// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Reactor
package import Telemetry

/// Makes the database that an address means.
package enum StorageOpener {
    /// The database at `address` as `loop` uses it; `nil` for `none`. Errors are counted in `errors` by their kind.
    ///
    /// A server is connected to once the loop runs. A file is opened, checked and brought up to date before this returns, which may take seconds: to be called before the
    /// loop runs. Throws what that finds.
    package static func open(
        _ address: StorageAddress, on loop: EventLoop, log: Log, errors: MetricFamily<Counter>? = nil
    ) throws(StorageError) -> (any Database)? {
        switch address {
        case .none: return nil
        case .sqlite(let path):
            return try SQLiteDatabase(try SQLiteEngine(path: path, log: log), on: loop, errors: errors)
        case .postgres(let uri): return try PostgresDatabase(uri, on: loop, log: log, errors: errors)
        }
    }
}
