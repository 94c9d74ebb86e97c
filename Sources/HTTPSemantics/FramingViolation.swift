// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Why a request is refused before any handler sees it.
///
/// The raw value is a label for metrics: fixed text, never anything the client sent.
package enum FramingViolation: String, Error, Sendable, Equatable, CaseIterable {
    /// The first line is no request line: garbage, HTTP/0.9, blanks out of place.
    case requestLine = "request_line"
    /// The first byte is that of a TLS record.
    case tls
    /// The HTTP/2 preface.
    case http2
    /// The method is no token, or absurdly long.
    case method = "method"
    /// CONNECT: this is no proxy.
    case connect = "connect"
    /// The target is not in origin form, or holds a byte that is not visible ASCII.
    case target = "target"
    /// The target is longer than `maxTarget`.
    case targetTooLong = "target_too_long"
    /// Neither HTTP/1.1 nor HTTP/1.0.
    case version = "version"
    /// The head is longer than `maxHead`.
    case headTooLarge = "head_too_large"
    /// There are more fields than `maxFields`.
    case tooManyFields = "too_many_fields"
    /// A bare line feed, or a carriage return without one.
    case lineEnd = "line_end"
    /// A field name is empty, no token, without a colon, or a look-alike of a framing field.
    case fieldName = "field_name"
    /// A field value holds a control byte.
    case fieldValue = "field_value"
    /// A line starts with a blank.
    case foldedField = "folded_field"
    /// A field that decides framing, routing or identity came twice.
    case duplicateField = "duplicate_field"
    /// Host is missing in HTTP/1.1, or is not a name with perhaps a port.
    case host = "host"
    /// Content-Length is not plain digits.
    case contentLength = "content_length"
    /// Transfer-Encoding names no coding.
    case transferEncoding = "transfer_encoding"
    /// Transfer-Encoding is anything but `chunked`.
    case transferCoding = "transfer_coding"
    /// Transfer-Encoding with Content-Length, or in HTTP/1.0.
    case ambiguousLength = "ambiguous_length"
    /// Expect is anything but `100-continue`.
    case expectation = "expectation"
    /// The body is longer than the limit.
    case bodyTooLarge = "body_too_large"
    /// A chunk size is not plain hexadecimal digits.
    case chunkSize = "chunk_size"
    /// A chunk-size line is longer than `maxChunkLine`.
    case chunkLineTooLong = "chunk_line_too_long"
    /// A chunk extension is empty or holds a blank or control byte.
    case chunkExtension = "chunk_extension"
    /// No CRLF stands where a chunk ends.
    case chunkEnd = "chunk_end"
    /// Chunk framing outweighs its content by `maxChunkOverhead`.
    case chunkOverhead = "chunk_overhead"
    /// The trailer section is malformed.
    case trailer = "trailer"
    /// The trailer section is longer than `maxTrailer`.
    case trailerTooLarge = "trailer_too_large"
    /// A deadline passed; for `RequestFraming.refuse(_:)`.
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
            .chunkLineTooLong, .chunkExtension, .chunkEnd, .chunkOverhead, .trailer:
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
        case .timeout: "The request did not arrive in time."
        }
    }
}
