// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Finds the addresses of a host on a thread of its own; whoever waits looks now and then.
final class NameLookup: Sendable {
    /// What was found: addresses in numbers, the best one first, at most `limit` of them and at least one.
    enum Answer: Sendable, Equatable {
        case pending, failed
        case found([String])
    }

    /// How many addresses are told.
    private static let limit = 16

    private let state = Mutex(Answer.pending)

    /// What is known by now.
    var answer: Answer { state.withLock { $0 } }

    /// Begins to look.
    init(_ host: String) {
        do throws(StorageError) {
            try WorkerThread.start { [self] in
                let found = (try? HostAddresses.find(host)) ?? []
                state.withLock { $0 = found.isEmpty ? .failed : .found(Array(found.prefix(NameLookup.limit))) }
            }
        } catch {
            state.withLock { $0 = .failed }
        }
    }
}
