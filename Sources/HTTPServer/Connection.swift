// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import CLibevent
internal import HTTPSemantics
internal import Reactor

/// One client's connection: the strict framing in front of evhttp, the request under way, one timer.
///
/// evhttp never sees the client's bytes. They pass `RequestFraming` first; for each request that it accepts, evhttp is
/// given a canonical head of our own, and so keeps the connection's life (accept, keep-alive, close) without a chance
/// to misread anything. While a request is under way the bufferevent's callbacks are ours, since evhttp would not
/// notice a client that leaves before the answer begins.
@safe
final class Connection {
    /// Where the connection stands; the timer means something else in each.
    enum Phase {
        /// No byte of a request has come since the connect or the last response.
        case idle
        /// A head is coming in.
        case head
        /// A head was accepted and evhttp has been told.
        case announced
        /// The request is with its owner.
        case request
        /// An answer that ends the connection is on its way; what comes in is dropped.
        case refused
        /// Our side is closed; waiting for the client's.
        case lingering
        case closed
    }

    let server: HTTPServer
    let bufferevent: OpaquePointer
    var evConnection: OpaquePointer?
    var evRequest: OpaquePointer?
    var framing: RequestFraming
    var phase = Phase.idle
    var request: ServerRequest?
    /// Bytes of requests behind the one under way.
    var pipelined = ByteBuffer()
    var isInsideInput = false
    /// Whether this response is the connection's last.
    var willClose = false
    /// Whether the framing has seen the end of the request under way.
    var requestIsComplete = false
    /// Whether the client waits for a 100 before it sends the body of the request under way.
    var awaitsContinue = false
    /// Whether a head was accepted that evhttp has not been told of.
    var isAnnouncing = false
    /// Whether the response is complete but for what is buffered.
    var isFinishing = false
    /// Whether the owner of the request takes no more of its body for now.
    var isInputPaused = false
    /// When the last piece of a streamed body came, on the loop's clock.
    var lastInput: UInt64 = 0
    private var discarded = 0
    private(set) var timer: LoopTimer?
    private(set) var peer = ""

    init(_ server: HTTPServer, _ bufferevent: OpaquePointer) {
        self.server = server
        unsafe self.bufferevent = bufferevent
        framing = RequestFraming(limits: server.configuration.framing)
        let timer = LoopTimer(server.loop) { [unowned self] in self.timeIsUp() }
        timer.schedule(after: server.configuration.headerTimeout)
        self.timer = timer
    }

    var descriptor: Int32 { unsafe bufferevent_getfd(bufferevent) }
    var highWatermark: Int { server.configuration.highWatermark }
    var date: String { server.date }
    var bufferedBytes: Int {
        guard phase != .closed else { return 0 }
        return unsafe evbuffer_get_length(bufferevent_get_output(bufferevent)) + server.stage.count(for: self)
    }

    /// Takes over what evhttp made of the accepted socket; runs before its first byte is read.
    func adopt() {
        var argument: UnsafeMutableRawPointer?
        unsafe bufferevent_getcb(bufferevent, nil, nil, nil, &argument)
        guard let argument = unsafe argument else { return }
        let evConnection = OpaquePointer(argument)
        unsafe self.evConnection = evConnection
        unsafe evhttp_connection_set_closecb(evConnection, connectionClosed, Unmanaged.passUnretained(self).toOpaque())
        unsafe bufferevent_set_timeouts(bufferevent, nil, nil)
        _ = sluice_set_tcp(descriptor, TCP_NODELAY, 1)
        // The kernel would take megabytes for a reader that stalls; the window stays as large as it needs to be.
        _ = sluice_set_tcp(descriptor, TCP_NOTSENT_LOWAT, 128 << 10)
        var address: UnsafeMutablePointer<CChar>?
        var port: UInt16 = 0
        unsafe evhttp_connection_get_peer(evConnection, &address, &port)
        if let address = unsafe address { peer = unsafe String(cString: address) }
    }

    // MARK: The request's life

    /// evhttp has read our canonical head: the connection is ours until the response is out.
    func begin(_ evRequest: OpaquePointer) {
        unsafe self.evRequest = evRequest
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe bufferevent_setcb(bufferevent, nil, outputWritten, connectionEvent, context)
        unsafe bufferevent_setwatermark(bufferevent, Int16(EV_WRITE), highWatermark / 2, 0)
        _ = unsafe bufferevent_enable(bufferevent, Int16(EV_READ))
        guard let request, phase == .announced else { return }
        phase = .request
        if !requestIsComplete { timer?.schedule(after: server.configuration.bodyTimeout) }
        server.handler?.receive(request)
    }

    /// The client's last byte of this request has come.
    func requestCompleted() {
        requestIsComplete = true
        timer?.cancel()
        if isInputPaused { resumeInput() }
        request?.complete()
    }

    func closeAfterResponse() { willClose = true }

    /// The whole response has left the buffer: on to the next request, or to the end.
    func responseSent() {
        guard phase == .request || phase == .announced, let evRequest = unsafe evRequest else { return }
        request?.response.end()
        request?.owner = nil
        request = nil
        // Who has sent more than was taken would lose the answer's end to a reset.
        guard requestIsComplete, discarded == 0 else { return linger() }
        unsafe self.evRequest = nil
        if willClose || server.isDraining {
            // Also when it was decided after evhttp was told of the request.
            _ = unsafe evhttp_add_header(evhttp_request_get_output_headers(evRequest), "Connection", "close")
        }
        phase = .idle
        isFinishing = false
        unsafe bufferevent_setwatermark(bufferevent, Int16(EV_WRITE), 0, 0)
        unsafe bufferevent_set_timeouts(bufferevent, nil, nil)
        unsafe evhttp_send_reply_end(evRequest)
        guard phase != .closed else { return }
        framing.next()
        timer?.schedule(after: server.configuration.idleTimeout)
        if !pipelined.isEmpty {
            var held = ByteBuffer()
            swap(&held, &pipelined)
            consume(held.bytes)
        }
    }

    /// Ends the connection now, whatever its state.
    func kill() {
        guard phase != .closed, phase != .lingering else { return }
        server.loop.deferred { [self] in free() }
    }

    /// Closes our side and reads on for a while, so that the client can read the answer before a reset eats it.
    func linger() {
        guard phase != .closed else { return }
        phase = .lingering
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe bufferevent_setcb(bufferevent, nil, nil, connectionEvent, context)
        _ = unsafe bufferevent_enable(bufferevent, Int16(EV_READ))
        shutdownWriting(descriptor)
        timer?.schedule(after: 2_000_000_000)
    }

    /// The client is gone. Its owner is told first, and our side taken apart later: of many that leave at once, each
    /// should stop its upstream before any is cleaned up.
    func peerLeft() {
        unsafe bufferevent_setcb(bufferevent, nil, nil, nil, nil)
        let owner = request?.owner
        request?.owner = nil
        request?.response.end()
        owner?.clientLeft()
        server.loop.deferred { [self] in free() }
    }

    /// The client is gone, or must go.
    func free() {
        guard phase != .closed, let evConnection = unsafe evConnection else { return }
        unsafe evhttp_connection_free(evConnection)
    }

    /// evhttp is about to free the connection: the one place where everything of it ends.
    func closed() {
        guard phase != .closed else { return }
        let leaver = request
        phase = .closed
        timer = nil
        request = nil
        server.stage.drop(self)
        _ = unsafe evbuffer_remove_cb(
            bufferevent_get_input(bufferevent), inputArrived, Unmanaged.passUnretained(self).toOpaque())
        leaver?.response.end()
        let owner = leaver?.owner
        leaver?.owner = nil
        owner?.clientLeft()
        server.forget(self)
    }

    // MARK: Time

    /// The first byte of a head has come: from here to its end there is one deadline, however the bytes drip.
    func headBegan() {
        phase = .head
        timer?.schedule(after: server.configuration.headerTimeout)
    }

    func headAccepted() {
        phase = .announced
        timer?.cancel()
    }

    private func timeIsUp() {
        switch phase {
        case .idle, .lingering: free()
        case .head: refuse(.timeout)
        case .request, .announced:
            // Only a body on its way has a deadline here; the answer's are its owner's.
            if !requestIsComplete, !mayGoOn() { refuse(.timeout) }
        case .refused: free()
        case .closed: break
        }
    }

    // MARK: Refusing

    /// Answers by ourselves and closes, in the next step of the loop: never from within evhttp's reading.
    func refuse(_ violation: FramingViolation) {
        guard phase != .closed, phase != .refused, phase != .lingering else { return }
        framing.refuse(violation)
        server.handler?.refused(violation.rawValue)
        let hadRequest = request
        phase = .refused
        timer?.schedule(after: 5_000_000_000)
        server.loop.deferred { [self] in
            guard phase == .refused else { return }
            let answered = hadRequest?.response.hasStarted ?? false
            let owner = hadRequest?.owner
            hadRequest?.owner = nil
            hadRequest?.response.end()
            hadRequest?.violation = violation
            request = nil
            owner?.clientLeft()
            guard phase == .refused else { return }
            if answered { return free() }
            sendRefusal(violation, hadRequest?.head ?? framing.refusedHead)
            linger()
        }
    }

    private func sendRefusal(_ violation: FramingViolation, _ head: RequestHead?) {
        guard let (fields, body) = server.handler?.refusal(violation, head: head) else { return }
        willClose = true
        let writer = ResponseWriter(self, isHead: false, minorVersion: 1)
        writer.respond(status: violation.status, fields: fields, body: body.span)
    }

    /// Whether the dropped bytes have become too many for a client worth waiting for.
    func discardedTooMuch(_ count: Int) -> Bool {
        discarded &+= count
        return discarded > 4 << 20
    }

    /// Tells a client that waits for it that the body is wanted.
    func sendContinue() {
        guard awaitsContinue, !requestIsComplete else { return }
        awaitsContinue = false
        sendInterim("HTTP/1.1 100 Continue\r\n\r\n")
    }

    func limitBody(to limit: Int) -> Bool {
        guard let violation = framing.limitBody(to: limit) else { return true }
        refuse(violation)
        return false
    }
}

@available(*, unavailable)
extension Connection: Sendable {}
