// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Storage

/// The rows that wait to be stored, and which of them are tried next, decided without a clock or a database.
///
/// Rows stay until they are known to be stored: what fails is tried again. Bounded in rows and in bytes: a row that finds the bytes
/// used up goes without its texts, so that what was used and what it cost is kept, and one that finds no place at all is lost. The
/// newest is the one that is lost, as the older ones may be stored already.
package struct AuditQueue {
    /// What became of a row.
    package enum Admission: Equatable {
        case taken
        /// Taken without its texts.
        case withoutTexts
        case dropped
    }

    /// Rows at most.
    private let rowLimit: Int
    private let keepsAll: Bool
    /// Bytes at most.
    private let byteLimit: Int
    /// The rows in order, behind `removed` empty ones: to remove one at the front moves all others.
    private var rows: [AuditRow] = []
    private var removed = 0
    /// Bytes of the rows that wait.
    package private(set) var byteCount = 0
    /// How many rows at the front are being stored.
    private var underWay = 0
    /// How many rows at the front are to be tried one by one, because one of them cannot be stored.
    private var single = 0

    /// Rows in one transaction at most: they are handed over at once, on the loop, which takes Postgres about 20 us for each.
    private static let batchRows = 64
    /// Bytes after which a transaction takes no more rows.
    private static let batchBytes = 1 << 20
    /// By how much larger transactions may be when more waits than a few of them take: one is under way at a time, so that a database
    /// that is far away would else store too little.
    private static let largest = 4

    /// A queue; one that `keepsAll` takes rows of requests that were begun up to twice its limit: who uses it begins none while the
    /// queue is full, so that those under way are the most that come on top.
    package init(rowLimit: Int, byteLimit: Int, keepsAll: Bool) {
        self.keepsAll = keepsAll
        self.rowLimit = rowLimit
        self.byteLimit = byteLimit
    }

    /// How many rows wait, those being stored included.
    package var count: Int { rows.count - removed }
    /// Whether rows are being stored.
    package var isUnderWay: Bool { underWay > 0 }

    /// Whether as much waits as one transaction takes where there is no backlog.
    package var hasBatch: Bool { count >= AuditQueue.batchRows || byteCount >= AuditQueue.batchBytes }

    /// Takes a row; one of a request that nobody was asked for only as long as half of the room is free, so that a flood of refusals
    /// leaves room for the rest.
    package mutating func append(_ row: AuditRow, isRefusal: Bool) -> Admission {
        // Half of the count, as twice the limit might overflow.
        let isFull = isRefusal ? count >= rowLimit / 2 : (keepsAll ? count / 2 : count) >= rowLimit
        guard !isFull else { return .dropped }
        var row = row
        var admission = Admission.taken
        if byteCount + row.byteCount > byteLimit {
            row.dropTexts()
            admission = .withoutTexts
        }
        byteCount += row.byteCount
        rows.append(row)
        return admission
    }

    /// The rows to store next; empty when there are none or some are being stored.
    package mutating func next() -> [AuditRow] {
        guard underWay == 0, count > 0 else { return [] }
        var bytes = 0
        let backlog = max(count / (4 * AuditQueue.batchRows), byteCount / (4 * AuditQueue.batchBytes))
        let factor = max(1, min(AuditQueue.largest, backlog))
        let most = single > 0 ? 1 : AuditQueue.batchRows * factor
        var end = removed
        while end < rows.count, end - removed < most, bytes < AuditQueue.batchBytes * factor {
            bytes += rows[end].byteCount
            end += 1
        }
        underWay = end - removed
        return Array(rows[removed..<end])
    }

    /// The rows that `next` gave are stored.
    package mutating func stored() { remove(underWay) }

    /// The rows that `next` gave are not stored, for a reason that may pass.
    package mutating func failed() { underWay = 0 }

    /// The database does not take the rows that `next` gave, and never will: each is tried by itself from now on, and one that was
    /// by itself is given up and returned.
    package mutating func rejected() -> AuditRow? {
        guard underWay == 1 else {
            single = underWay
            underWay = 0
            return nil
        }
        let row = rows[removed]
        remove(1)
        return row
    }

    private mutating func remove(_ number: Int) {
        for index in removed..<removed + number {
            byteCount -= rows[index].byteCount
            rows[index] = AuditRow()
        }
        removed += number
        single = max(0, single - number)
        underWay = 0
        if removed >= 1024 || removed == rows.count {
            rows.removeFirst(removed)
            removed = 0
        }
    }
}
