// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
package import Chat
internal import SSE

/// What an answer that is handed on said, as far as its type lets that be read; bounded, and the same for any cut of the bytes.
///
/// Of event streams and lines of JSON it is the text in their events, of JSON the text in it, of other text all; of anything else,
/// and of what is compressed, nothing but the number of bytes.
package struct ProxyCapture: Sendable {
    private enum Form: Sendable {
        case events(EventStreamParser)
        case lines(LineParser)
        case json
        case text
        case opaque
    }

    /// The bytes of the body so far.
    package private(set) var byteCount = 0
    /// Whether text was left out because the limit was reached.
    package private(set) var isTruncated = false
    /// The last counts of tokens that the answer told.
    package private(set) var usage: TokenUsage?
    private let limit: Int
    private var form: Form
    /// What was said, or the body itself where it is JSON and not complete.
    private var kept = ByteBuffer()

    /// A capture of an answer with these fields, of which at most `limit` bytes are kept.
    package init(contentType: String?, contentEncoding: String?, limit: Int) {
        self.limit = max(0, limit)
        let type = (contentType ?? "").prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
        let isPlain = (contentEncoding ?? "identity").lowercased() == "identity"
        switch type {
        case _ where !isPlain: form = .opaque
        case "text/event-stream": form = .events(EventStreamParser(limit: self.limit))
        case "application/x-ndjson", "application/jsonl", "application/x-jsonlines": form = .lines(LineParser(limit: self.limit))
        case "application/json": form = .json
        default: form = type.hasSuffix("+json") ? .json : type.hasPrefix("text/") ? .text : .opaque
        }
    }

    /// Whether the answer is a stream of events, whose first has a time worth telling.
    package var isEventStream: Bool {
        if case .events = form { true } else { false }
    }

    /// What was said, with U+FFFD for what is not UTF-8.
    package var text: String { String(decoding: kept.storage, as: UTF8.self) }

    /// Takes the next bytes of the body.
    package mutating func append(_ chunk: Span<UInt8>) {
        byteCount &+= chunk.count
        switch form {
        case .opaque: return
        case .text, .json: keep(chunk)
        case .events(var parser):
            // Out of its place while it works, so that there is one of it.
            form = .opaque
            var found = ProxyText()
            let isWhole = (try? parser.feed(chunk) { data, _ in found.read(data) }) != nil
            take(found)
            if isWhole { form = .events(parser) } else { isTruncated = true }
        case .lines(var parser):
            form = .opaque
            var found = ProxyText()
            let isWhole = (try? parser.feed(chunk) { line in found.read(line) }) != nil
            take(found)
            if isWhole { form = .lines(parser) } else { isTruncated = true }
        }
    }

    /// The body came to its end, or broke off.
    package mutating func finish() {
        var found = ProxyText()
        switch form {
        case .json:
            found.read(kept.bytes)
            // What it says is never longer than it is.
            kept = found.text
            usage = found.usage
        case .lines(var parser):
            parser.finish { line in found.read(line) }
            take(found)
        case .events(var parser):
            try? parser.finish(.dispatchEverything) { data, _ in found.read(data) }
            take(found)
        case .text, .opaque: break
        }
        form = .opaque
    }

    private mutating func take(_ found: ProxyText) {
        if let latest = found.usage {
            if usage == nil { usage = latest } else { usage?.update(with: latest) }
        }
        keep(found.text.bytes)
    }

    /// Keeps what the limit allows, cut between two characters; after the first cut nothing.
    private mutating func keep(_ bytes: Span<UInt8>) {
        guard !isTruncated else { return }
        var room = limit - kept.count
        if bytes.count > room {
            isTruncated = true
            while room > 0, bytes[room] & 0xC0 == 0x80 { room -= 1 }
        }
        kept.append(bytes, 0..<min(bytes.count, room))
    }
}
