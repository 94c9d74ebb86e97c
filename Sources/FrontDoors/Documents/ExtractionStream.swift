// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import HTTPSemantics
internal import HTTPServer
internal import JSON
internal import Reactor
internal import Services
internal import Storage

/// `GET /api/v1/documents/{id}/extract-stream`: an extraction as events, which begins one where there is none.
///
/// The run does not depend on the stream: a client that leaves stops nothing, and one that comes back sees how far it is.
final class ExtractionStream: RequestOwner {
    private let visit: DocumentVisit
    private let document: String
    private let model: String?
    private let schema: String?
    private let again: Bool
    private let reconnects: Bool
    private var heart: LoopTimer?
    private var isGone = false
    private var isFinished = false

    /// Begins to answer a request.
    static func begin(_ visit: DocumentVisit, _ document: String) {
        let stream = ExtractionStream(visit, document)
        visit.request.owner = stream
        stream.look()
    }

    private init(_ visit: DocumentVisit, _ document: String) {
        self.visit = visit
        self.document = document
        let head = visit.request.head
        model = head.queryParameter("model")
        schema = head.queryParameter("schema")
        again = ["true", "1"].contains(head.queryParameter("restart") ?? "")
        // What a browser's EventSource sends when it comes back by itself.
        reconnects = head.fields["last-event-id"] != nil
    }

    func receivedBody(_: [UInt8]) {}

    func clientLeft() {
        isGone = true
        end()
    }

    func drained() {}

    // MARK: Which run

    private func look() {
        visit.store.find(document, visit.owner) { [self] found in
            guard !isGone else { return }
            visit.answer(found) { decide($0) }
        }
    }

    private func decide(_ stored: StoredDocument) {
        let wanted: ResultSchema?
        let used: ResultSchema
        do throws(DocumentError) {
            if let schema { wanted = try ResultSchema.parse(schema) } else { wanted = nil }
            if let wanted { used = wanted } else { used = try ResultSchema.parse(stored.schema ?? ResultSchema.standard) }
        } catch {
            return visit.refuse(DocumentFailures.failure(of: error))
        }
        let step = ExtractionStep.next(
            for: stored, runningHere: visit.service.runningSchema(of: document), wanted: wanted?.text, again: again,
            reconnects: reconnects, now: wallClockMicroseconds())
        switch step {
        case .refuse: visit.refuse(DocumentFailures.otherSchema)
        case .start: start(used)
        case .join:
            open("running")
            if let progress = visit.service.join(document, self) { advanced(progress) }
        case .follow:
            open("running")
            visit.service.follow(document, visit.owner, self)
        case .tellFailure:
            open(stored.status.rawValue)
            failed(stored.status == .cancelled ? .cancelled : ExtractionFailure(stored: stored.error))
        case .tell:
            visit.store.result(of: document, visit.owner) { [self] result in
                guard !isGone else { return }
                visit.answer(result) { text in
                    guard let text else { return visit.refuse(DocumentFailures.noResult) }
                    open("done")
                    done(text)
                }
            }
        }
    }

    private func start(_ schema: ResultSchema) {
        guard let model = model ?? visit.service.policy.model else {
            return visit.refuse(BodyFields.wrong("model", "given, as the setting documents.model names none"))
        }
        do { try visit.gate.check(model: model, for: visit.caller) } catch { return visit.refuse(error) }
        guard visit.gate.relay.isRecorded else { return visit.refuse(ErrorReply.auditUnavailable) }
        guard !visit.service.isFull(for: visit.owner) else { return visit.refuse(DocumentFailures.busy) }
        open("starting")
        visit.service.start(
            ExtractionRequest(
                document: document, owner: visit.owner, model: model, schema: schema, id: visit.id, caller: visit.caller), self)
    }

    // MARK: The stream

    private func open(_ status: String) {
        var fields = HTTPFields()
        fields.append("X-Request-Id", visit.id)
        fields.append("Content-Type", "text/event-stream; charset=utf-8")
        fields.append("Cache-Control", "no-cache, no-transform")
        fields.append("X-Accel-Buffering", "no")
        fields.append("X-Content-Type-Options", "nosniff")
        visit.response.start(status: 200, fields: fields)
        // The identifier makes a browser say that it comes back, when it does.
        visit.response.write { $0.append("id: \(self.document)\n") }
        send("start") { json in
            json.object { json in
                json.member("status", status)
                json.member("id", document)
            }
        }
        let interval = visit.gate.relay.policy.heartbeatInterval
        guard interval > 0 else { return }
        let timer = LoopTimer(visit.gate.relay.loop) { [unowned self] in
            self.visit.response.write { $0.append(literal: ": still here\n\n") }
            self.visit.response.flush()
            self.heart?.schedule(after: interval)
        }
        timer.schedule(after: interval)
        heart = timer
    }

    /// Sends an event at once.
    private func send(_ event: StaticString, _ write: (inout JSONWriter) -> Void) {
        var data = ByteBuffer()
        data.appendJSON { write(&$0) }
        send(event, data)
    }

    private func send(_ event: StaticString, _ data: ByteBuffer) {
        guard !isGone, !isFinished else { return }
        visit.response.write { bytes in
            bytes.append(literal: "event: ")
            bytes.append(literal: event)
            bytes.append(literal: "\ndata: ")
            bytes.append(data.bytes)
            bytes.append(literal: "\n\n")
        }
        visit.response.flush()
    }

    private func end() {
        guard !isFinished else { return }
        isFinished = true
        heart = nil
        visit.service.leave(document, self)
        if !isGone { visit.response.finish() }
    }

    private static func write(_ progress: ExtractionProgress, _ json: inout JSONWriter) {
        json.member("percent", progress.percent)
        json.key("progress")
        json.value(.number("\(Double(progress.percent) / 100)"))
        json.member("stage", progress.stage.rawValue)
        json.member("message", progress.message)
        json.member("chunk", progress.chunksDone)
        json.member("chunks", progress.chunks)
    }
}

extension ExtractionStream: ExtractionWatcher {
    func advanced(_ progress: ExtractionProgress) {
        // A client that reads slowly misses steps rather than having them pile up; the next one says it all.
        guard !visit.response.isSaturated, progress.stage != .done else { return }
        send("progress") { json in json.object { json in ExtractionStream.write(progress, &json) } }
    }

    func ended(chunk index: Int, error: String?, _ progress: ExtractionProgress) {
        send("chunk") { json in
            json.object { json in
                json.member("index", index)
                json.member("status", literal: error == nil ? "done" : "failed")
                if let error { json.member("error", error) }
                json.member("done", progress.chunksDone)
                json.member("chunks", progress.chunks)
            }
        }
    }

    func done(_ result: String) {
        var head = ByteBuffer()
        head.appendJSON { json in
            json.object { json in
                json.member("status", literal: "done")
                json.member("id", document)
            }
        }
        send("done", DocumentReply.joined(head, result))
        end()
    }

    func failed(_ failure: ExtractionFailure) {
        send("error") { json in
            json.object { json in
                json.member("error", failure.message)
                json.member("code", failure.code)
            }
        }
        end()
    }
}

@available(*, unavailable)
extension ExtractionStream: Sendable {}
