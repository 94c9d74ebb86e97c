// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// Signatures as `thoughtSignature` carries them, which must be base64: Google's own as they are, those of others as base64 of
/// their carrier.
enum GeminiSignature {
    /// What the dialect's own vendor signs as.
    static let vendor = "gemini"
    /// What Google takes in place of a signature in history that another model made, documented for Gemini 3.
    static let bypass = "skip_thought_signature_validator"
    /// Marks, behind the maker's name, reasoning that only its maker can read.
    private static let redacted = "-redacted"
    /// What base64 of every carrier begins with.
    private static let mark = "c2xjMS"

    /// Appends the value of a signature that stands in `data`, as the inside of a JSON string.
    static func append(
        _ data: Span<UInt8>, _ slice: Range<Int>, maker: String, isRedacted: Bool = false, to buffer: inout ByteBuffer
    ) {
        guard maker != vendor || isRedacted else {
            buffer.append(data, slice)
            return
        }
        var carrier = ByteBuffer()
        carrier.append(OpaqueSignature.carrierPrefix(maker: maker + (isRedacted ? redacted : "")))
        carrier.appendUnescaped(data, slice)
        appendBase64(carrier.bytes, to: &buffer)
    }

    /// Reads what a client sent back, and whether it is a block of reasoning rather than a signature.
    static func read(_ text: String) -> (signature: OpaqueSignature, isRedacted: Bool) {
        guard text.hasPrefix(mark), let bytes = bytes(ofBase64: text) else {
            return (OpaqueSignature(maker: vendor, payload: text), false)
        }
        var signature = OpaqueSignature(reading: String(decoding: bytes, as: UTF8.self), fallback: vendor)
        let isRedacted = signature.maker.hasSuffix(redacted)
        if isRedacted { signature.maker.removeLast(redacted.count) }
        return (signature, isRedacted)
    }

    private static func appendBase64(_ bytes: Span<UInt8>, to buffer: inout ByteBuffer) {
        let alphabet = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" as StaticString).bytes
        var start = 0
        while start < bytes.count {
            let count = min(3, bytes.count &- start)
            var bits = 0
            for place in 0..<3 { bits = bits << 8 | (place < count ? Int(bytes[start &+ place]) : 0) }
            for place in 0..<4 {
                buffer.append(place <= count ? alphabet[bits >> (18 &- 6 &* place) & 63] : UInt8(ascii: "="))
            }
            start &+= 3
        }
    }

    /// Reads base64 of either alphabet, padded or not: clients that decode it do not always write it as it came.
    private static func bytes(ofBase64 text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 4 &* 3)
        var bits = 0
        var count = 0
        for byte in text.utf8 where byte != UInt8(ascii: "=") {
            let digit: Int
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = Int(byte) &- 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = Int(byte) &- 71
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = Int(byte) &+ 4
            case UInt8(ascii: "+"), UInt8(ascii: "-"): digit = 62
            case UInt8(ascii: "/"), UInt8(ascii: "_"): digit = 63
            default: return nil
            }
            bits = (bits << 6 | digit) & 0xFFFF
            count &+= 6
            if count >= 8 {
                count &-= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return bytes
    }
}
