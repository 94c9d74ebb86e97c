// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibevent
internal import HTTPSemantics
internal import Reactor

// A request that is handed on for a client: any method, a body that is still coming in, the whole of the answer's head.
extension Transfer: ForwardingTransfer {
    /// Whether upstream is to take bytes of the request's body.
    var isSending: Bool { upload.map { $0.isUnderWay && !$0.isSent } ?? false }

    // MARK: ForwardingTransfer

    var unsentBytes: Int { upload?.unsent ?? 0 }

    func send(_ piece: Span<UInt8>) {
        guard !isOver, let upload else { return }
        upload.append(piece)
        resumeSending()
    }

    func finishSending() {
        guard !isOver, let upload else { return }
        upload.end()
        resumeSending()
    }

    private func resumeSending() {
        guard let upload, upload.isPaused else { return }
        upload.isPaused = false
        lastActivity = loop.recentNow
        loop.deferred { [self] in
            if !isOver { multi.unpause(self) }
        }
    }

    // MARK: Called by the trampolines

    /// Gives libcurl bytes of the request's body; `nil` when there are none yet.
    func fill(_ room: UnsafeMutableRawBufferPointer) -> Int? {
        // Zero would be the orderly end, and make a body that was cut look whole.
        guard !isOver, let upload else { return Int(CURL_READFUNC_ABORT) }
        guard let given = unsafe upload.take(into: room) else {
            upload.isPaused = true
            return nil
        }
        lastActivity = loop.recentNow
        if upload.isSent {
            // From here on the answer is waited for.
            asked = lastActivity
            timer?.schedule(at: asked &+ min(timeouts.firstByte, timeouts.idle))
        }
        if given > 0 { upload.receiver?.sentBytes(upload.unsent) }
        return given
    }

    /// There is a connection. Whether the request may be made on it.
    ///
    /// libcurl makes it a second time when a connection from the pool ends without an answer. That is no proxy's to do where
    /// the method is not idempotent (RFC 9110, section 9.2.2), and cannot be done when a part of the body is gone.
    func mayAsk() -> Bool {
        defer { hasAsked = true }
        guard !hasAsked || mayRepeat && upload?.hasBegun != true else { return false }
        guard let upload else { return true }
        upload.isUnderWay = true
        lastActivity = loop.recentNow
        if !upload.isSent { timer?.schedule(at: lastActivity &+ timeouts.idle) }
        return true
    }

    /// Keeps what stands behind the code in a status line.
    func keepReason(_ line: Span<UInt8>) {
        headBytes = 0
        var index = 0
        for _ in 0..<2 {
            while index < line.count, line[index] != 0x20 { index += 1 }
            while index < line.count, line[index] == 0x20 { index += 1 }
        }
        var bytes: [UInt8] = []
        while index < line.count, line[index] >= 0x20 {
            bytes.append(line[index])
            index += 1
        }
        head.reason = String(decoding: bytes, as: UTF8.self)
    }

    /// Keeps a field line as it came; false when the head cannot be handed on: too long, folded, no field line.
    func keep(_ line: Span<UInt8>) -> Bool {
        headBytes += line.count + 64
        guard headBytes <= HeaderLine.mostBytes, let parts = HeaderLine.split(line) else {
            reason = .invalid
            return false
        }
        head.lines.append(name: line.extracting(parts.name), value: line.extracting(parts.value))
        return true
    }

    // MARK: Configuring

    /// Makes the request one that is handed on; before it is begun.
    func configure(_ forwarding: TransferRequest.Forwarding, _ receiver: any ForwardingReceiver) {
        isForwarding = true
        mayRepeat = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"].contains(forwarding.method)
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        _ = unsafe sluice_setopt_prereq_callback(easy, onRequest)
        unsafe set(CURLOPT_PREREQDATA, context)
        _ = unsafe sluice_setopt_string(easy, CURLOPT_REQUEST_TARGET, forwarding.target)
        _ = unsafe sluice_setopt_string(easy, CURLOPT_CUSTOMREQUEST, forwarding.method)
        // The lines go out as bytes, since a value need not be UTF-8. An empty one is marked by a semicolon.
        forwarding.lines.forEachLine { name, value in
            var line = Array(name)
            if value.isEmpty {
                line.append(UInt8(ascii: ";"))
            } else {
                line += [UInt8(ascii: ":"), UInt8(ascii: " ")] + value
            }
            append(line)
        }
        // What libcurl would say of itself.
        if forwarding.lines["accept"] == nil { append(Array("Accept:".utf8)) }
        if forwarding.framing == .none {
            if forwarding.method == "HEAD" { set(CURLOPT_NOBODY, 1) }
        } else {
            var length: Int?
            if case .length(let announced) = forwarding.framing { length = announced }
            upload = Upload(length: length, receiver)
            set(CURLOPT_UPLOAD, 1)
            _ = unsafe sluice_setopt_size(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(length ?? -1))
            _ = unsafe sluice_setopt_data_callback(easy, CURLOPT_READFUNCTION, onUpload)
            unsafe set(CURLOPT_READDATA, context)
            append(Array("Expect:".utf8))
        }
        _ = unsafe sluice_setopt_list(easy, CURLOPT_HTTPHEADER, fieldList)
    }

    private func append(_ line: [UInt8]) {
        unsafe (line + [0]).withUnsafeBytes { bytes in
            unsafe fieldList = curl_slist_append(fieldList, bytes.baseAddress?.assumingMemoryBound(to: CChar.self))
        }
    }
}
