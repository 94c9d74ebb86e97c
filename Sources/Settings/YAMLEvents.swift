// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import CYAML

/// What libyaml reports of a text, one event after the other.
@safe final class YAMLEvents {
    enum Event {
        case scalar(String, isPlain: Bool)
        case listStart, mapStart, end
        case streamStart, documentStart, documentEnd, streamEnd
        case alias
    }

    /// An event, the line from 1 on which it begins, and what of YAML it uses that settings may not.
    struct Located {
        let event: Event
        let line: Int
        let isMarked: Bool
    }

    struct Failure: Error {
        let line: Int
        let message: String
    }

    private let text: UnsafeMutableBufferPointer<UInt8>
    private let parser: UnsafeMutablePointer<yaml_parser_t>

    /// Begins to read a text, which must be UTF-8.
    init(_ bytes: [UInt8]) throws(Failure) {
        unsafe parser = .allocate(capacity: 1)
        unsafe text = .allocate(capacity: bytes.count)
        _ = unsafe text.initialize(from: bytes)
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            unsafe parser.initialize(to: yaml_parser_t())
            throw Failure(line: 1, message: "no memory to read it")
        }
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, text.baseAddress, text.count)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe text.deallocate()
    }

    /// The next event; not to be called again after the end of the stream or a failure.
    func next() throws(Failure) -> Located {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw unsafe failure(parser.pointee) }
        defer { unsafe yaml_event_delete(&event) }
        let line = unsafe Int(event.start_mark.line) + 1
        let data = unsafe event.data
        switch unsafe event.type {
        case YAML_STREAM_START_EVENT: return Located(event: .streamStart, line: line, isMarked: false)
        case YAML_DOCUMENT_START_EVENT: return Located(event: .documentStart, line: line, isMarked: false)
        case YAML_DOCUMENT_END_EVENT: return Located(event: .documentEnd, line: line, isMarked: false)
        case YAML_ALIAS_EVENT: return Located(event: .alias, line: line, isMarked: true)
        case YAML_SCALAR_EVENT:
            let scalar = unsafe data.scalar
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let text = unsafe String(decoding: bytes, as: UTF8.self)
            let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
            let isMarked = unsafe scalar.anchor != nil || scalar.tag != nil
            return Located(event: .scalar(text, isPlain: isPlain), line: line, isMarked: isMarked)
        case YAML_SEQUENCE_START_EVENT:
            let isMarked = unsafe data.sequence_start.anchor != nil || data.sequence_start.tag != nil
            return Located(event: .listStart, line: line, isMarked: isMarked)
        case YAML_MAPPING_START_EVENT:
            let isMarked = unsafe data.mapping_start.anchor != nil || data.mapping_start.tag != nil
            return Located(event: .mapStart, line: line, isMarked: isMarked)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
            return Located(event: .end, line: line, isMarked: false)
        default: return Located(event: .streamEnd, line: line, isMarked: false)
        }
    }

    private func failure(_ parser: yaml_parser_t) -> Failure {
        let problem = unsafe parser.problem.map { unsafe String(cString: $0) } ?? "it cannot be read"
        let context = unsafe parser.context.map { unsafe ", \(String(cString: $0))" } ?? ""
        let isReader = unsafe parser.error == YAML_READER_ERROR
        let line = unsafe Int((isReader ? parser.mark : parser.problem_mark).line) + 1
        return Failure(line: line, message: "not valid YAML: \(problem)\(context)")
    }
}
