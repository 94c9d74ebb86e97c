// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CPostgres
internal import Glibc

/// What comes back for one thing that was sent.
enum PostgresReply {
    case rows(SQLRows)
    case failure(PostgresFailure)
    /// It was not looked at, because something before it failed.
    case skipped
    /// All before the synchronisation point is done: committed, or undone.
    case synced
}

/// One connection of libpq, without waiting. Each call that can fail tells whether the connection is still good.
@safe
final class PostgresConnection {
    /// What a connection being made waits for.
    enum Progress {
        case reading, writing, ready, failed
    }

    /// What there is to read.
    enum Next {
        /// Nothing yet.
        case waiting
        /// What was sent first has no more replies.
        case end
        case reply(PostgresReply)
    }

    /// The bytes of rows that one statement may give.
    private static let maxResult = 64 << 20
    private let handle: OpaquePointer

    /// Begins to connect; the address must need no lookup. `nil` without memory.
    init?(_ address: PostgresAddress) {
        var keywords = unsafe address.keywords.map { unsafe UnsafePointer(strdup($0.0)) }
        var values = unsafe address.keywords.map { unsafe UnsafePointer(strdup($0.1)) }
        unsafe keywords.append(nil)
        unsafe values.append(nil)
        let handle = unsafe PQconnectStartParams(keywords, values, 0)
        for index in unsafe keywords.indices {
            unsafe free(UnsafeMutablePointer(mutating: keywords[index]))
            unsafe free(UnsafeMutablePointer(mutating: values[index]))
        }
        guard let handle = unsafe handle else { return nil }
        unsafe self.handle = handle
        _ = unsafe PQsetNoticeReceiver(handle, ignoreNotice, nil)
        _ = unsafe PQsetnonblocking(handle, 1)
    }

    deinit { unsafe PQfinish(handle) }

    /// The descriptor to watch; it may be another one after each `poll`.
    var socket: Int32 { unsafe PQsocket(handle) }

    /// Whether connecting failed at once.
    var hasFailed: Bool { unsafe PQstatus(handle) == CONNECTION_BAD }

    /// What libpq says of the last failure, in one line.
    var problem: String {
        let text = unsafe PQerrorMessage(handle).map { unsafe String(cString: $0) } ?? ""
        return text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    /// Goes on connecting.
    func poll() -> Progress {
        switch unsafe PQconnectPoll(handle) {
        case PGRES_POLLING_READING: .reading
        case PGRES_POLLING_WRITING: .writing
        case PGRES_POLLING_OK: .ready
        default: .failed
        }
    }

    /// Sends statements without parameters, outside of the pipeline.
    func send(simple text: String) -> Bool { unsafe PQsendQuery(handle, text) == 1 }

    /// From here on, many things may be sent before the first reply.
    func enterPipeline() -> Bool { unsafe PQenterPipelineMode(handle) == 1 }

    /// Names a statement, to be sent by its name.
    func prepare(_ name: String, _ text: String, _ types: [UInt32]) -> Bool {
        unsafe PQsendPrepare(handle, name, text, Int32(types.count), types) == 1
    }

    /// Sends a statement with parameters: by the name under which it was prepared, or by its text. Its rows come in binary.
    func send(name: String?, text: String, _ parameters: PostgresParameters) -> Bool {
        let count = Int32(parameters.ranges.count)
        let lengths = parameters.ranges.map { Int32(clamping: $0?.count ?? 0) }
        let formats = [Int32](repeating: 1, count: parameters.ranges.count)
        let status = unsafe parameters.bytes.withUnsafeBytes { raw in
            let values = unsafe parameters.ranges.map { range in
                unsafe range.flatMap { unsafe raw.baseAddress?.advanced(by: $0.lowerBound).assumingMemoryBound(to: CChar.self) }
            }
            guard let name else {
                return unsafe PQsendQueryParams(handle, text, count, parameters.types, values, lengths, formats, 1)
            }
            return unsafe PQsendQueryPrepared(handle, name, count, values, lengths, formats, 1)
        }
        return status == 1
    }

    /// Marks the end of a transaction.
    func sync() -> Bool { unsafe PQpipelineSync(handle) == 1 }

    /// Asks for the replies to what was sent, without ending the transaction.
    func requestReplies() -> Bool { unsafe PQsendFlushRequest(handle) == 1 }

    /// Writes what the socket takes. `false` when some is left; `nil` when the connection is broken.
    func flush() -> Bool? {
        switch unsafe PQflush(handle) {
        case 0: true
        case 1: false
        default: nil
        }
    }

    /// Reads what the socket has.
    func consume() -> Bool { unsafe PQconsumeInput(handle) == 1 }

    /// Takes the next reply out.
    func next() -> Next {
        guard unsafe PQisBusy(handle) == 0 else { return .waiting }
        guard let result = unsafe PQgetResult(handle) else { return .end }
        defer { unsafe PQclear(result) }
        switch unsafe PQresultStatus(result) {
        case PGRES_TUPLES_OK:
            guard let rows = unsafe rows(result) else { return .reply(.failure(.tooLarge)) }
            return .reply(.rows(SQLRows(rows: rows, affected: unsafe affected(result))))
        case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: return .reply(.rows(SQLRows(affected: unsafe affected(result))))
        case PGRES_PIPELINE_SYNC: return .reply(.synced)
        case PGRES_PIPELINE_ABORTED: return .reply(.skipped)
        default:
            // PG_DIAG_SQLSTATE and PG_DIAG_MESSAGE_PRIMARY, which are characters in C.
            return .reply(
                .failure(PostgresFailure(code: unsafe field(result, "C"), message: unsafe field(result, "M"))))
        }
    }

    private func field(_ result: OpaquePointer, _ code: Unicode.Scalar) -> String {
        unsafe PQresultErrorField(result, Int32(code.value)).map { unsafe String(cString: $0) } ?? ""
    }

    /// What a SELECT gives is not counted: it changes nothing.
    private func affected(_ result: OpaquePointer) -> Int {
        let tag = unsafe PQcmdStatus(result).map { unsafe String(cString: $0) } ?? ""
        guard !tag.hasPrefix("SELECT") else { return 0 }
        return unsafe PQcmdTuples(result).flatMap { unsafe Int(String(cString: $0)) } ?? 0
    }

    /// The rows; `nil` when they are more than are taken in.
    private func rows(_ result: OpaquePointer) -> [[SQLValue]]? {
        let columns = unsafe PQnfields(result)
        let types = (0..<columns).map { unsafe PQftype(result, $0) }
        // Statements without parameters are answered in text.
        let areBinary = (0..<columns).map { unsafe PQfformat(result, $0) == 1 }
        var total = 0
        var rows: [[SQLValue]] = []
        for row in 0..<(unsafe PQntuples(result)) {
            let values: [SQLValue] = (0..<columns).map { column in
                total &+= 16
                guard unsafe PQgetisnull(result, row, column) == 0, let start = unsafe PQgetvalue(result, row, column) else {
                    return .null
                }
                let bytes = unsafe UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, column)))
                total &+= bytes.count
                guard total <= Self.maxResult else { return .null }
                if areBinary[Int(column)] { return unsafe PostgresType.value(binary: bytes, types[Int(column)]) }
                return PostgresType.value(unsafe String(decoding: bytes, as: UTF8.self), types[Int(column)])
            }
            guard total <= Self.maxResult else { return nil }
            rows.append(values)
        }
        return rows
    }
}

@available(*, unavailable)
extension PostgresConnection: Sendable {}
