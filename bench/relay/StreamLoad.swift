// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Many chat streams at once against one server, read as they come.
final class StreamLoad {
    /// One stream: a connection of its own with one request.
    private final class Stream {
        let descriptor: Int32
        let tag: Int
        var request: ArraySlice<UInt8>
        var reader = ResponseReader()
        var scanner = EventScanner()

        init(descriptor: Int32, tag: Int, request: [UInt8]) {
            self.descriptor = descriptor
            self.tag = tag
            self.request = request[...]
        }
    }

    /// Connections under way at once: below every server's listen backlog.
    private let openingAtOnce = 100

    let recorder = Recorder()
    /// Streams whose first event has come.
    private(set) var opened = 0
    /// Streams that ended with `[DONE]` and the last chunk.
    private(set) var completed = 0
    /// Streams that ended in any other way.
    private(set) var broken = 0
    /// Reads that brought bytes: with the events, how many of them one read brings.
    private(set) var reads = 0
    var live: Int { streams.count }
    /// Whether another stream begins for each that is complete.
    var renews = false

    private let port: UInt16
    private let model: String
    private let poller = Poller()
    private var buffer = ReceiveBuffer()
    private var streams: [Int32: Stream] = [:]
    /// Streams that were begun.
    private var begun = 0

    /// The dialect that the answers are wanted in, where the server can choose.
    private let answers: String?

    init(port: UInt16, model: String, answers: String? = nil) {
        self.port = port
        self.model = model
        self.answers = answers
    }

    /// Opens `count` streams and returns once each has its first event; ends the process if one fails.
    func open(_ count: Int, timeout: Int64 = 30_000_000_000) {
        let deadline = monotonicNow() + timeout
        var started = 0
        while opened < count {
            while started < count, started - opened < openingAtOnce {
                start(tag: started)
                started += 1
            }
            pump(until: monotonicNow() + 10_000_000)
            if broken > 0 { fail("\(broken) streams broke while opening") }
            if monotonicNow() > deadline { fail("only \(opened) of \(count) streams opened") }
        }
    }

    /// Begins `count` streams more without waiting for them.
    func begin(_ count: Int) {
        for _ in 0..<count { start(tag: begun) }
    }

    /// Reads until `deadline`, or until no stream is left.
    func run(until deadline: Int64) {
        while !streams.isEmpty, monotonicNow() < deadline { pump(until: deadline) }
    }

    /// Closes every stream at once; returns when each was closed, by tag.
    func closeAll() -> [Int: Int64] {
        var times: [Int: Int64] = [:]
        for stream in streams.values {
            times[stream.tag] = monotonicNow()
            closeDescriptor(stream.descriptor)
        }
        streams.removeAll()
        return times
    }

    /// Takes every stream out of the poll set: open, and never read again.
    func stall() {
        for descriptor in streams.keys { poller.remove(descriptor) }
    }

    private func start(tag: Int) {
        begun += 1
        let descriptor = connectTo(port: port)
        let request = chatRequest(model: model, tag: tag, stream: true, answers: answers)
        streams[descriptor] = Stream(descriptor: descriptor, tag: tag, request: request)
        poller.add(descriptor, writable: true)
    }

    private func pump(until deadline: Int64) {
        let count = poller.wait(nanoseconds: deadline - monotonicNow())
        for index in 0..<count {
            let event = poller.ready(index)
            guard let stream = streams[event.descriptor] else { continue }
            if event.writable { sendRequest(stream) }
            if event.readable { receive(stream) }
        }
    }

    private func sendRequest(_ stream: Stream) {
        if let sent = sendSome(stream.descriptor, stream.request.span) {
            stream.request = stream.request.dropFirst(sent)
            if stream.request.isEmpty { poller.change(stream.descriptor, writable: false) }
        }
    }

    private func receive(_ stream: Stream) {
        switch buffer.receive(stream.descriptor) {
        case .nothingYet:
            return
        case .closed:
            end(stream, whole: stream.reader.endsWithConnection && stream.scanner.sawDone)
        case .received(let count):
            reads += 1
            let now = monotonicNow()
            let wasOpen = stream.scanner.sawData
            buffer.withBytes(count) { bytes in
                stream.reader.feed(bytes) { stream.scanner.feed($0, now: now, recorder: recorder) }
            }
            if !wasOpen, stream.scanner.sawData { opened += 1 }
            if stream.reader.isMalformed || stream.reader.status >= 300 {
                fail("the answer is malformed or refused, status \(stream.reader.status)")
            }
            if stream.reader.isComplete { end(stream, whole: stream.scanner.sawDone) }
        }
    }

    private func end(_ stream: Stream, whole: Bool) {
        if whole { completed += 1 } else { broken += 1 }
        streams[stream.descriptor] = nil
        closeDescriptor(stream.descriptor)
        if renews, whole { start(tag: begun) }
    }
}

/// A chat request as the usual clients send it; `tag` comes back in upstream's list of closes.
func chatRequest(model: String, tag: Int, stream: Bool, answers: String? = nil) -> [UInt8] {
    let dialect = answers.map { "X-Sluice-Dialect: \($0)\r\n" } ?? ""
    let body =
        #"{"model":"\#(model)","stream":\#(stream),"user":"s\#(tag)","messages":["#
        + #"{"role":"system","content":"You answer in one sentence."},"#
        + #"{"role":"user","content":"What does water do in a sluice?"}]}"#
    return Array(
        """
        POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer bench\r\n\
        Content-Type: application/json\r\nAccept: */*\r\nUser-Agent: relay-load\r\n\(dialect)\
        Content-Length: \(body.utf8.count)\r\n\r\n\(body)
        """.utf8)
}
