// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// One connection to the mock upstream: the request being read, or the answer being written.
final class UpstreamConnection {
    enum Work {
        /// Reading a request.
        case none
        case paced(next: Int64, interval: Int64, remaining: Int)
        /// `sent` and `total` count bytes of events.
        case burst(sent: Int, total: Int)
        case silent
    }

    let descriptor: Int32
    /// Tells this connection from earlier ones with the same descriptor.
    let serial: Int
    var work = Work.none
    var tag = -1
    var end: [UInt8] = []
    /// What a burst sends over and over.
    var block: [UInt8] = []
    var events = ChatEvents(model: "none")
    /// Whether epoll has been asked for writability.
    var awaitsWritable = false
    private(set) var pending: [UInt8] = []
    private var input: [UInt8] = []

    init(descriptor: Int32, serial: Int) {
        self.descriptor = descriptor
        self.serial = serial
    }

    var isStreaming: Bool { if case .none = work { false } else { true } }

    /// Sends `bytes` after what still waits; false when the connection is gone.
    func send(_ bytes: [UInt8]) -> Bool {
        guard pending.isEmpty else {
            pending += bytes
            return pending.count < 4 << 20
        }
        guard let sent = sendSome(descriptor, bytes.span) else { return false }
        if sent < bytes.count { pending = Array(bytes[sent...]) }
        return true
    }

    /// Sends what waits; false when the connection is gone.
    func flush() -> Bool {
        guard !pending.isEmpty else { return true }
        guard let sent = sendSome(descriptor, pending.span) else { return false }
        pending.removeFirst(sent)
        return true
    }

    struct Request {
        let method: Substring
        let path: Substring
        let body: String
    }

    func append(_ bytes: Span<UInt8>) {
        for index in bytes.indices { input.append(bytes[index]) }
    }

    /// The next whole request read, nil when more bytes are needed.
    func nextRequest() -> Request? {
        guard let bodyStart = index(after: "\r\n\r\n", in: input.span) else { return nil }
        let head = String(decoding: input[..<bodyStart], as: UTF8.self)
        var length = 0
        for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix("content-length:") {
            length = Int(line.filter(\.isNumber)) ?? 0
        }
        guard input.count >= bodyStart + length else { return nil }
        let body = String(decoding: input[bodyStart..<(bodyStart + length)], as: UTF8.self)
        input.removeFirst(bodyStart + length)
        let words = head.split(separator: " ", maxSplits: 2)
        guard words.count == 3 else { return Request(method: "", path: "", body: "") }
        return Request(method: words[0], path: words[1], body: body)
    }
}
