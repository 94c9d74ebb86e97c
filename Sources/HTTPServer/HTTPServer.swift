// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibevent
internal import Glibc
internal import HTTPSemantics
package import Reactor
internal import Synchronization

/// Why a server could not listen.
package enum ServerError: Error, Equatable, Sendable {
    /// libevent refused a resource.
    case unavailable
    /// The address is not one of this machine's, or not an address.
    case badAddress(String)
    /// Binding failed; the text is the system's.
    case cannotListen(String)
}

/// An HTTP/1.1 server on evhttp, for one event loop.
@safe
package final class HTTPServer {
    package let configuration: ServerConfiguration
    package let loop: EventLoop
    /// Who answers; not retained.
    package weak var handler: (any RequestHandler)?
    let stage = OutputStage()
    private let http: OpaquePointer
    private var listener: OpaquePointer?
    /// evhttp's name for the listener, which it owns.
    private var boundSocket: OpaquePointer?
    private var connections: [UInt: Connection] = [:]
    private var isFull = false
    private var isHurt = false
    private var retry: LoopTimer?
    private var dateText = ""
    private var dateSecond = -1
    /// Whether connections are closed after the response under way.
    private(set) var isDraining = false

    /// A server that does not listen yet.
    ///
    /// Throws `ServerError.unavailable` when libevent refuses.
    package init(_ loop: EventLoop, _ configuration: ServerConfiguration) throws(ServerError) {
        guard let http = unsafe evhttp_new(loop.base) else { throw .unavailable }
        self.loop = loop
        self.configuration = configuration
        unsafe self.http = http
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe evhttp_set_bevcb(http, connectionWanted, context)
        unsafe evhttp_set_gencb(http, requestArrived, context)
        retry = LoopTimer(loop) { [unowned self] in
            self.isHurt = false
            self.acceptAgain()
        }
    }

    deinit {
        listeners.withLock { unsafe $0[UInt(bitPattern: listener)] = nil }
        unsafe evhttp_free(http)
    }

    /// Connections open now.
    package var connectionCount: Int { connections.count }

    /// Bytes of responses that clients have not taken yet.
    package var bufferedBytes: Int { connections.values.reduce(0) { $0 + $1.bufferedBytes } }

    /// Accepts connections on `host:port`; port 0 picks a free one. Returns the port.
    package func listen(host: String, port: Int, sharesPort: Bool = false) throws(ServerError) -> Int {
        let (descriptor, bound) = try ListeningSocket.open(host: host, port: port, sharesPort: sharesPort)
        guard
            let listener = unsafe evconnlistener_new(
                loop.base, nil, nil, UInt32(LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC), 0, descriptor)
        else {
            close(descriptor)
            throw .unavailable
        }
        guard let boundSocket = unsafe evhttp_bind_listener(http, listener) else {
            unsafe evconnlistener_free(listener)
            throw .unavailable
        }
        unsafe self.boundSocket = boundSocket
        unsafe evconnlistener_set_error_cb(listener, acceptError)
        unsafe self.listener = listener
        let address = unsafe UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque())
        listeners.withLock { $0[UInt(bitPattern: listener)] = address }
        return bound
    }

    /// Gives the port up, so that whoever connects is refused and a successor can listen, and closes each connection after
    /// its next response. Idle ones stay open for it until `closeIdle`.
    package func drain() {
        isDraining = true
        guard let listener = unsafe listener, let boundSocket = unsafe boundSocket else { return }
        listeners.withLock { $0[UInt(bitPattern: listener)] = nil }
        unsafe self.listener = nil
        unsafe self.boundSocket = nil
        unsafe evhttp_del_accept_socket(http, boundSocket)
    }

    /// Closes the connections that no request is coming in on.
    package func closeIdle() {
        for connection in connections.values where connection.phase == .idle { connection.kill() }
    }

    // MARK: Called by the trampolines

    func makeBufferevent() -> OpaquePointer? {
        guard let bufferevent = unsafe bufferevent_socket_new(loop.base, -1, 0) else { return nil }
        let connection = unsafe Connection(self, bufferevent)
        connections[UInt(bitPattern: bufferevent)] = connection
        _ = unsafe evbuffer_add_cb(
            bufferevent_get_input(bufferevent), inputArrived, Unmanaged.passUnretained(connection).toOpaque())
        handler?.connectionsChanged(by: 1)
        if connections.count >= configuration.maxConnections, let listener = unsafe listener {
            isFull = true
            _ = unsafe evconnlistener_disable(listener)
        }
        // evhttp makes its connection object after this returns; before the socket is read it is there.
        loop.deferred { connection.adopt() }
        return unsafe bufferevent
    }

    func requestAnnounced(_ request: OpaquePointer) {
        guard let evConnection = unsafe evhttp_request_get_connection(request),
            let bufferevent = unsafe evhttp_connection_get_bufferevent(evConnection),
            let connection = connections[UInt(bitPattern: bufferevent)]
        else { return }
        unsafe connection.begin(request)
    }

    /// Out of descriptors, most likely: accepting again at once would spin.
    func acceptFailed() {
        if let listener = unsafe listener { _ = unsafe evconnlistener_disable(listener) }
        isHurt = true
        handler?.refused("accept_failed")
        retry?.schedule(after: 100_000_000)
    }

    // MARK: Called by connections

    func forget(_ connection: Connection) {
        connections[unsafe UInt(bitPattern: connection.bufferevent)] = nil
        handler?.connectionsChanged(by: -1)
        isFull = connections.count >= configuration.maxConnections
        acceptAgain()
    }

    /// The Date header's value, made once a second.
    var date: String {
        let second = time(nil)
        if second != dateSecond {
            dateSecond = second
            dateText = HTTPDate.string(fromUnixTime: second)
        }
        return dateText
    }

    private func acceptAgain() {
        guard !isFull, !isHurt, !isDraining, let listener = unsafe listener else { return }
        _ = unsafe evconnlistener_enable(listener)
    }
}

@available(*, unavailable)
extension HTTPServer: Sendable {}
