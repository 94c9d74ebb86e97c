// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The mock upstream: an OpenAI-compatible server whose behaviour the model's name chooses.
///
/// `GET /closes` tells which streams were closed by the other side, and when; `DELETE /closes` forgets them.
final class Upstream {
    private let poller = Poller()
    private let listener: Int32
    private var buffer = ReceiveBuffer()
    private var connections: [Int32: UpstreamConnection] = [:]
    private var dueTimes = DueTimes()
    private var accepted = 0
    private var closes: [(tag: Int, time: Int64)] = []
    /// Many events for one write; streams of one model share them.
    private var blocks: [Substring: [UInt8]] = [:]
    private let blockEvents = 256

    init(port: UInt16) {
        listener = listenOn(port: port)
        poller.add(listener)
    }

    func run() -> Never {
        while true {
            let count = poller.wait(nanoseconds: dueTimes.first.map { $0 - monotonicNow() })
            for index in 0..<count {
                let event = poller.ready(index)
                if event.descriptor == listener {
                    acceptAll()
                } else if let connection = connections[event.descriptor] {
                    if event.readable { receive(connection) }
                    if event.writable, connections[event.descriptor] != nil { resumeWriting(connection) }
                }
            }
            sendDue()
        }
    }

    private func acceptAll() {
        while let descriptor = acceptOne(listener) {
            accepted += 1
            connections[descriptor] = UpstreamConnection(descriptor: descriptor, serial: accepted)
            poller.add(descriptor)
        }
    }

    private func receive(_ connection: UpstreamConnection) {
        switch buffer.receive(connection.descriptor) {
        case .nothingYet: return
        case .closed: close(connection)
        case .received(let count):
            buffer.withBytes(count) { connection.append($0) }
            answerNext(connection)
        }
    }

    private func answerNext(_ connection: UpstreamConnection) {
        while !connection.isStreaming, connections[connection.descriptor] === connection,
            let request = connection.nextRequest()
        {
            answer(request, on: connection)
        }
    }

    private func answer(_ request: UpstreamConnection.Request, on connection: UpstreamConnection) {
        switch (request.method, request.path) {
        case ("POST", let path) where path.hasSuffix("/chat/completions"):
            guard let chat = ChatRequestSketch(body: request.body),
                let behaviour = Behaviour(model: chat.model)
            else {
                let body =
                    #"{"error":{"message":"no such model","type":"invalid_request_error","param":"model"}}"#
                return send(ChatEvents.json("404 Not Found", body), on: connection)
            }
            start(behaviour, chat, on: connection)
        case ("GET", "/closes"):
            let open = connections.values.filter(\.isStreaming).count
            let list = closes.map { "[\($0.tag),\($0.time)]" }.joined(separator: ",")
            send(ChatEvents.json("200 OK", #"{"open":\#(open),"closes":[\#(list)]}"#), on: connection)
        case ("DELETE", "/closes"):
            closes.removeAll()
            send(ChatEvents.json("200 OK", "{}"), on: connection)
        case ("GET", let path) where path.hasSuffix("/models"):
            send(ChatEvents.json("200 OK", #"{"object":"list","data":[]}"#), on: connection)
        default:
            send(ChatEvents.json("404 Not Found", #"{"error":{"message":"no such path"}}"#), on: connection)
        }
    }

    private func start(_ behaviour: Behaviour, _ chat: ChatRequestSketch, on connection: UpstreamConnection) {
        if behaviour == .unary { return send(ChatEvents.completion(model: chat.model), on: connection) }
        let events = ChatEvents(model: chat.model)
        connection.tag = chat.tag
        connection.events = events
        connection.block = block(of: events, model: chat.model, for: behaviour)
        connection.end = chat.wantsUsage ? events.endWithUsage : events.end
        switch behaviour {
        case .paced(let rate, let count):
            let interval = 1_000_000_000 / Int64(rate)
            // Multiples of the golden ratio spread the streams evenly over the interval, however opened.
            let phase = Int64(
                (Double(connection.serial) * 0.618_033_988_75).truncatingRemainder(dividingBy: 1)
                    * Double(interval))
            let next = monotonicNow() + phase
            connection.work = .paced(next: next, interval: interval, remaining: count)
            dueTimes.insert(.init(time: next, descriptor: connection.descriptor, serial: connection.serial))
        case .burst(let count):
            connection.work = .burst(sent: 0, total: count * events.chunkLength)
        case .endless:
            connection.work = .burst(sent: 0, total: .max)
        case .silent, .unary:
            connection.work = .silent
        }
        send(events.head + events.first, on: connection)
        if case .burst = connection.work { setAwaitsWritable(true, connection) }
    }

    private func sendDue() {
        let now = monotonicNow()
        while let due = dueTimes.popDue(now) {
            guard let connection = connections[due.descriptor], connection.serial == due.serial,
                case .paced(let next, let interval, let remaining) = connection.work, next == due.time
            else { continue }
            if remaining == 0 {
                finish(connection)
                continue
            }
            connection.work = .paced(next: next + interval, interval: interval, remaining: remaining - 1)
            dueTimes.insert(.init(time: next + interval, descriptor: due.descriptor, serial: due.serial))
            send(connection.events.stamped(monotonicNow()), on: connection)
        }
    }

    private func resumeWriting(_ connection: UpstreamConnection) {
        guard connection.flush() else { return close(connection) }
        guard connection.pending.isEmpty else { return }
        guard case .burst(let sent, let total) = connection.work else {
            return setAwaitsWritable(false, connection)
        }
        let block = connection.block
        let position = sent % block.count
        let length = min(block.count - position, total - sent)
        let slice = block.span.extracting(position..<(position + length))
        guard let written = sendSome(connection.descriptor, slice) else { return close(connection) }
        connection.work = .burst(sent: sent + written, total: total)
        if sent + written == total { finish(connection) }
    }

    private func block(of events: ChatEvents, model: Substring, for behaviour: Behaviour) -> [UInt8] {
        switch behaviour {
        case .paced, .silent, .unary: return []
        case .burst, .endless: break
        }
        if let block = blocks[model] { return block }
        let block = events.block(blockEvents)
        blocks[model] = block
        return block
    }

    private func finish(_ connection: UpstreamConnection) {
        connection.work = .none
        send(connection.end, on: connection)
        answerNext(connection)
    }

    private func send(_ bytes: [UInt8], on connection: UpstreamConnection) {
        guard connection.send(bytes) else { return close(connection) }
        var writesOn = !connection.pending.isEmpty
        if case .burst = connection.work { writesOn = true }
        setAwaitsWritable(writesOn, connection)
    }

    private func setAwaitsWritable(_ awaits: Bool, _ connection: UpstreamConnection) {
        guard awaits != connection.awaitsWritable else { return }
        connection.awaitsWritable = awaits
        poller.change(connection.descriptor, writable: awaits)
    }

    private func close(_ connection: UpstreamConnection) {
        if connection.isStreaming { closes.append((connection.tag, monotonicNow())) }
        connection.work = .none
        connections[connection.descriptor] = nil
        closeDescriptor(connection.descriptor)
    }
}
