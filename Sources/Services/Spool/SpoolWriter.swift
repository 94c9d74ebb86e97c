// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Glibc
internal import Reactor
internal import Storage

/// Writes what came of answers into their files, on a thread of its own, and keeps the folder within its bounds.
struct SpoolWriter {
    /// Nanoseconds between two looks for files that have reached their age.
    private static let sweepInterval: UInt64 = 600_000_000_000
    private let folder: SpoolFolder
    private let policy: SpoolPolicy
    private let losses: SpoolLosses
    /// The answers under way, by number.
    private(set) var answers: [UInt64: SpoolFile] = [:]
    /// Bytes that the files take, as far as this process knows: others may share the folder.
    private(set) var folderBytes = 0
    private var nextSweep: UInt64 = 0

    init(_ folder: SpoolFolder, _ policy: SpoolPolicy, _ losses: SpoolLosses) {
        self.folder = folder
        self.policy = policy
        self.losses = losses
    }

    /// Writes what comes until the queue is closed and empty.
    mutating func run(_ queue: WorkQueue<SpoolBatch>) {
        while !queue.isOver {
            if monotonicNow() >= nextSweep {
                sweep(at: wallClockMicroseconds() &* 1000)
                nextSweep = monotonicNow() &+ SpoolWriter.sweepInterval
            }
            for batch in queue.take(upTo: 8, waiting: 60_000) { write(batch) }
        }
    }

    /// Writes a batch: each file is written to once.
    mutating func write(_ batch: SpoolBatch) {
        var touched: [UInt64] = []
        for entry in batch.entries {
            switch entry {
            case .begin(let number, let head):
                answers[number] = SpoolFile(head)
                touched.append(number)
            case .chunk(let number, let time, let range):
                if touched.last != number { touched.append(number) }
                answers[number]?.append(batch.bytes.span.extracting(range), at: time)
            case .end(let number, let time, let end):
                if touched.last != number { touched.append(number) }
                answers[number]?.end(end, at: time)
            }
        }
        for number in touched { store(number) }
    }

    /// Removes files that have reached their age at `now`, in nanoseconds since 1970, and counts what is left.
    mutating func sweep(at now: Int64) {
        let open = Set(answers.values.map(\.name))
        let oldest = policy.retention > 0 ? now &- Int64(clamping: policy.retention) : .min
        // A folder that cannot be read now is looked at again.
        guard let files = try? folder.files() else { return }
        folderBytes = 0
        for file in files where file.modified >= oldest || open.contains(file.name) || !folder.remove(file.name) {
            folderBytes &+= SpoolWriter.blocks(file.size)
        }
    }

    // MARK: Private

    private mutating func store(_ number: UInt64) {
        guard var file = answers.removeValue(forKey: number) else { return }
        if file.hasLines { write(&file) }
        // One that failed stays until its end, so that the end is tried too.
        if !file.isOver { answers[number] = file }
    }

    private mutating func write(_ file: inout SpoolFile) {
        let lines = file.takeLines()
        // The end of one whose head could not be written would stand alone.
        guard !file.hasFailed || file.size > 0 else { return }
        let growth = SpoolWriter.blocks(file.size &+ lines.count) &- SpoolWriter.blocks(file.size)
        do {
            try makeRoom(growth, besides: file.name)
            try folder.write(lines, to: file.name, at: file.size, isNew: file.size == 0)
            file.stored(lines.count)
            folderBytes &+= growth
        } catch {
            if !file.hasFailed { losses.add(1, .folder, "\(error)", at: monotonicNow()) }
            file.fail()
        }
    }

    /// Removes the oldest files until there is room for so many bytes more, and for some after them.
    private mutating func makeRoom(_ growth: Int, besides name: String) throws(StorageError) {
        guard folderBytes &+ growth > policy.folderLimit else { return }
        let open = Set(answers.values.map(\.name))
        var files = try folder.files()
        folderBytes = files.reduce(0) { $0 &+ SpoolWriter.blocks($1.size) }
        guard folderBytes &+ growth > policy.folderLimit else { return }
        files.sort { $0.modified < $1.modified }
        let aim = policy.folderLimit &- policy.folderLimit / 10
        for file in files where file.name != name && !open.contains(file.name) {
            guard folderBytes &+ growth > aim else { return }
            if folder.remove(file.name) { folderBytes &-= SpoolWriter.blocks(file.size) }
        }
        guard folderBytes &+ growth <= policy.folderLimit else {
            throw .full("\(folder.path): answers under way fill audit.spool_max_bytes")
        }
    }

    /// What a file of so many bytes takes of a disk.
    static func blocks(_ size: Int) -> Int { (size &+ 4095) & ~4095 }
}
