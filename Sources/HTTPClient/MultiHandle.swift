// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibevent
package import Reactor

/// All upstream transfers of one event loop, on libcurl's multi interface.
@safe
package final class MultiHandle: UpstreamTransport, ForwardingTransport {
    private let loop: EventLoop
    private let multi: UnsafeMutableRawPointer
    private var sockets: [Int32: PooledSocket] = [:]
    private var timer: LoopTimer?
    private var kickIsPending = false
    private var active: [ObjectIdentifier: Transfer] = [:]
    /// Transfers that got bytes in the current batch, to be flushed at its end.
    private var touched: [Transfer] = []
    /// Above zero while libcurl may be calling us, when no function of the multi interface may be called.
    private var depth = 0
    private var connectionLimit = 0
    private let maxIdle: Int

    /// An empty set of transfers on `loop` that keeps up to `maxIdle` connections open for reuse.
    ///
    /// Throws `ReactorError.unavailable` when libcurl cannot start.
    package init(_ loop: EventLoop, maxIdle: Int = 100) throws(ReactorError) {
        guard curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK, let multi = unsafe curl_multi_init() else {
            throw .unavailable("libcurl")
        }
        self.loop = loop
        unsafe self.multi = multi
        self.maxIdle = maxIdle
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        _ = unsafe sluice_multi_setopt_socket_callback(multi, onSocket)
        _ = unsafe sluice_multi_setopt_pointer(multi, CURLMOPT_SOCKETDATA, context)
        _ = unsafe sluice_multi_setopt_timer_callback(multi, onTimer)
        _ = unsafe sluice_multi_setopt_pointer(multi, CURLMOPT_TIMERDATA, context)
        timer = LoopTimer(loop) { [unowned self] in self.act(CURL_SOCKET_TIMEOUT, 0) }
        limitConnections()
    }

    deinit {
        for transfer in active.values {
            _ = unsafe curl_multi_remove_handle(multi, transfer.easy)
            transfer.ended()
        }
        _ = unsafe curl_multi_cleanup(multi)
    }

    /// How many transfers are under way.
    package var activeCount: Int { active.count }

    package func start(_ request: TransferRequest, _ receiver: any TransferReceiver) -> any UpstreamTransfer {
        guard let transfer = Transfer(request, receiver, self, loop) else {
            return FailedTransfer(receiver, loop)
        }
        return begin(transfer)
    }

    package func forward(
        _ request: TransferRequest, _ receiver: any ForwardingReceiver
    ) -> any ForwardingTransfer {
        guard let transfer = Transfer(request, receiver, self, loop) else {
            return FailedTransfer(receiver, loop)
        }
        if let forwarding = request.forwarding { transfer.configure(forwarding, receiver) }
        return begin(transfer)
    }

    private func begin(_ transfer: Transfer) -> Transfer {
        active[ObjectIdentifier(transfer)] = transfer
        // From within a callback of libcurl a handle cannot be added: soon is soon enough.
        if depth > 0 {
            loop.deferred { [self] in add(transfer) }
        } else {
            add(transfer)
        }
        return transfer
    }

    // MARK: Called by transfers

    func touch(_ transfer: Transfer) {
        guard !transfer.isTouched else { return }
        transfer.isTouched = true
        touched.append(transfer)
    }

    func unpause(_ transfer: Transfer) {
        depth += 1
        transfer.unpause()
        depth -= 1
        settle()
    }

    /// Finds the socket of a transfer that paused before libcurl had to wait for anything.
    ///
    /// On a connection from the pool an answer that comes quickly is read in the same turn that sent the request, and when
    /// that turn ends paused, libcurl never says that the socket is in use: it would be taken for an idle one.
    func claimSocket(of transfer: Transfer) {
        let ports = transfer.ports
        guard let socket = sockets.values.first(where: { $0.isIdle && $0.connects(ports.own, ports.peer) }) else { return }
        socket.watch(Int32(CURL_POLL_REMOVE), isIdle: false)
        transfer.claimed = socket
    }

    /// Takes a transfer out at once, or, from within one of libcurl's callbacks, as soon as it has returned.
    func end(_ transfer: Transfer) {
        transfer.ended()
        if depth > 0 {
            loop.deferred { [self] in remove(transfer) }
        } else {
            remove(transfer)
            // Freeing the handle can wait until the other cancels of this turn are done.
            loop.deferred { withExtendedLifetime(transfer) {} }
        }
    }

    // MARK: Called by the trampolines

    func watch(_ socket: Int32, _ what: Int32, _ easy: UnsafeMutableRawPointer?) {
        let connection: PooledSocket
        if let known = sockets[socket] {
            connection = known
        } else {
            connection = PooledSocket(loop, socket) { [unowned self] mask in self.act(socket, mask) }
            sockets[socket] = connection
        }
        var isIdle = false
        if let context = unsafe easy.flatMap({ unsafe sluice_getinfo_private($0) }) {
            let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            transfer.isWatched = what != Int32(CURL_POLL_REMOVE)
            transfer.claimed = nil
            // A paused transfer lets go of its socket too, and so does one that is still connecting.
            isIdle = !transfer.isWatched && transfer.leavesConnectionIdle
        }
        connection.watch(what, isIdle: isIdle)
    }

    /// libcurl is about to close a socket.
    func forget(_ socket: Int32) {
        sockets[socket] = nil
    }

    /// What libcurl needs to be told of the sockets that it opens for a handle.
    func configureSockets(of easy: UnsafeMutableRawPointer) {
        _ = unsafe sluice_setopt_close_callback(easy, onClose)
        _ = unsafe sluice_setopt_pointer(
            easy, CURLOPT_CLOSESOCKETDATA, Unmanaged.passUnretained(self).toOpaque())
    }

    func setTimer(_ milliseconds: Int) {
        guard milliseconds != 0 else {
            // "At once" is the next thing that the loop does, without a timer.
            timer?.cancel()
            guard !kickIsPending else { return }
            kickIsPending = true
            return loop.deferred { [self] in
                kickIsPending = false
                act(CURL_SOCKET_TIMEOUT, 0)
            }
        }
        if milliseconds < 0 {
            timer?.cancel()
        } else {
            timer?.schedule(after: UInt64(milliseconds) &* 1_000_000)
        }
    }

    // MARK: Private

    private func add(_ transfer: Transfer) {
        guard !transfer.isOver else { return forget(transfer) }
        limitConnections()
        depth += 1
        let code = unsafe curl_multi_add_handle(multi, transfer.easy)
        depth -= 1
        if code != CURLM_OK {
            transfer.ended()
            forget(transfer)
            loop.deferred { transfer.finish(CURLE_FAILED_INIT) }
        }
    }

    private func remove(_ transfer: Transfer) {
        guard active[ObjectIdentifier(transfer)] != nil else { return }
        depth += 1
        _ = unsafe curl_multi_remove_handle(multi, transfer.easy)
        depth -= 1
        // libcurl said nothing of this socket: if it is still there, it is in the pool again.
        transfer.claimed?.watch(Int32(CURL_POLL_REMOVE), isIdle: true)
        forget(transfer)
    }

    private func forget(_ transfer: Transfer) {
        active[ObjectIdentifier(transfer)] = nil
    }

    private func act(_ socket: curl_socket_t, _ mask: Int32) {
        var running: Int32 = 0
        // One look at the clock serves all that this read brings.
        _ = loop.now
        depth += 1
        _ = unsafe curl_multi_socket_action(multi, socket, mask, &running)
        depth -= 1
        settle()
    }

    /// After libcurl has had its turn: report what ended, flush what got bytes.
    private func settle() {
        guard depth == 0 else { return }
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(multi, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE, let easy = unsafe message.pointee.easy_handle,
                let context = unsafe sluice_getinfo_private(easy)
            else { continue }
            let code = unsafe sluice_message_result(message)
            let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            guard !transfer.isOver else { continue }
            transfer.ended()
            remove(transfer)
            transfer.finish(code)
        }
        guard !touched.isEmpty else { return }
        var batch: [Transfer] = []
        swap(&batch, &touched)
        for transfer in batch { transfer.flush() }
        if touched.isEmpty {
            batch.removeAll(keepingCapacity: true)
            swap(&batch, &touched)
        }
    }

    /// libcurl's limit counts connections in use too: it follows their number, in steps.
    private func limitConnections() {
        let wanted = (active.count / 64 + 1) * 64 + maxIdle
        guard wanted != connectionLimit else { return }
        connectionLimit = wanted
        _ = unsafe sluice_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, wanted)
    }
}

@available(*, unavailable)
extension MultiHandle: Sendable {}

/// A transfer for which libcurl had no handle: it fails, soon.
private final class FailedTransfer: ForwardingTransfer {
    private var receiver: (any TransferReceiver)?

    init(_ receiver: any TransferReceiver, _ loop: EventLoop) {
        self.receiver = receiver
        loop.deferred { [self] in
            self.receiver?.finish(.failed(Int(CURLE_FAILED_INIT.rawValue)))
            self.receiver = nil
        }
    }

    func resume() {}
    func cancel() { receiver = nil }
    func release() { receiver = nil }
    func send(_: Span<UInt8>) {}
    func finishSending() {}
    var unsentBytes: Int { 0 }
}
