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

/// Sends rows at the client's pace: the next are read and written only when it has taken those before.
final class AuditStream: RequestOwner {
    /// How rows are told.
    enum Form {
        /// One page, as a JSON object.
        case list(after: PageCursor?, limit: Int, withTexts: Bool)
        /// All there are, a line each.
        case lines
    }

    /// Rows with texts that are read at once: each may have some of a mebibyte.
    private static let pageRows = 16
    /// Bytes after which other work of the loop has its turn.
    private static let turn = 128 << 10

    private let response: ResponseWriter
    private let id: String
    private let store: AuditStore
    private let gate: DoorGate
    private let filter: AuditFilter
    private let form: Form
    private var rows: ArraySlice<AuditRow> = []
    private var next: PageCursor?
    /// How many rows of a page are still to be read.
    private var missing = 0
    private var isFirst = true
    private var isWaiting = false
    private var isOver = false

    static func begin(
        _ request: ServerRequest, _ id: String, _ store: AuditStore, _ gate: DoorGate, _ filter: AuditFilter, _ form: Form
    ) {
        let stream = AuditStream(request.response, id, store, gate, filter, form)
        request.owner = stream
        if case .list(let place, let limit, _) = form {
            stream.missing = limit
            stream.read(after: place)
        } else {
            stream.read(after: nil)
        }
    }

    private init(
        _ response: ResponseWriter, _ id: String, _ store: AuditStore, _ gate: DoorGate, _ filter: AuditFilter, _ form: Form
    ) {
        self.response = response
        self.id = id
        self.store = store
        self.gate = gate
        self.filter = filter
        self.form = form
    }

    func receivedBody(_ body: [UInt8]) {}

    func clientLeft() {
        isOver = true
        rows = []
    }

    func drained() {
        guard isWaiting else { return }
        isWaiting = false
        gate.relay.loop.deferred { [self] in write() }
    }

    private func read(after place: PageCursor?) {
        let (limit, withTexts) =
            switch form {
            case .list(_, _, false): (missing, false)
            case .list: (min(missing, AuditStream.pageRows), true)
            case .lines: (AuditStream.pageRows, true)
            }
        store.page(filter, after: place, limit: limit, withTexts: withTexts) { [weak self] result in
            guard let self, !isOver else { return }
            switch result {
            case .success(let page):
                (rows, next) = (page.rows[...], page.next)
                // A list that ends here goes on by its cursor: with fewer rows than were asked for where they are long, or where a
                // search may look no further.
                missing = page.rows.count < limit ? 0 : missing - page.rows.count
                start()
                write()
            case .failure: fail()
            }
        }
    }

    private func fail() {
        // What has begun must not look whole.
        guard !response.hasStarted else { return response.abort() }
        ErrorReply.send(ErrorReply.storageUnavailable, .openAIChat, requestID: id, to: response)
    }

    private func start() {
        guard !response.hasStarted else { return }
        if case .lines = form {
            response.start(status: 200, fields: JSONReply.fields(id, type: "application/jsonl"))
        } else {
            response.start(status: 200, fields: JSONReply.fields(id))
            response.write { $0.append(literal: "{\"object\":\"list\",\"data\":[") }
        }
    }

    private func write() {
        var written = 0
        while !isOver, let row = rows.popFirst() {
            response.write { buffer in
                let before = buffer.count
                switch form {
                case .lines: AuditJSON.appendLine(row, into: &buffer)
                case .list(_, _, let withTexts):
                    if !isFirst { buffer.append(UInt8(ascii: ",")) }
                    buffer.appendJSON { json in AuditJSON.write(row, withTexts: withTexts, &json) }
                }
                written += buffer.count - before
            }
            isFirst = false
            if response.isSaturated {
                response.flush()
                // What the socket took at once is never reported as drained.
                if response.isSaturated {
                    isWaiting = true
                    return
                }
            }
            if written > AuditStream.turn { return gate.relay.loop.deferred { [self] in write() } }
        }
        guard !isOver else { return }
        if let next, isUnfinished {
            response.flush()
            guard !response.isSaturated else {
                isWaiting = true
                return
            }
            return read(after: next)
        }
        finish()
    }

    /// Whether what is behind the rows read so far belongs to the answer.
    private var isUnfinished: Bool { if case .lines = form { true } else { missing > 0 } }

    private func finish() {
        isOver = true
        if case .list = form {
            response.write { buffer in
                buffer.append(literal: "],\"next_cursor\":")
                if let next { buffer.appendJSONString(next.text) } else { buffer.append(literal: "null") }
                buffer.append(literal: "}")
            }
        }
        response.finish()
    }
}

@available(*, unavailable)
extension AuditStream: Sendable {}
