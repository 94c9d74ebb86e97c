// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
internal import JSON

/// The members of a request's body, and the places in it that change on the way to an upstream of the same dialect.
package struct RequestOutline: Sendable {
    /// A place in the body and what stands there instead.
    struct Edit: Sendable {
        let range: Range<Int>
        let text: ByteBuffer
    }

    /// The most JSON values of one body: as trees they take a hundred bytes each, where two in the body can be one.
    package static let valueLimit = 500_000

    /// The members in their order; no name occurs twice.
    private(set) var members: [JSONValue.Member] = []
    private var isObject = false
    private var model: Range<Int>?
    private var stream: Range<Int>?
    private var options: Range<Int>?
    /// Where the last member ends.
    private var end = 0
    /// What makes upstream report usage in a stream; `nil` when it does so anyway, or the client asked for it itself.
    private var usageEdit: Edit?
    private let hasStreamMember: Bool

    /// The outline of a request that has no body.
    package static let empty = RequestOutline()

    private init() { hasStreamMember = false }

    /// Reads a body, which must be a JSON object without names that occur twice.
    ///
    /// `hasStreamOptions` says that in this dialect usage has to be asked for (`stream_options.include_usage`),
    /// `hasStreamMember` that the body and not the address says whether a stream is wanted.
    init(
        _ body: Span<UInt8>, hasStreamOptions: Bool = false, hasStreamMember: Bool = true
    ) throws(DialectError) {
        self.hasStreamMember = hasStreamMember
        do {
            try read(body)
        } catch {
            throw Self.refusal(of: error)
        }
        guard isObject else {
            throw DialectError("The request body must be a JSON object.", code: "invalid_type")
        }
        try checkNames()
        if hasStreamOptions { usageEdit = findUsageEdit(body) }
    }

    /// Appends the body for an upstream of the same dialect: every byte as it came but a few values.
    ///
    /// The model is replaced, a stream is made to report usage, which the gateway counts, and `stream` says what is asked for
    /// rather than what the client wants.
    ///
    /// - Parameters:
    ///   - body: The bytes that this outline was made from.
    ///   - model: The model's name at the upstream.
    ///   - streams: Whether a stream is asked for.
    ///   - asksUsage: Whether the upstream can be made to report usage in a stream.
    package func writePassthrough(
        _ body: Span<UInt8>, model: String, streams: Bool, asksUsage: Bool = true, into buffer: inout ByteBuffer
    ) {
        var position = 0
        for edit in edits(model: model, streams: streams, asksUsage: asksUsage, of: body) {
            buffer.append(body, position..<edit.range.lowerBound)
            buffer.append(edit.text.bytes)
            position = edit.range.upperBound
        }
        buffer.append(body, position..<body.count)
    }

    /// What to change for an upstream, in the order of the body.
    private func edits(model name: String, streams: Bool, asksUsage: Bool, of body: Span<UInt8>) -> [Edit] {
        var edits: [Edit] = []
        if let model {
            var text = ByteBuffer()
            text.appendJSONString(name)
            edits.append(Edit(range: model, text: text))
        }
        if streams, asksUsage, let usageEdit { edits.append(usageEdit) }
        let forcesStream = model != nil && hasStreamMember
        if let stream {
            if body[stream.lowerBound] != UInt8(ascii: streams ? "t" : "f") {
                var text = ByteBuffer()
                text.append(literal: streams ? "true" : "false")
                edits.append(Edit(range: stream, text: text))
            }
            // Options of a stream are refused where there is none.
            if !streams, let options { edits.append(Edit(range: options, text: .null)) }
        } else if streams, forcesStream {
            var text = ByteBuffer()
            text.append(literal: ",\"stream\":true")
            edits.append(Edit(range: end..<end, text: text))
        }
        return edits.sorted { $0.range.lowerBound < $1.range.lowerBound }
    }

    private mutating func read(_ body: Span<UInt8>) throws(JSONError) {
        var tokenizer = JSONTokenizer()
        let first = try tokenizer.next(in: body)
        isObject = first.kind == .beginObject
        guard isObject else {
            _ = try tokenizer.skip(first, in: body)
            _ = try tokenizer.next(in: body)
            return
        }
        var budget = RequestOutline.valueLimit
        while true {
            let key = try tokenizer.next(in: body)
            guard key.kind == .key else { break }
            let token = try tokenizer.next(in: body)
            let value = try JSONValue(token, reading: &tokenizer, in: body, budget: &budget)
            let isString = token.kind == .string
            end = tokenizer.position
            let range = token.range.lowerBound &- (isString ? 1 : 0)..<end
            if key.equals("model", in: body) { model = range }
            if key.equals("stream", in: body) { stream = range }
            if key.equals("stream_options", in: body) { options = range }
            members.append(JSONValue.Member(key.string(in: body), value))
        }
        _ = try tokenizer.next(in: body)
    }

    /// Two readers of the same body must not disagree on what it says.
    private func checkNames() throws(DialectError) {
        var names: Set<String> = []
        for member in members {
            guard names.insert(member.key).inserted else {
                throw DialectError(
                    "'\(member.key.prefix(64))' is given twice.", parameter: String(member.key.prefix(64)),
                    code: "duplicate_parameter")
            }
        }
    }

    private func findUsageEdit(_ body: Span<UInt8>) -> Edit? {
        func edit(_ range: Range<Int>, _ text: StaticString) -> Edit {
            var buffer = ByteBuffer()
            buffer.append(literal: text)
            return Edit(range: range, text: buffer)
        }
        guard let options else { return edit(end..<end, ",\"stream_options\":{\"include_usage\":true}") }
        var tokenizer = JSONTokenizer()
        let value = body.extracting(options)
        guard let first = try? tokenizer.next(in: value), first.kind == .beginObject else {
            return edit(options, "{\"include_usage\":true}")
        }
        var isEmpty = true
        while let key = try? tokenizer.next(in: value), key.kind == .key {
            isEmpty = false
            guard let range = try? tokenizer.skipValue(in: value) else { break }
            guard key.equals("include_usage", in: value) else { continue }
            let isTrue = value[range.lowerBound] == UInt8(ascii: "t")
            let start = options.lowerBound
            return isTrue ? nil : edit(start &+ range.lowerBound..<start &+ range.upperBound, "true")
        }
        let place = options.lowerBound &+ 1
        return edit(place..<place, isEmpty ? "\"include_usage\":true" : "\"include_usage\":true,")
    }

    private static func refusal(of error: JSONError) -> DialectError {
        if error.reason == .tooMany {
            return DialectError(
                "The request body holds too many values: \(valueLimit) are taken.", code: "request_too_complex")
        }
        let reason =
            switch error.reason {
            case .unexpectedByte: "unexpected character"
            case .unexpectedEnd: "unexpected end"
            case .invalidNumber: "invalid number"
            case .invalidEscape: "invalid escape"
            case .controlCharacter: "unescaped control character"
            case .invalidUTF8: "invalid UTF-8"
            case .loneSurrogate: "half a surrogate pair"
            case .tooDeep: "nested too deeply"
            case .tooMany: "too many values"
            case .trailingBytes: "something after the end"
            }
        return DialectError(
            "The request body is not valid JSON: \(reason) at byte \(error.offset).", code: "invalid_json")
    }
}

extension ByteBuffer {
    /// The word `null`.
    fileprivate static var null: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.append(literal: "null")
        return buffer
    }
}
