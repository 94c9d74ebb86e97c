// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Dialects
import Glibc
import SSE

// Time and allocations of translating an event, for every dialect of an upstream to every dialect of a client.
//
//     translate-bench EVENTS [DIALECT FILE]...
//
// The streams are made by Sluice's own encoders, of EVENTS text deltas each, or are the named files. Each line of the output is
// a JSON object. Allocations are counted by the library that bench/translate/run preloads; without it they are null.

/// An event of a stream, as the reader of an upstream hands it to a decoder.
struct StreamEvent {
    var name: [UInt8]
    var data: [UInt8]
}

let clients: [Dialect] = [.openAIChat, .openAIResponses, .anthropic, .gemini]
let upstreams: [Dialect] = [.openAIChat, .openAIResponses, .anthropic, .gemini, .antigravity, .ollama]

func context(_ dialect: Dialect) -> AnswerContext {
    let message = ChatMessage(role: .user, content: .text("What does water do in a sluice?"))
    return AnswerContext(
        chat: ChatRequest(model: "model", messages: [message]), seed: "0123456789abcdef0123456789abcdef",
        created: 1_700_000_000, maker: dialect.maker)
}

/// A stream of so many text deltas in a dialect.
func made(_ dialect: Dialect, _ count: Int) -> [UInt8] {
    var encoder = dialect.codec.streamEncoder(context(dialect))
    var buffer = ByteBuffer()
    var event = DecodedEvent()
    event.hasOwnText = true
    event.ownText.append(" water finds its own level")
    let text = 0..<event.ownText.count
    func write(_ delta: ChatDelta) {
        event.deltas = [delta]
        encoder.encode(event, of: event.ownText.bytes, into: &buffer)
    }
    write(.start(choice: 0))
    for _ in 0..<count { write(.text(choice: 0, text)) }
    write(.finish(choice: 0, .stop))
    write(.usage(TokenUsage(input: 9, output: count)))
    encoder.finish(into: &buffer)
    return buffer.storage
}

func events(_ bytes: [UInt8], _ framing: StreamFraming) -> [StreamEvent] {
    var found: [StreamEvent] = []
    func add(_ data: Span<UInt8>, _ name: String) {
        var copy = ByteBuffer()
        copy.append(data)
        found.append(StreamEvent(name: Array(name.utf8), data: copy.storage))
    }
    if framing == .lines {
        var parser = LineParser()
        try? parser.feed(bytes.span) { add($0, "") }
    } else {
        var parser = EventStreamParser()
        _ = try? parser.feed(bytes.span) { data, fields in add(data, fields.name == "message" ? "" : fields.name) }
    }
    return found
}

/// One stream translated from its first event to its last; how many bytes the client gets.
func translate(_ stream: [StreamEvent], _ upstream: Dialect, _ client: Dialect, _ buffer: inout ByteBuffer) -> Int {
    var decoder = upstream.codec.streamDecoder()
    var encoder = client.codec.streamEncoder(context(upstream))
    var event = DecodedEvent()
    var written = 0
    for piece in stream {
        guard (try? decoder.decode(piece.data.span, named: piece.name.span, into: &event)) != nil else { continue }
        if event.hasOwnText {
            encoder.encode(event, of: event.ownText.bytes, into: &buffer)
        } else {
            encoder.encode(event, of: piece.data.span, into: &buffer)
        }
        written += buffer.count
        buffer.removeAll()
    }
    encoder.finish(into: &buffer)
    written += buffer.count
    buffer.removeAll()
    return written
}

/// Nanoseconds of this thread on a core.
func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

typealias Counter = @convention(c) () -> UInt64
let counter: Counter? = dlsym(nil, "bench_allocations").map { unsafeBitCast($0, to: Counter.self) }

/// Allocations of one translation.
func allocations(_ stream: [StreamEvent], _ upstream: Dialect, _ client: Dialect) -> UInt64? {
    guard let counter else { return nil }
    var buffer = ByteBuffer(capacity: 1 << 16)
    let before = counter()
    _ = translate(stream, upstream, client, &buffer)
    return counter() - before
}

func report(
    _ source: String, _ upstream: Dialect, _ client: Dialect, _ stream: [StreamEvent], steady: Double?
) {
    var buffer = ByteBuffer(capacity: 1 << 16)
    _ = translate(stream, upstream, client, &buffer)
    // There are hundreds of recordings, and each pair of dialects adds many of them up.
    let repeats = max(1, (steady == nil ? 5_000 : 200_000) / max(1, stream.count))
    var best = UInt64.max
    var written = 0
    for _ in 0..<(steady == nil ? 3 : 5) {
        let begin = now()
        for _ in 0..<repeats { written = translate(stream, upstream, client, &buffer) }
        best = min(best, now() - begin)
    }
    let perEvent = Double(best) / Double(repeats * stream.count)
    let whole = allocations(stream, upstream, client).map { "\(Double($0) / Double(stream.count))" } ?? "null"
    print(
        "{\"source\":\"\(source)\",\"upstream\":\"\(upstream.rawValue)\",\"client\":\"\(client.rawValue)\","
            + "\"events\":\(stream.count),\"bytes\":\(written),\"nanoseconds\":\(perEvent),"
            + "\"allocations\":\(whole),\"steady_allocations\":\(steady.map { "\($0)" } ?? "null")}")
}

let arguments = Array(CommandLine.arguments.dropFirst())
let count = arguments.first.flatMap { Int($0) } ?? 1000
if arguments.count < 3 {
    for upstream in upstreams {
        let framing = upstream.codec.framing
        let stream = events(made(upstream, count), framing)
        let longer = events(made(upstream, 2 * count), framing)
        for client in clients {
            var steady: Double?
            if let first = allocations(stream, upstream, client), let second = allocations(longer, upstream, client) {
                // What a stream costs once falls out of the difference.
                steady = Double(Int64(second) - Int64(first)) / Double(longer.count - stream.count)
            }
            report("text", upstream, client, stream, steady: steady)
        }
    }
} else {
    for index in stride(from: 1, to: arguments.count - 1, by: 2) {
        guard let upstream = Dialect(rawValue: arguments[index]), let file = fopen(arguments[index + 1], "r") else {
            perror("translate-bench: \(arguments[index + 1])")
            exit(66)
        }
        var bytes = [UInt8](repeating: 0, count: 1 << 24)
        let size = fread(&bytes, 1, bytes.count, file)
        fclose(file)
        let stream = events(Array(bytes[..<size]), upstream.codec.framing)
        let name = arguments[index + 1].split(separator: "/").last.map(String.init) ?? ""
        for client in clients { report(name, upstream, client, stream, steady: nil) }
    }
}
