// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Keep-alive connections that each send the next unary request as soon as the last one is answered.
final class UnaryLoad {
    private final class Connection {
        let descriptor: Int32
        var reader = ResponseReader()
        var sentAt: Int64 = 0

        init(descriptor: Int32) { self.descriptor = descriptor }
    }

    private(set) var answered = 0
    private(set) var latencies: [Int64] = []
    private let port: UInt16
    private let poller = Poller()
    private var buffer = ReceiveBuffer()
    private var connections: [Int32: Connection] = [:]
    private let request: [UInt8]

    init(port: UInt16, model: String, connections count: Int) {
        self.port = port
        request = chatRequest(model: model, tag: 0, stream: false)
        for _ in 0..<count { open() }
    }

    /// Asks without a pause until `deadline`.
    func run(until deadline: Int64) {
        while monotonicNow() < deadline {
            let count = poller.wait(nanoseconds: deadline - monotonicNow())
            for index in 0..<count {
                let event = poller.ready(index)
                guard let connection = connections[event.descriptor] else { continue }
                if event.writable, connection.sentAt == 0 {
                    poller.change(connection.descriptor, writable: false)
                    ask(connection)
                }
                if event.readable { receive(connection) }
            }
        }
    }

    /// Forgets what was measured so far: the warm-up.
    func startOver() {
        answered = 0
        latencies.removeAll(keepingCapacity: true)
    }

    private func open() {
        let descriptor = connectTo(port: port)
        connections[descriptor] = Connection(descriptor: descriptor)
        poller.add(descriptor, writable: true)
    }

    private func ask(_ connection: Connection) {
        connection.reader.startNext()
        connection.sentAt = monotonicNow()
        // A request is far smaller than an empty socket buffer: all of it, or the connection is gone.
        let request = request
        let sent = sendSome(connection.descriptor, request.span)
        if sent != request.count { fail("a request was not taken") }
    }

    private func receive(_ connection: Connection) {
        switch buffer.receive(connection.descriptor) {
        case .nothingYet:
            return
        case .closed:
            // A server may end a keep-alive connection after so many requests; between two, that is no fault.
            guard connection.reader.isComplete || connection.reader.status == 0 else {
                fail("an answer was cut short")
            }
            connections[connection.descriptor] = nil
            closeDescriptor(connection.descriptor)
            open()
        case .received(let count):
            var length = 0
            buffer.withBytes(count) { bytes in connection.reader.feed(bytes) { length += $0.count } }
            guard connection.reader.isComplete else { return }
            guard connection.reader.status == 200 else { fail("unary status \(connection.reader.status)") }
            answered += 1
            latencies.append(monotonicNow() - connection.sentAt)
            ask(connection)
        }
    }
}
