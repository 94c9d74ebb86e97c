// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import CLibevent
internal import Glibc
internal import Reactor

// What goes to a client: staged, then written straight to the socket; the bufferevent takes only what the socket
// refuses. evhttp's own way would cost another turn of the loop and two epoll_ctl for each flush.
extension Connection {
    func stage(for writer: ResponseWriter, _ encode: (inout ByteBuffer) -> Void) {
        guard phase != .closed else { return }
        let stage = server.stage
        stage.append(for: self, writer, encode)
        // Staged bytes count as waiting, but only what the socket refuses is ever reported as drained: none may stay here
        // when they alone make the response look saturated.
        if stage.isFull || stage.count(for: self) >= highWatermark { flush(writer, ending: false) }
    }

    /// Sends head, staged body and end as one write.
    func flush(_ writer: ResponseWriter, ending: Bool) {
        guard phase != .closed, phase != .lingering else { return }
        let stage = server.stage
        let length = stage.count(for: self)
        stage.prefix.removeAll()
        writer.takeHead(into: &stage.prefix)
        var suffix: StaticString = ""
        if writer.isChunked {
            if length > 0 {
                stage.prefix.append(hexadecimal: length)
                stage.prefix.append("\r\n")
                suffix = ending ? "\r\n0\r\n\r\n" : "\r\n"
            } else if ending {
                suffix = "0\r\n\r\n"
            }
        }
        stage.withParts { prefix, payload in
            // Another connection's bytes may be waiting there.
            send(prefix, length > 0 ? payload : prefix.extracting(0..<0), suffix)
        }
        if length > 0 { stage.release() }
        if ending { finishWhenDrained() }
    }

    /// The buffered output has fallen to the low watermark or below.
    func outputDrained() {
        guard phase != .closed else { return }
        if isFinishing {
            if unsafe evbuffer_get_length(bufferevent_get_output(bufferevent)) == 0 { finishWhenDrained() }
        } else {
            request?.owner?.drained()
        }
    }

    /// Bytes of the server's own, such as an interim response, in front of any response.
    func sendInterim(_ text: StaticString) {
        let empty = ByteBuffer()
        send(empty.bytes, empty.bytes, text)
    }

    private func finishWhenDrained() {
        guard phase == .request || phase == .announced else { return }
        isFinishing = true
        guard unsafe evbuffer_get_length(bufferevent_get_output(bufferevent)) == 0 else { return }
        server.loop.deferred { [self] in responseSent() }
    }

    private func send(_ prefix: Span<UInt8>, _ payload: Span<UInt8>, _ suffix: StaticString) {
        unsafe prefix.withUnsafeBytes { prefix in
            unsafe payload.withUnsafeBytes { payload in
                let suffix = unsafe UnsafeRawBufferPointer(start: suffix.utf8Start, count: suffix.utf8CodeUnitCount)
                unsafe send(prefix, payload, suffix)
            }
        }
    }

    private func send(
        _ prefix: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer, _ suffix: UnsafeRawBufferPointer
    ) {
        guard let output = unsafe bufferevent_get_output(bufferevent) else { return }
        var sent = 0
        if unsafe evbuffer_get_length(output) == 0 {
            var parts: InlineArray<3, iovec> = unsafe [vector(prefix), vector(payload), vector(suffix)]
            var span = unsafe parts.mutableSpan
            sent = unsafe span.withUnsafeMutableBufferPointer { unsafe writev(descriptor, $0.baseAddress, 3) }
            if sent < 0 {
                // A dead peer is mostly seen by the reading side first; but that may be switched off.
                guard errno == EAGAIN || errno == EINTR else { return kill() }
                sent = 0
            }
        }
        guard sent < prefix.count + payload.count + suffix.count else { return }
        var skip = sent
        var isBuffering = false
        for unsafe part in unsafe [prefix, payload, suffix] {
            let skipped = min(skip, part.count)
            skip -= skipped
            let rest = unsafe UnsafeRawBufferPointer(rebasing: part[skipped...])
            guard unsafe !rest.isEmpty else { continue }
            _ = unsafe evbuffer_add(output, rest.baseAddress, rest.count)
            isBuffering = true
        }
        if isBuffering { startDraining() }
    }

    private func startDraining() {
        guard unsafe bufferevent_get_enabled(bufferevent) & Int16(EV_WRITE) == 0 else { return }
        var patience = timeval(tv_sec: Int(server.configuration.sendTimeout / 1_000_000_000), tv_usec: 0)
        if patience.tv_sec == 0 { patience.tv_sec = 1 }
        unsafe bufferevent_set_timeouts(bufferevent, nil, &patience)
        _ = unsafe bufferevent_enable(bufferevent, Int16(EV_WRITE))
    }

    private func vector(_ part: UnsafeRawBufferPointer) -> iovec {
        unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: part.baseAddress), iov_len: part.count)
    }
}
