// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// Writes content blocks one after the other: at most one is open, and each is numbered by its place.
struct AnthropicBlocks: Sendable {
    enum Open: Equatable, Sendable {
        case none, thinking, text
        /// A call by its number; of a custom tool its text is the one member of an object.
        case call(Int, isCustom: Bool)
    }

    /// The block that is open.
    private(set) var open = Open.none
    /// How many blocks have begun.
    private(set) var count = 0
    /// The open call's arguments as far as they came.
    private var progress = JSONProgress()
    private var hasArguments = false
    /// The signature of the open thinking block, which is told when the block ends, since a later one replaces it.
    private var signature = ByteBuffer()
    /// What stands before the maker's bare text of a signature, so that it finds its way back.
    private let carrier: String
    private let callCarrier: String

    init(maker: String) {
        carrier = maker == Self.ownMaker ? "" : OpaqueSignature.carrierPrefix(maker: maker)
        callCarrier = OpaqueSignature.carrierPrefix(maker: maker + "-call")
    }

    /// Whose signatures are written as they are.
    static let ownMaker = "anthropic"

    /// Whether a call is open whose arguments go on.
    var isInsideCall: Bool {
        if case .call = open { !progress.isComplete } else { false }
    }

    mutating func appendText(_ text: Span<UInt8>, _ slice: Range<Int>, to buffer: inout ByteBuffer) {
        guard !slice.isEmpty else { return }
        if open != .text {
            begin(.text, to: &buffer)
            buffer.append(literal: "\"text\",\"text\":\"\"}}\n\n")
        }
        appendDelta("\"text_delta\",\"text\":\"", text, slice, to: &buffer)
    }

    mutating func appendThinking(_ text: Span<UInt8>, _ slice: Range<Int>, to buffer: inout ByteBuffer) {
        guard !slice.isEmpty else { return }
        // A block that was signed is whole.
        if open != .thinking || !signature.isEmpty { beginThinking(to: &buffer) }
        appendDelta("\"thinking_delta\",\"thinking\":\"", text, slice, to: &buffer)
    }

    /// Signs the open thinking block, or an empty one when none is open.
    mutating func sign(_ text: Span<UInt8>, _ slice: Range<Int>, to buffer: inout ByteBuffer) {
        guard !slice.isEmpty else { return }
        if open != .thinking { beginThinking(to: &buffer) }
        signature.removeAll()
        signature.append(carrier)
        signature.append(text, slice)
    }

    mutating func appendRedacted(_ text: Span<UInt8>, _ slice: Range<Int>, to buffer: inout ByteBuffer) {
        appendRedacted(carrier, text, slice, to: &buffer)
    }

    /// Appends the signature of the call that comes next, for which its block has no place.
    mutating func appendCallSignature(_ text: Span<UInt8>, to buffer: inout ByteBuffer) {
        appendRedacted(callCarrier, text, 0..<text.count, to: &buffer)
    }

    /// Begins a call; the name is escaped, the id plain. `isCut` is said of the block before.
    mutating func beginCall(
        _ number: Int, isCustom: Bool, id: String, name: Span<UInt8>, isCut: Bool = false,
        to buffer: inout ByteBuffer
    ) {
        close(isCut: isCut, to: &buffer)
        begin(.call(number, isCustom: isCustom), to: &buffer)
        progress = JSONProgress()
        hasArguments = false
        buffer.append(literal: "\"tool_use\",\"id\":\"")
        buffer.append(id)
        buffer.append(literal: "\",\"name\":\"")
        buffer.append(name)
        buffer.append(literal: "\",\"input\":{}}}\n\n")
    }

    /// Appends a piece of the open call's arguments.
    mutating func appendArguments(_ text: Span<UInt8>, _ slice: Range<Int>, to buffer: inout ByteBuffer) {
        guard !slice.isEmpty, case .call(_, let isCustom) = open else { return }
        guard isCustom else {
            hasArguments = true
            progress.take(text, slice)
            appendDelta("\"input_json_delta\",\"partial_json\":\"", text, slice, to: &buffer)
            return
        }
        beginDelta("\"input_json_delta\",\"partial_json\":\"", to: &buffer)
        if !hasArguments { buffer.append(literal: "{\\\"input\\\":\\\"") }
        hasArguments = true
        // The text is the inside of a string already, and becomes that of a string inside of one.
        buffer.appendEscaped(text.extracting(slice))
        buffer.append(literal: "\"}}\n\n")
    }

    /// Appends a source for the text of the open block; anywhere else there is no place for it.
    mutating func appendCitation(
        url: Span<UInt8>, title: Span<UInt8>, to buffer: inout ByteBuffer
    ) {
        guard open == .text else { return }
        beginDelta("\"citations_delta\",\"citation\":{", to: &buffer)
        AnthropicCitation.appendMembers(url: url, title: title, to: &buffer)
        buffer.append(literal: "}}}\n\n")
    }

    /// Ends the block that is open; when the answer `isCut`, a call in it keeps what it lacks.
    mutating func close(isCut: Bool = false, to buffer: inout ByteBuffer) {
        switch open {
        case .none:
            return
        case .thinking where !signature.isEmpty:
            beginDelta("\"signature_delta\",\"signature\":\"", to: &buffer)
            buffer.append(signature.bytes)
            buffer.append(literal: "\"}}\n\n")
            signature.removeAll(keepingAtMost: 1 << 16)
        case .call(_, let isCustom) where !isCut && (isCustom || !hasArguments):
            beginDelta("\"input_json_delta\",\"partial_json\":\"", to: &buffer)
            let end: StaticString = !isCustom ? "{}" : hasArguments ? "\\\"}" : "{\\\"input\\\":\\\"\\\"}"
            buffer.append(literal: end)
            buffer.append(literal: "\"}}\n\n")
        case .thinking, .text, .call:
            break
        }
        open = .none
        buffer.append(literal: "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":")
        buffer.append(decimal: count &- 1)
        buffer.append(literal: "}\n\n")
    }

    private mutating func beginThinking(to buffer: inout ByteBuffer) {
        begin(.thinking, to: &buffer)
        buffer.append(literal: "\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n")
    }

    private mutating func appendRedacted(
        _ prefix: String, _ text: Span<UInt8>, _ slice: Range<Int>, to buffer: inout ByteBuffer
    ) {
        begin(.none, to: &buffer)
        buffer.append(literal: "\"redacted_thinking\",\"data\":\"")
        buffer.append(prefix)
        buffer.append(text, slice)
        buffer.append(literal: "\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":")
        buffer.append(decimal: count &- 1)
        buffer.append(literal: "}\n\n")
    }

    /// Ends the block before and appends the next one's event up to its type.
    private mutating func begin(_ next: Open, to buffer: inout ByteBuffer) {
        close(to: &buffer)
        open = next
        buffer.append(literal: "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":")
        buffer.append(decimal: count)
        buffer.append(literal: ",\"content_block\":{\"type\":")
        count &+= 1
    }

    private func beginDelta(_ opening: StaticString, to buffer: inout ByteBuffer) {
        buffer.append(literal: "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":")
        buffer.append(decimal: count &- 1)
        buffer.append(literal: ",\"delta\":{\"type\":")
        buffer.append(literal: opening)
    }

    private func appendDelta(
        _ opening: StaticString, _ text: Span<UInt8>, _ slice: Range<Int>, to buffer: inout ByteBuffer
    ) {
        beginDelta(opening, to: &buffer)
        buffer.append(text, slice)
        buffer.append(literal: "\"}}\n\n")
    }
}
