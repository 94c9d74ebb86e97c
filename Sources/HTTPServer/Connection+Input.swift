// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import CLibevent
internal import HTTPSemantics
internal import Reactor

// What a client sends, from the socket to the framing.
extension Connection {
    /// The socket's bytes have just been put into the bufferevent's input: take all of them, before evhttp looks.
    func receiveInput() {
        guard !isInsideInput, phase != .closed, let input = unsafe bufferevent_get_input(bufferevent) else { return }
        isInsideInput = true
        defer { isInsideInput = false }
        // Our own canonical head ends this: it is added last, and must stay for evhttp.
        var left = unsafe evbuffer_get_length(input)
        while left > 0, phase != .closed {
            var extent = unsafe sluice_iovec()
            guard unsafe evbuffer_peek(input, left, nil, &extent, 1) >= 1, let base = unsafe extent.iov_base else {
                return
            }
            let length = unsafe min(extent.iov_len, left)
            let bytes = unsafe UnsafeBufferPointer(
                start: UnsafeRawPointer(base).assumingMemoryBound(to: UInt8.self), count: length)
            consume(unsafe bytes.span)
            left -= length
            _ = unsafe evbuffer_drain(input, length)
        }
        announcePending()
    }

    /// Feeds bytes to the framing and acts on what it finds.
    func consume(_ bytes: Span<UInt8>) {
        var offset = 0
        while true {
            switch phase {
            case .closed: return
            case .refused, .lingering:
                if discardedTooMuch(bytes.count - offset) { server.loop.deferred { [self] in free() } }
                return
            case .idle, .head, .announced, .request: break
            }
            let rest = bytes.extracting(offset..<bytes.count)
            let (consumed, event) = framing.feed(rest)
            offset += consumed
            switch event {
            case .needMore:
                if phase == .idle, framing.phase == .head { headBegan() }
                return
            case .head(let head, let message): accept(head, message)
            case .body(let range):
                lastInput = server.loop.recentNow
                request?.receive(rest.extracting(range))
            case .end:
                if !requestIsComplete { requestCompleted() }
                guard offset < bytes.count else { return }
                return hold(bytes.extracting(offset..<bytes.count))
            case .violation(let violation): return refuse(violation)
            }
        }
    }

    /// Keeps the beginning of the next request until this one is answered.
    ///
    /// The socket is read on in any case, as nothing else shows that the client leaves. Who sends more than is kept gets the
    /// answer under way and then the end: its further requests are dropped, and it too when they become too many.
    private func hold(_ bytes: Span<UInt8>) {
        if !willClose, pipelined.count &+ bytes.count <= server.configuration.maxPipelined {
            return pipelined.append(bytes)
        }
        // A connection that is about to close answers no more requests.
        willClose = true
        pipelined.removeAll()
        if discardedTooMuch(bytes.count) { peerLeft() }
    }

    private func accept(_ head: RequestHead, _ message: MessageFraming) {
        headAccepted()
        requestIsComplete = false
        willClose = !message.persists || server.isDraining
        let length = if case .length(let length) = message.body { length } else { 0 }
        request = ServerRequest(head, self, length: length, received: server.loop.now)
        awaitsContinue = message.expectsContinue
        isAnnouncing = true
        if !isInsideInput { announcePending() }
    }

    /// Gives evhttp the canonical head of the request that was accepted; it answers by calling `begin`.
    private func announcePending() {
        guard isAnnouncing, phase == .announced, let input = unsafe bufferevent_get_input(bufferevent) else { return }
        isAnnouncing = false
        let line: StaticString = willClose ? "GET / HTTP/1.1\r\nConnection: close\r\n\r\n" : "GET / HTTP/1.1\r\n\r\n"
        if isInsideInput {
            // Inside the socket's read the input accepts bytes, and evhttp's reading comes next.
            _ = unsafe evbuffer_add(input, line.utf8Start, line.utf8CodeUnitCount)
            return
        }
        isInsideInput = true
        _ = unsafe evbuffer_unfreeze(input, 0)
        _ = unsafe evbuffer_add(input, line.utf8Start, line.utf8CodeUnitCount)
        _ = unsafe evbuffer_freeze(input, 0)
        isInsideInput = false
        unsafe bufferevent_trigger(
            bufferevent, Int16(EV_READ), Int32(BEV_TRIG_IGNORE_WATERMARKS.rawValue | BEV_OPT_DEFER_CALLBACKS.rawValue))
    }
}
