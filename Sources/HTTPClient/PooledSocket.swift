// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibevent
internal import Glibc
internal import Reactor

/// One of libcurl's sockets, from its first use until libcurl closes it; in use by a transfer or idle in the pool.
///
/// An idle one stays watched: whatever arrives on it, an answer that nobody asked for or the end, makes it unfit for
/// the next request, and libcurl 7.88 would take such bytes for the next answer. The event stays registered, which
/// also saves two epoll_ctl for each request.
final class PooledSocket {
    private let descriptor: Int32
    private let act: (Int32) -> Void
    private var watcher: SocketWatcher?
    private(set) var isIdle = false

    /// A socket whose readiness is told to `act` as libcurl's mask while a transfer uses it.
    init(_ loop: EventLoop, _ descriptor: Int32, _ act: @escaping (Int32) -> Void) {
        self.descriptor = descriptor
        self.act = act
        watcher = SocketWatcher(loop, descriptor: descriptor) { [unowned self] ready in self.ready(ready) }
    }

    /// Takes libcurl's word for what it waits for, and whether the connection goes back to the pool.
    func watch(_ what: Int32, isIdle: Bool) {
        self.isIdle = isIdle
        if isIdle { return watcher?.watch(.read) ?? () }
        switch what {
        case Int32(CURL_POLL_IN): watcher?.watch(.read)
        case Int32(CURL_POLL_OUT): watcher?.watch(.write)
        case Int32(CURL_POLL_INOUT): watcher?.watch([.read, .write])
        default: watcher?.watch([])
        }
    }

    /// Whether it is the connection between two ports.
    func connects(_ own: Int, _ peer: Int) -> Bool {
        unsafe port { address, length in unsafe getsockname(descriptor, address, length) } == own
            && port { address, length in unsafe getpeername(descriptor, address, length) } == peer
    }

    private func port(_ read: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32) -> Int? {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutableBytes(of: &address) { bytes in
            guard let base = unsafe bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                unsafe read(base, &length) == 0
            else { return nil }
            // It stands at the same place, in network order, for IPv4 and IPv6.
            return unsafe Int(bytes[2]) << 8 | Int(bytes[3])
        }
    }

    private func ready(_ ready: SocketWatcher.Interest) {
        guard !isIdle else { return spoil() }
        var mask: Int32 = 0
        if ready.contains(.read) { mask |= Int32(CURL_CSELECT_IN) }
        if ready.contains(.write) { mask |= Int32(CURL_CSELECT_OUT) }
        act(mask)
    }

    /// Makes the connection look closed to libcurl, which then makes a new one: shuts it, and takes what has come.
    ///
    /// In this order, since the kernel answers what comes after the shutdown with a reset: a peer that never stops sending
    /// cannot hold the loop, which takes 16 MiB at most, more than a receive buffer has.
    private func spoil() {
        _ = shutdown(descriptor, Int32(SHUT_RDWR))
        watcher?.watch([])
        var scrap = [UInt8](repeating: 0, count: 16 << 10)
        for _ in 0..<1024 where unsafe recv(descriptor, &scrap, scrap.count, Int32(MSG_DONTWAIT)) <= 0 { return }
    }
}

@available(*, unavailable)
extension PooledSocket: Sendable {}
