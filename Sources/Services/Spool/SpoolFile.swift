// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import HTTPClient
internal import Providers
internal import Storage
internal import Telemetry

/// The file of an answer that is under way: the lines that it gets next.
///
/// What comes with a status of success is written as it comes. A refusal may repeat the key that it was sent, cut anywhere: it is held
/// back until its end, and written without.
struct SpoolFile {
    /// A refusal's body, so far.
    private struct Refusal {
        var bytes: [UInt8] = []
        var chunks: [(time: Int, range: Range<Int>)] = []
        /// Whether it can be looked through: nothing is found in what is compressed.
        let isPlain: Bool
        /// What the provider was shown, and may repeat.
        let secrets: KnownSecrets
    }

    let name: String
    /// Bytes of the file, as far as it is written.
    private(set) var size = 0
    /// Whether its end has come.
    private(set) var isOver = false
    /// Whether something of it could not be written: only its end is tried then.
    private(set) var hasFailed = false
    private var lines = ByteBuffer()
    private var refusal: Refusal?
    /// What its lines hold of the answer, and what those hold that are written.
    private var count = (bytes: 0, chunks: 0)
    private var written = (bytes: 0, chunks: 0)

    init(_ head: SpoolHead) {
        name = SpoolFolder.name(head.origin.streamID, attempt: head.origin.attempt)
        SpoolFormat.appendHead(head, to: &lines)
        guard !(200...299).contains(head.head.status) else { return }
        let codings = SpoolFormat.fields(of: head.head).filter { $0.name.lowercased() == "content-encoding" }
        refusal = Refusal(
            isPlain: codings.allSatisfy { $0.value.lowercased() == "identity" }, secrets: head.origin.secrets)
    }

    /// Whether there is something to write.
    var hasLines: Bool { !lines.isEmpty }

    mutating func append(_ chunk: Span<UInt8>, at time: Int) {
        guard !hasFailed, !isOver else { return }
        guard refusal == nil else { return hold(chunk, at: time) }
        write(chunk, at: time)
    }

    mutating func end(_ end: SpoolEnd, at time: Int) {
        guard !isOver else { return }
        let isRedacted = release(at: time, isCut: end != .answer(.complete))
        isOver = true
        SpoolFormat.appendEnd(
            hasFailed ? .truncated(.folder) : end, at: time, bytes: count.bytes, chunks: count.chunks,
            isRedacted: isRedacted, to: &lines)
    }

    /// Gives the lines to write, which are forgotten then.
    mutating func takeLines() -> [UInt8] {
        defer { lines.removeAll(keepingAtMost: 0) }
        return lines.storage
    }

    /// The lines that were taken are in the file, and take so many bytes.
    mutating func stored(_ bytes: Int) {
        size &+= bytes
        written = count
    }

    /// The lines that were taken are not in the file.
    mutating func fail() {
        hasFailed = true
        count = written
    }

    private mutating func write(_ chunk: Span<UInt8>, at time: Int) {
        SpoolFormat.appendChunk(chunk, at: time, to: &lines)
        count.bytes &+= chunk.count
        count.chunks &+= 1
    }

    // MARK: Refusals

    private mutating func hold(_ chunk: Span<UInt8>, at time: Int) {
        guard let held = refusal, held.bytes.count &+ chunk.count <= SpoolPolicy.refusalLimit else {
            return end(.truncated(.limit), at: time)
        }
        let start = held.bytes.count
        for index in 0..<chunk.count { refusal?.bytes.append(chunk[index]) }
        refusal?.chunks.append((time, start..<start + chunk.count))
    }

    /// Writes a refusal, without credentials; says whether it is another one than came. One that was cut may end inside a credential.
    private mutating func release(at time: Int, isCut: Bool) -> Bool {
        guard let held = refusal, !hasFailed else { return false }
        refusal = nil
        guard held.isPlain else { return !held.bytes.isEmpty }
        let text = String(decoding: held.bytes, as: UTF8.self)
        let shown = Redaction.text(text, without: held.secrets, isCut: isCut)
        guard shown == text else {
            if !shown.isEmpty { write(shown.utf8.span, at: held.chunks.last?.time ?? time) }
            return true
        }
        for chunk in held.chunks { write(held.bytes.span.extracting(chunk.range), at: chunk.time) }
        return false
    }
}
