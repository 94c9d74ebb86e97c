// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// Writes the parts of an answer.
enum GeminiPartText {
    static func appendText(
        _ data: Span<UInt8>, _ slice: Range<Int>, isThought: Bool, to buffer: inout ByteBuffer
    ) {
        buffer.append(literal: "{\"text\":\"")
        buffer.append(data, slice)
        buffer.append(literal: isThought ? "\",\"thought\":true}" : "\"}")
    }

    /// Appends a part that carries nothing but the signature of the reasoning before it, or reasoning that cannot be read.
    static func appendSignature(
        _ data: Span<UInt8>, _ slice: Range<Int>, maker: String, isRedacted: Bool, to buffer: inout ByteBuffer
    ) {
        buffer.append(literal: "{\"text\":\"\",\"thought\":true,\"thoughtSignature\":\"")
        GeminiSignature.append(data, slice, maker: maker, isRedacted: isRedacted, to: &buffer)
        buffer.append(literal: "\"}")
    }

    static func appendImage(
        _ data: Span<UInt8>, mediaType: Range<Int>, base64: Range<Int>, to buffer: inout ByteBuffer
    ) {
        buffer.append(literal: "{\"inlineData\":{\"mimeType\":\"")
        buffer.append(data, mediaType)
        buffer.append(literal: "\",\"data\":\"")
        buffer.append(data, base64)
        buffer.append(literal: "\"}}")
    }

    /// Appends a call; id and name are the insides of JSON strings, the signature is ready to be written.
    static func appendCall(
        id: Span<UInt8>, name: Span<UInt8>, arguments: JSONValue, signature: Span<UInt8>, to buffer: inout ByteBuffer
    ) {
        buffer.append(literal: "{\"functionCall\":{")
        if !id.isEmpty {
            buffer.append(literal: "\"id\":\"")
            buffer.append(id)
            buffer.append(literal: "\",")
        }
        buffer.append(literal: "\"name\":\"")
        buffer.append(name)
        buffer.append(literal: "\",\"args\":")
        arguments.write(into: &buffer)
        buffer.append(ASCII.closeBrace)
        if !signature.isEmpty {
            buffer.append(literal: ",\"thoughtSignature\":\"")
            buffer.append(signature)
            buffer.append(ASCII.quote)
        }
        buffer.append(ASCII.closeBrace)
    }

    /// Appends one element of `groundingChunks`.
    static func appendSource(
        _ data: Span<UInt8>, url: Range<Int>, title: Range<Int>, to buffer: inout ByteBuffer
    ) {
        buffer.append(literal: "{\"web\":{\"uri\":\"")
        buffer.append(data, url)
        buffer.append(literal: "\",\"title\":\"")
        buffer.append(data, title)
        buffer.append(literal: "\"}}")
    }
}
