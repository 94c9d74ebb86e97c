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
    /// Whether the answer is a stream of events or lines, whose first has a time worth telling.
    package let isStream: Bool
    private var form: Form
    private var found: ProxyText
    private var plain: BoundedText
    /// Whether the reading ended at an event that was too long.
    private var isBroken = false

    /// One event is read up to this size even where less, or nothing, is kept: its counts of tokens matter all the same.
    private static let eventLimit = 1 << 20

    /// A capture of an answer with these fields, of which at most `limit` bytes of text are kept. An event or line of more than
    /// `limit` bytes and `eventLimit` ends the reading.
    package init(
        contentType: String?, contentEncoding: String?, limit: Int, eventLimit: Int = ProxyCapture.eventLimit
    ) {
        let eventLimit = max(limit, eventLimit)
        (found, plain) = (ProxyText(limit: limit), BoundedText(limit: limit))
        let isPlain = (contentEncoding ?? "identity").lowercased() == "identity"
        let type = ProxyCapture.mediaType(contentType)
        switch type {
        case "text/event-stream":
            isStream = true
            form = isPlain ? .events(EventStreamParser(limit: eventLimit)) : .opaque
        case "application/x-ndjson", "application/jsonl", "application/x-jsonlines":
            isStream = true
            form = isPlain ? .lines(LineParser(limit: eventLimit)) : .opaque
        default:
            isStream = false
            let isJSON = ProxyCapture.isJSON(contentType)
            form = !isPlain ? .opaque : isJSON ? .json : type.hasPrefix("text/") ? .text : .opaque
        }
    }

    /// Whether a `Content-Type` is that of one JSON text.
    static func isJSON(_ contentType: String?) -> Bool {
        let type = mediaType(contentType)
        return type == "application/json" || type.hasSuffix("+json")
    }

    private static func mediaType(_ contentType: String?) -> String {
        (contentType ?? "").prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
    }

    /// What was said, with U+FFFD for what is not UTF-8.
    package var text: String {
        if case .text = form { plain.text } else { found.text.text }
    }

    /// Whether text was left out because a limit was reached.
    package var isTruncated: Bool { isBroken || plain.isTruncated || found.text.isTruncated }

    /// The counts of tokens that the answer told last.
    package var usage: TokenUsage? { found.usage.tokens }

    /// The model that the answer names; `nil` when it names none.
    package var model: String? { found.model.isEmpty ? nil : found.model }

    /// Takes the next bytes of the body.
    package mutating func append(_ chunk: Span<UInt8>) {
        byteCount &+= chunk.count
        guard !isBroken else { return }
        switch form {
        case .opaque: return
        case .text: plain.append(chunk)
        case .json: found.read(chunk)
        case .events(var parser):
            // Out of its place while it works, so that there is one of it.
            form = .opaque
            let isWhole = (try? parser.feed(chunk) { data, fields in read(data, named: fields.name) }) != nil
            form = .events(parser)
            isBroken = !isWhole
        case .lines(var parser):
            form = .opaque
            let isWhole = (try? parser.feed(chunk) { line in read(line) }) != nil
            form = .lines(parser)
            isBroken = !isWhole
        }
    }

    /// The body came to its end, or broke off.
    package mutating func finish() {
        switch form {
        case _ where isBroken: break
        case .json: found.endText()
        case .lines(var parser): parser.finish { line in read(line) }
        case .events(var parser): try? parser.finish(.dispatchEverything) { data, fields in read(data, named: fields.name) }
        case .text, .opaque: break
        }
    }

    private mutating func read(_ event: Span<UInt8>, named name: String = "") {
        found.read(event)
        found.endText(named: name)
    }
}
