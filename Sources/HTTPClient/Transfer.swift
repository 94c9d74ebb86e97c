// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibevent
internal import Glibc
internal import Reactor

/// One exchange with an upstream on libcurl: an easy handle's life.
@safe
final class Transfer: UpstreamTransfer {
    let multi: MultiHandle
    let loop: EventLoop
    private var receiver: (any TransferReceiver)?
    private let handle: UnsafeMutableRawPointer
    var fieldList: UnsafeMutablePointer<curl_slist>?
    /// The body, our one copy; libcurl reads it in place.
    private var body: UnsafeMutableRawBufferPointer?
    let timeouts: TransferTimeouts
    private(set) var timer: LoopTimer?
    var head = TransferHead(status: 0)
    private var hasHead = false
    private var isPaused = false
    /// Whether the request is handed on for a client, and the answer's head with it.
    var isForwarding = false
    /// Whether the request has been made, and whether it may be made again.
    var hasAsked = false
    var mayRepeat = false
    /// The body that is sent while it comes in.
    var upload: Upload?
    /// The bytes of the head's lines that are kept as they came.
    var headBytes = 0
    /// Whether the receiver has all it needs and only the end of the body is waited for.
    private var isReleased = false
    private(set) var isOver = false
    /// The time of the last sign of life, on the loop's clock.
    var lastActivity: UInt64
    /// From when the answer's first byte is waited for.
    var asked: UInt64
    private var hasBody = false
    /// Why we ended it ourselves.
    var reason: TransferError?
    /// Whether libcurl has named the socket that this transfer waits on.
    var isWatched = false
    /// The socket found for it when libcurl had not named one.
    weak var claimed: PooledSocket?
    /// Whether the multi handle's list of transfers to flush holds this one.
    var isTouched = false

    init?(_ request: TransferRequest, _ receiver: any TransferReceiver, _ multi: MultiHandle, _ loop: EventLoop) {
        guard let handle = unsafe curl_easy_init() else { return nil }
        unsafe self.handle = handle
        self.multi = multi
        self.loop = loop
        self.receiver = receiver
        timeouts = request.timeouts
        asked = loop.now
        lastActivity = asked
        configure(request)
        let timer = LoopTimer(loop) { [unowned self] in self.checkSilence() }
        timer.schedule(at: lastActivity &+ timeouts.firstByte)
        self.timer = timer
    }

    deinit {
        unsafe curl_easy_cleanup(handle)
        unsafe curl_slist_free_all(fieldList)
        unsafe body?.deallocate()
    }

    /// Whether libcurl's letting go of the socket means that the answer has been read to its end.
    var leavesConnectionIdle: Bool { hasHead && !isPaused && !isSending }

    var easy: UnsafeMutableRawPointer { unsafe handle }

    /// The ports of its connection: ours, and the peer's.
    var ports: (own: Int, peer: Int) {
        unsafe (
            sluice_getinfo_long(handle, CURLINFO_LOCAL_PORT), sluice_getinfo_long(handle, CURLINFO_PRIMARY_PORT)
        )
    }

    // MARK: UpstreamTransfer

    var connectTime: UInt64? {
        // libcurl's figure stays 0 until name, TCP and TLS are done (CURLINFO_PRETRANSFER_TIME_T, in microseconds).
        let time = unsafe sluice_getinfo_size(handle, CURLINFO_PRETRANSFER_TIME_T)
        return time > 0 ? UInt64(time) &* 1000 : nil
    }

    func resume() {
        guard isPaused, !isOver else { return }
        loop.deferred { [self] in
            guard isPaused, !isOver else { return }
            isPaused = false
            lastActivity = loop.now
            multi.unpause(self)
        }
    }

    func cancel() {
        guard !isOver else { return }
        receiver = nil
        multi.end(self)
    }

    func release() {
        guard !isOver else { return }
        receiver = nil
        isReleased = true
        timer?.schedule(after: 1_000_000_000)
        resume()
    }

    // MARK: Called by the trampolines

    func receivedHeader(_ line: Span<UInt8>) -> Bool {
        guard !isOver else { return false }
        lastActivity = loop.recentNow
        if line.count >= 9, line[0] == 0x48, line[1] == 0x54, line[4] == 0x2F {  // "HT", "/": a status line
            head = TransferHead(status: unsafe sluice_getinfo_long(handle, CURLINFO_RESPONSE_CODE))
            if isForwarding { keepReason(line) }
        } else if line.count <= 2 {
            // Interim heads (1xx) are passed over; trailers come after the head and are not fields of it.
            guard head.status >= 200, !hasHead else { return true }
            hasHead = true
            // A head is worth a flush of its own: the body may be long in coming.
            if isForwarding { multi.touch(self) }
            receiver?.receive(head)
        } else if isForwarding {
            return hasHead || keep(line)
        } else if !hasHead, head.fields.count < 64, let field = HeaderLine.parse(line) {
            head.fields.append(field)
        }
        return true
    }

    func received(_ chunk: Span<UInt8>) -> Verdict {
        guard let receiver, !isOver else { return isReleased && !isOver ? .proceed : .abort }
        lastActivity = loop.recentNow
        if !hasBody {
            hasBody = true
            // From here on it is the silence that counts, and its limit may be the shorter one.
            timer?.schedule(at: lastActivity &+ timeouts.idle)
        }
        multi.touch(self)
        let verdict = receiver.receive(chunk)
        if isOver { return .abort }
        // It had its last event and let go: what is left of the body passes, so that the connection can be used again.
        if isReleased { return .proceed }
        if case .pause = verdict {
            isPaused = true
            if !isWatched { multi.claimSocket(of: self) }
        }
        return verdict
    }

    // MARK: Called by the multi handle

    func flush() {
        isTouched = false
        if !isOver { receiver?.receivedBatch() }
    }

    func unpause() {
        // The directions are set together: one that goes on leaves the other as it is.
        let receiving = isPaused ? CURLPAUSE_RECV : CURLPAUSE_RECV_CONT
        let sending = upload?.isPaused == true ? CURLPAUSE_SEND : CURLPAUSE_SEND_CONT
        _ = unsafe curl_easy_pause(handle, receiving | sending)
    }

    /// The handle has left the multi handle; nothing may call the receiver after this but `finish` itself.
    func ended() {
        isOver = true
        timer = nil
    }

    func finish(_ code: CURLcode) {
        let error = reason ?? outcome(of: code)
        let receiver = self.receiver
        self.receiver = nil
        receiver?.finish(error)
    }

    // MARK: Private

    /// One timer serves the first byte and every silence after it: it fires seldom, looks at the time of the last
    /// sign of life, and goes to sleep again for the rest.
    private func checkSilence() {
        guard !isOver, let timer else { return }
        if isReleased { return multi.end(self) }
        let limit = hasBody || isSending ? timeouts.idle : timeouts.firstByte
        let now = loop.now
        // Silence that our side's client is the reason of is not upstream's.
        if isPaused || upload?.isPaused == true { lastActivity = now }
        // The first byte is counted from the request, so that dripping headers do not extend it.
        let since = hasBody || isPaused || isSending ? lastActivity : asked
        guard now >= since &+ limit else { return timer.schedule(at: since &+ limit) }
        reason = hasBody ? .idleTimeout : isSending ? .sendTimeout : .firstByteTimeout
        multi.end(self)
        finish(CURLE_OPERATION_TIMEDOUT)
    }

    private func outcome(of code: CURLcode) -> TransferError? {
        switch code {
        case CURLE_OK: return hasHead ? nil : .invalid
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: return .unresolved
        case CURLE_COULDNT_CONNECT: return .unreachable
        case CURLE_OPERATION_TIMEDOUT: return .connectTimeout
        // The last two: a connection from the pool was closed, and the request may not be made again.
        case CURLE_GOT_NOTHING, CURLE_SEND_FAIL_REWIND, CURLE_ABORTED_BY_CALLBACK: return .closed
        case CURLE_RECV_ERROR, CURLE_SEND_ERROR: return hasHead ? .truncated : .closed
        case CURLE_PARTIAL_FILE: return .truncated
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING:
            return .invalid
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS:
            return .insecure(unsafe String(cString: curl_easy_strerror(code)))
        default: return .failed(Int(code.rawValue))
        }
    }

    private func configure(_ request: TransferRequest) {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe set(CURLOPT_PRIVATE, context)
        unsafe multi.configureSockets(of: handle)
        _ = unsafe sluice_setopt_string(handle, CURLOPT_URL, request.url)
        // What a bad URL or a bad server could abuse is off: other protocols, redirects, proxies from the
        // environment, HTTP/0.9. A signal handler has no place in a library.
        _ = unsafe sluice_setopt_string(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        _ = unsafe sluice_setopt_string(handle, CURLOPT_PROXY, "")
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        // Without it, removing a handle waits for a name lookup that hangs.
        set(CURLOPT_QUICK_EXIT, 1)
        set(CURLOPT_CONNECTTIMEOUT_MS, max(1, Int(clamping: timeouts.connect / 1_000_000)))
        set(CURLOPT_MAXAGE_CONN, 90)
        set(CURLOPT_TCP_KEEPALIVE, 1)
        set(CURLOPT_UPLOAD_BUFFERSIZE, 16384)
        // One file of authorities: libcurl caches it; with the directory of the default it reads all of it again
        // for each connection, 40 ms on the loop.
        _ = unsafe sluice_setopt_pointer(handle, CURLOPT_CAPATH, nil)
        _ = unsafe sluice_setopt_string(
            handle, CURLOPT_CAINFO, request.authorities ?? "/etc/ssl/certs/ca-certificates.crt")
        _ = unsafe sluice_setopt_data_callback(handle, CURLOPT_WRITEFUNCTION, onBody)
        unsafe set(CURLOPT_WRITEDATA, context)
        _ = unsafe sluice_setopt_data_callback(handle, CURLOPT_HEADERFUNCTION, onHeader)
        unsafe set(CURLOPT_HEADERDATA, context)
        for field in request.fields {
            unsafe fieldList = curl_slist_append(fieldList, "\(field.name): \(field.value)")
        }
        if let content = request.body {
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 1)
            unsafe copy.copyBytes(from: content)
            unsafe body = copy
            set(CURLOPT_POST, 1)
            _ = unsafe sluice_setopt_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(content.count))
            unsafe set(CURLOPT_POSTFIELDS, copy.baseAddress)
            // libcurl would ask "Expect: 100-continue" for a large body and wait a second for the answer.
            unsafe fieldList = curl_slist_append(fieldList, "Expect:")
        }
        _ = unsafe sluice_setopt_list(handle, CURLOPT_HTTPHEADER, fieldList)
    }

    func set(_ option: CURLoption, _ value: Int) {
        _ = unsafe sluice_setopt_long(handle, option, value)
    }

    func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) {
        _ = unsafe sluice_setopt_pointer(handle, option, value)
    }
}

@available(*, unavailable)
extension Transfer: Sendable {}
