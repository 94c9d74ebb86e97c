// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Why a request is refused before any handler sees it.
///
/// The raw value is a label for metrics: fixed text, never anything the client sent.
package enum FramingViolation: String, Error, Sendable, Equatable, CaseIterable {
    case requestLine = "request_line"
    case tls = "tls"
    case http2 = "http2"
    case method = "method"
    case connect = "connect"
    case target = "target"
    case targetTooLong = "target_too_long"
    case version = "version"
    case headTooLarge = "head_too_large"
    case tooManyFields = "too_many_fields"
    case lineEnd = "line_end"
    case fieldName = "field_name"
    case fieldValue = "field_value"
    case foldedField = "folded_field"
    case duplicateField = "duplicate_field"
    case host = "host"
    case contentLength = "content_length"
    case transferEncoding = "transfer_encoding"
    case transferCoding = "transfer_coding"
    case ambiguousLength = "ambiguous_length"
    case expectation = "expectation"
    case bodyTooLarge = "body_too_large"
    case chunkSize = "chunk_size"
    case chunkLineTooLong = "chunk_line_too_long"
    case chunkExtension = "chunk_extension"
    case chunkEnd = "chunk_end"
    case chunkOverhead = "chunk_overhead"
    case trailer = "trailer"
    case trailerTooLarge = "trailer_too_large"
    case truncated = "truncated"
    case timeout = "timeout"

    /// The status of the answer, after which the connection is closed.
    package var status: Int {
        switch self {
        case .timeout: 408
        case .bodyTooLarge: 413
        case .targetTooLong: 414
        case .expectation: 417
        case .headTooLarge, .tooManyFields, .trailerTooLarge: 431
        case .connect, .transferCoding: 501
        case .version, .http2: 505
        case .requestLine, .tls, .method, .target, .lineEnd, .fieldName, .fieldValue, .foldedField,
            .duplicateField, .host, .contentLength, .transferEncoding, .ambiguousLength, .chunkSize,
            .chunkLineTooLong, .chunkExtension, .chunkEnd, .chunkOverhead, .trailer, .truncated:
            400
        }
    }

    /// A sentence for the client, fixed text.
    package var message: String {
        switch self {
        case .requestLine: "The request line is malformed."
        case .tls: "This port speaks plain HTTP, not TLS."
        case .http2: "This port speaks HTTP/1.1, not HTTP/2."
        case .method: "The method is malformed."
        case .connect: "CONNECT is not supported."
        case .target: "The request target is malformed."
        case .targetTooLong: "The request target is too long."
        case .version: "Only HTTP/1.1 and HTTP/1.0 are supported."
        case .headTooLarge: "The request head is too large."
        case .tooManyFields: "The request has too many header fields."
        case .lineEnd: "A line does not end in CRLF."
        case .fieldName: "A header field name is malformed."
        case .fieldValue: "A header field value holds a control character."
        case .foldedField: "Folded header lines are not accepted."
        case .duplicateField: "A header field that may come once came twice."
        case .host: "The Host header is missing or malformed."
        case .contentLength: "The Content-Length header is malformed."
        case .transferEncoding: "The Transfer-Encoding header is malformed."
        case .transferCoding: "The only transfer coding supported is chunked."
        case .ambiguousLength: "The length of the body is ambiguous."
        case .expectation: "The expectation is not supported."
        case .bodyTooLarge: "The request body is too large."
        case .chunkSize: "A chunk size is malformed."
        case .chunkLineTooLong: "A chunk-size line is too long."
        case .chunkExtension: "A chunk extension is malformed."
        case .chunkEnd: "A chunk does not end where its size says."
        case .chunkOverhead: "The chunks are too small for what they carry."
        case .trailer: "The trailer section is malformed."
        case .trailerTooLarge: "The trailer section is too large."
        case .truncated: "The request ended before it was complete."
        case .timeout: "The request did not arrive in time."
        }
    }
}
