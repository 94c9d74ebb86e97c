// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat

/// Writes `reasoning_details`, the form in which OpenRouter's clients send signed reasoning back.
struct OpenAIReasoningDetails: Sendable {
    /// What stands before each signature: nothing, or the mark of a carrier.
    private let prefix: ByteBuffer
    /// Whether the text of reasoning is told here too.
    ///
    /// A client that sends the details back sends no other text, and to those who sign a signature means nothing without it.
    let repeatsText: Bool

    init(maker: String) {
        var prefix = ByteBuffer()
        if maker != "openai" { prefix.append(OpaqueSignature.carrierPrefix(maker: maker)) }
        self.prefix = prefix
        repeatsText = ["anthropic", "antigravity", "gemini", "openai"].contains(maker)
    }

    /// Appends a member of a delta behind another, with a piece of a block's text.
    func appendText(_ slice: Range<Int>, index: Int, of data: Span<UInt8>, to buffer: inout ByteBuffer) {
        buffer.append(literal: ",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"")
        buffer.append(data, slice)
        appendEnd(index, to: &buffer)
    }

    /// Appends a member of a delta with the signature of a block.
    func appendSignature(_ slice: Range<Int>, index: Int, of data: Span<UInt8>, to buffer: inout ByteBuffer) {
        buffer.append(literal: "\"reasoning_details\":[{\"type\":\"reasoning.text\",\"signature\":\"")
        appendPayload(data, slice, to: &buffer)
        appendEnd(index, to: &buffer)
    }

    /// Appends a member of a delta with a block that only its maker can read.
    func appendSecret(_ slice: Range<Int>, index: Int, of data: Span<UInt8>, to buffer: inout ByteBuffer) {
        buffer.append(literal: "\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"")
        appendPayload(data, slice, to: &buffer)
        appendEnd(index, to: &buffer)
    }

    /// Appends the inside of a string that holds what the maker attached.
    func appendPayload(_ data: Span<UInt8>, _ slice: Range<Int>, to buffer: inout ByteBuffer) {
        buffer.append(prefix.bytes)
        buffer.append(data, slice)
    }

    /// Appends the inside of a string that holds what the maker attached, which was kept.
    func appendPayload(_ kept: ByteBuffer, to buffer: inout ByteBuffer) {
        appendPayload(kept.bytes, 0..<kept.count, to: &buffer)
    }

    private func appendEnd(_ index: Int, to buffer: inout ByteBuffer) {
        buffer.append(literal: "\",\"index\":")
        buffer.append(decimal: index)
        buffer.append(literal: "}]")
    }
}
