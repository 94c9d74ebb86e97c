// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibevent
internal import Glibc
internal import Reactor

// A body that its owner takes piece by piece: its pace and its deadlines.
extension Connection {
    /// How often a client whose body is not being read is looked at: nothing else shows that it has left.
    private static let lookInterval: UInt64 = 100_000_000

    /// From here on the deadline is between two pieces: a long body may take as long as it keeps coming.
    func streamingBegan() {
        lastInput = server.loop.now
        timer?.schedule(after: server.configuration.bodyTimeout)
    }

    /// Leaves what the client sends in the kernel, which tells the client to wait.
    func pauseInput() {
        guard phase == .request, !requestIsComplete, !isInputPaused else { return }
        isInputPaused = true
        _ = unsafe bufferevent_disable(bufferevent, Int16(EV_READ))
        timer?.schedule(after: Connection.lookInterval)
    }

    func resumeInput() {
        guard isInputPaused else { return }
        isInputPaused = false
        guard phase == .request else { return }
        _ = unsafe bufferevent_enable(bufferevent, Int16(EV_READ))
        if !requestIsComplete { streamingBegan() }
    }

    /// The timer has fired in mid-body: whether there is time left, or it was not the client's to use.
    func mayGoOn() -> Bool {
        if isInputPaused {
            if peerIsGone { peerLeft() } else { timer?.schedule(after: Connection.lookInterval) }
            return true
        }
        guard request?.isStreaming == true else { return false }
        let due = lastInput &+ server.configuration.bodyTimeout
        guard server.loop.now < due else { return false }
        timer?.schedule(at: due)
        return true
    }

    /// Resets the connection: the client gets an error instead of an orderly end.
    ///
    /// SO_LINGER would come too late, as evhttp shuts the socket down before it closes it.
    func reset() {
        var nowhere = sockaddr()
        nowhere.sa_family = sa_family_t(AF_UNSPEC)
        _ = unsafe connect(descriptor, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
    }

    /// Whether the client's end or reset has come, perhaps behind bytes that were not read.
    private var peerIsGone: Bool {
        // POLLRDHUP, which Swift's Glibc leaves out.
        let readEnd: Int16 = 0x2000
        var look = pollfd(fd: descriptor, events: readEnd, revents: 0)
        guard unsafe poll(&look, 1, 0) > 0 else { return false }
        return look.revents & (readEnd | Int16(POLLHUP | POLLERR)) != 0
    }
}
