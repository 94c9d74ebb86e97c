// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
package import HTTPClient
internal import HTTPSemantics
internal import Providers
internal import Reactor
internal import Telemetry

/// One request that is handed on: its body from client to upstream, and the answer back, each at the pace of who takes it.
package final class ProxyExchange {
    enum Phase {
        /// Upstream's head has not come.
        case waiting
        /// The client has the head.
        case answering
        case over
    }

    let service: ProxyService
    /// What the record says of the request.
    let request: ProxyRequest
    /// Its own identifier, by which it can be looked at and ended.
    let streamID = Identifier.make("stream")
    private(set) var phase = Phase.waiting
    private var sink: (any ProxySink)?
    private(set) var transfer: (any ForwardingTransfer)?
    private(set) var isPaused = false
    /// How often upstream had to wait for the client.
    private(set) var pauses = 0
    private var isUploadPaused = false
    /// The beginning of the request's body, for the record, and how long it was.
    private(set) var requestBody: [UInt8] = []
    private(set) var requestBytes = 0
    /// The model that the request asks for.
    private(set) var asked: AskedModel
    private(set) var capture = ProxyCapture(contentType: nil, contentEncoding: nil, limit: 0)
    /// The status that the client got, or would have got.
    private(set) var status = 0
    /// The credentials that upstream was shown.
    private(set) lazy var shownSecrets = request.shownSecrets
    /// The header fields of the answer, as they came.
    private(set) var answerFields = HTTPFields()
    /// When the first piece of the answer's body came, on the loop's clock.
    private(set) var firstChunk: UInt64?
    /// What went wrong, for the operator.
    private(set) var error: String?
    /// What keeps the answer, where answers are kept.
    private var spooled: SpooledAnswer?

    init(_ request: ProxyRequest, _ sink: any ProxySink, _ service: ProxyService) {
        self.request = request
        asked = AskedModel(target: request.path, fields: request.lines)
        self.sink = sink
        self.service = service
    }

    func start() {
        spooled = service.relay.spool?.begin(
            SpoolOrigin(
                requestID: request.id, streamID: streamID, attempt: 1, door: request.door, keyID: request.caller.keyID,
                provider: request.target.name, model: "", dialects: nil, secrets: shownSecrets))
        transfer = request.target.open(
            method: request.method, target: request.path, lines: request.lines, framing: request.framing, self)
    }

    // MARK: What the client does

    /// A piece of the request's body.
    package func upload(_ piece: Span<UInt8>) {
        guard let transfer else { return }
        transfer.send(piece)
        asked.read(piece)
        requestBytes &+= piece.count
        // What does not follow on what is kept is no beginning.
        let isWhole = requestBytes &- piece.count == requestBody.count
        let free = service.relay.policy.requestLimit &- requestBody.count
        let room = isWhole ? service.relay.keep(max(0, min(piece.count, free))) : 0
        if room > 0 { for index in 0..<room { requestBody.append(piece[index]) } }
        guard !isUploadPaused, transfer.unsentBytes >= service.watermark else { return }
        isUploadPaused = true
        sink?.pauseUpload()
    }

    /// The request's body is complete.
    package func uploadEnded() { transfer?.finishSending() }

    /// The client has left: upstream is let go of at once.
    package func clientLeft() {
        sink = nil
        end(.clientDisconnected)
    }

    /// The request turned out to break the rules in its body, and the client was told so, or cut off.
    package func refused(status: Int, _ reason: String) {
        sink = nil
        self.status = status
        error = reason
        end(.refused)
    }

    /// The client has taken what was buffered.
    package func drained() {
        guard isPaused else { return }
        isPaused = false
        transfer?.resume()
    }

    /// An operator, or the end of the process, ends it; a client that has had nothing yet is told `reason`.
    func cancel(_ reason: ChatFailure) { fail(reason, .cancelled) }

    // MARK: Ending

    private func fail(_ failure: ChatFailure, _ outcome: Outcome) {
        guard phase != .over else { return }
        error = failure.message
        if phase == .waiting {
            status = failure.status
            sink?.refuse(failure)
        } else {
            sink?.abort()
        }
        end(outcome)
    }

    /// The one end of every exchange: upstream is let go of, the record is made.
    private func end(_ outcome: Outcome) {
        guard phase != .over else { return }
        phase = .over
        spooled?.finish(.cancelled)
        transfer?.cancel()
        transfer = nil
        sink = nil
        capture.finish()
        let record = record(outcome)
        let service = service
        service.loop.deferred { service.finished(self, record) }
    }
}

// What upstream does.
extension ProxyExchange: ForwardingReceiver {
    package func receive(_ head: TransferHead) {
        guard phase == .waiting else { return }
        guard (200...599).contains(head.status), let told = head.lines.bodyFraming else {
            return fail(UpstreamFailure(.invalid, provider: request.target.name).failure, .upstreamError)
        }
        phase = .answering
        spooled?.receive(head)
        status = head.status
        answerFields = head.lines
        // Which pages may read an answer is the gateway's to say, not upstream's.
        var fields = head.lines.endToEnd.keeping { !$0.hasPrefix("access-control-") }
        let hasNoBody = request.method == "HEAD" || head.status == 304 || head.status == 204
        // It tells what the body would be, where there is none (RFC 9110, section 8.6).
        if hasNoBody, head.status != 204, case .length(let length) = told { fields.append("Content-Length", String(length)) }
        // Without a length it goes on to the end of the connection.
        let framing: BodyFraming = hasNoBody ? .none : told == .none ? .unknown : told
        capture = ProxyCapture(
            contentType: head.lines["content-type"], contentEncoding: head.lines["content-encoding"],
            limit: service.relay.policy.captureLimit)
        sink?.begin(ResponseHead(status: head.status, fields: fields, reason: head.reason), framing)
    }

    package func receive(_ chunk: Span<UInt8>) -> Verdict {
        guard phase == .answering, let sink else { return .abort }
        guard !sink.isSaturated else {
            if !isPaused { pauses &+= 1 }
            isPaused = true
            return .pause
        }
        if firstChunk == nil { firstChunk = service.loop.recentNow }
        sink.write(chunk)
        // The client comes first, then the record.
        spooled?.receive(chunk)
        capture.append(chunk)
        return .proceed
    }

    package func receivedBatch() { sink?.flush() }

    package func sentBytes(_ left: Int) {
        guard isUploadPaused, left <= service.watermark / 2 else { return }
        isUploadPaused = false
        sink?.resumeUpload()
    }

    package func finish(_ error: TransferError?) {
        transfer = nil
        if let error {
            let isTimeout = [.connectTimeout, .firstByteTimeout, .idleTimeout, .sendTimeout].contains(error)
            let failure = UpstreamFailure(error, provider: request.target.name).failure
            spooled?.finish(.failed(failure.code ?? "upstream_failed"))
            return fail(failure, isTimeout ? .upstreamTimeout : .upstreamError)
        }
        guard phase == .answering else { return }
        spooled?.finish(.complete)
        sink?.finish()
        end(status >= 400 ? .upstreamError : .completed)
    }
}

@available(*, unavailable)
extension ProxyExchange: Sendable {}
