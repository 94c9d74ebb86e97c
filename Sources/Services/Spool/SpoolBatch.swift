// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
internal import HTTPClient
internal import Providers

/// What a provider is asked for whose answer is kept.
package struct SpoolOrigin: Sendable {
    package var requestID: String
    /// The stream's identifier, by which the record of the request names the file.
    package var streamID: String
    /// How many times a provider was asked, from 1.
    package var attempt: Int
    package var door: String
    /// The identifier of the caller's virtual key, by which what it was answered is erased; `nil` without one.
    package var keyID: String?
    package var provider: String
    /// The model, as the provider calls it; empty where that is not known.
    package var model: String
    /// The client's dialect, and the one that the provider was asked in; `nil` for what is handed on.
    package var dialects: (client: Dialect, upstream: Dialect)?
    /// The credentials that the provider is shown, which it may repeat: they are not kept.
    package var secrets: KnownSecrets

    package init(
        requestID: String, streamID: String, attempt: Int, door: String, keyID: String?, provider: String, model: String,
        dialects: (client: Dialect, upstream: Dialect)?, secrets: KnownSecrets
    ) {
        self.requestID = requestID
        self.streamID = streamID
        self.attempt = attempt
        self.door = door
        self.keyID = keyID
        self.provider = provider
        self.model = model
        self.dialects = dialects
        self.secrets = secrets
    }
}

/// The head of an answer, and whose answer it is.
struct SpoolHead: Sendable {
    var origin: SpoolOrigin
    /// When it came, in microseconds since 1970.
    var time: Int64
    /// Microseconds from the asking to the head.
    var waited: Int
    var head: TransferHead

    /// About how much memory it takes: nearly all of it is the fields of the answer.
    var weight: Int {
        let own = 512 &+ origin.secrets.byteCount
        return SpoolFormat.fields(of: head).reduce(own) { $0 &+ $1.name.utf8.count &+ $1.value.utf8.count &+ 64 }
    }
}

/// Why not all of an answer is kept.
enum SpoolLoss: String, Sendable {
    /// It is longer than the bound of one answer.
    case limit
    /// More came than the disk took.
    case queue
    /// The folder could not be written to, or was full.
    case folder
}

/// How the file of an answer ends.
enum SpoolEnd: Sendable, Equatable {
    case answer(AnswerEnd)
    case truncated(SpoolLoss)
}

/// What came on a loop within a short time, of all answers, on its way to the disk.
struct SpoolBatch: Sendable {
    /// One event of an answer, which is named by its number; times are microseconds since its head.
    enum Entry: Sendable {
        indirect case begin(UInt64, SpoolHead)
        /// A chunk, which lies at a place in `bytes`.
        case chunk(UInt64, at: Int, Range<Int>)
        case end(UInt64, at: Int, SpoolEnd)
    }

    private(set) var bytes: [UInt8] = []
    private(set) var entries: [Entry] = []
    private var headWeight = 0

    /// About how much memory it takes.
    var weight: Int { bytes.count &+ entries.count &* 64 &+ headWeight }

    mutating func append(_ entry: Entry) {
        if case .begin(_, let head) = entry { headWeight &+= head.weight }
        entries.append(entry)
    }

    mutating func append(_ chunk: Span<UInt8>, of number: UInt64, at time: Int) {
        let start = bytes.count
        // Array takes no span yet (Swift 6.3); the pointer does not outlive the closure.
        unsafe chunk.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        entries.append(.chunk(number, at: time, start..<bytes.count))
    }
}
