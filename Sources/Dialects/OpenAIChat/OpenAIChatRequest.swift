// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
import JSON

/// A request of the chat completions door: what it means, and how to hand its bytes on.
package struct OpenAIChatRequest: Sendable {
    /// What the client asks.
    package let chat: ChatRequest
    private let outline: OpenAIRequestOutline

    /// Reads and checks a request's body.
    ///
    /// The JSON is strict (RFC 8259), no member may be given twice, and what is known must be of its type.
    /// Throws an error that names the member at fault.
    package init(decoding body: Span<UInt8>) throws(DialectError) {
        outline = try OpenAIRequestOutline(body)
        chat = try OpenAIRequestReader.read(outline.members)
    }

    /// Reads a request's body for what it means alone.
    package static func decode(_ body: Span<UInt8>) throws(DialectError) -> ChatRequest {
        try OpenAIChatRequest(decoding: body).chat
    }

    /// Appends the body for an upstream of the same dialect: every byte as it came but two values.
    ///
    /// The model is replaced, and a stream is made to report usage, which the gateway counts.
    ///
    /// - Parameters:
    ///   - body: The bytes that this request was decoded from.
    ///   - model: The model's name at the upstream.
    package func writePassthrough(_ body: Span<UInt8>, model: String, into buffer: inout ByteBuffer) {
        var position = 0
        for edit in outline.edits(model: model, forcesUsage: chat.streams) {
            buffer.append(body, position..<edit.range.lowerBound)
            buffer.append(edit.text.bytes)
            position = edit.range.upperBound
        }
        buffer.append(body, position..<body.count)
    }
}
