// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import HTTPClient
internal import HTTPSemantics
internal import JSON
internal import Providers

/// The lines of a file, each a JSON object with a line feed behind it (docs/audit.md).
enum SpoolFormat {
    /// The version of the form, for who reads it.
    static let version = 1

    /// The first line: whose answer it is, and its head, credentials taken out.
    static func appendHead(_ head: SpoolHead, to lines: inout ByteBuffer) {
        let origin = head.origin
        appendLine(to: &lines) { json in
            json.member("sluice_spool", version)
            json.member("request_id", origin.requestID)
            json.member("stream_id", origin.streamID)
            json.member("attempt", origin.attempt)
            json.member("time", InternetDate.text(fromMicroseconds: head.time))
            json.member("waited_us", head.waited)
            json.member("door", origin.door)
            if let key = origin.keyID { json.member("key", key) }
            json.member("provider", origin.provider)
            if !origin.model.isEmpty { json.member("model", origin.model) }
            if let (client, upstream) = origin.dialects {
                json.member("client_dialect", client.rawValue)
                json.member("dialect", upstream.rawValue)
            }
            json.member("status", head.head.status)
            json.key("headers")
            json.array { json in
                for field in fields(of: head.head) {
                    json.array { json in
                        json.string(field.name)
                        let isSecret = Redaction.isSecret(name: field.name)
                        json.string(isSecret ? Redaction.mark : Redaction.text(field.value, without: origin.secrets))
                    }
                }
            }
        }
    }

    /// A chunk: as text where it is UTF-8 by itself, else in base64.
    static func appendChunk(_ chunk: Span<UInt8>, at time: Int, to lines: inout ByteBuffer) {
        lines.append(literal: "{\"at\":")
        lines.append(decimal: time)
        if isText(chunk) {
            lines.append(literal: ",\"text\":")
            lines.appendJSONString(chunk)
        } else {
            lines.append(literal: ",\"base64\":\"")
            appendBase64(chunk, to: &lines)
            lines.append(ASCII.quote)
        }
        lines.append(literal: "}\n")
    }

    /// The last line; `bytes` and `chunks` are what the file holds of the answer, `isRedacted` says that they are not as they came.
    static func appendEnd(
        _ end: SpoolEnd, at time: Int, bytes: Int, chunks: Int, isRedacted: Bool, to lines: inout ByteBuffer
    ) {
        appendLine(to: &lines) { json in
            json.member("at", time)
            switch end {
            case .answer(.complete): json.member("end", literal: "complete")
            case .answer(.cancelled): json.member("end", literal: "cancelled")
            case .answer(.failed(let code)):
                json.member("end", literal: "failed")
                json.member("error", code)
            case .answer(.limited): appendLoss(.limit, to: &json)
            case .truncated(let loss): appendLoss(loss, to: &json)
            }
            json.member("bytes", bytes)
            json.member("chunks", chunks)
            if isRedacted { json.member("redacted", true) }
        }
    }

    private static func appendLoss(_ loss: SpoolLoss, to json: inout JSONWriter) {
        json.member("end", literal: "truncated")
        json.member("error", loss.rawValue)
    }

    /// The identifier of the virtual key that a first line names.
    static func key(inHead line: [UInt8]) -> String? {
        guard case .string(let key)? = (try? JSONValue(parsing: line.span))?["key"] else { return nil }
        return key
    }

    /// The fields of an answer, in order, however they were read.
    static func fields(of head: TransferHead) -> [(name: String, value: String)] {
        head.fields + head.lines.map { ($0.name, $0.value) }
    }

    private static func appendLine(to lines: inout ByteBuffer, _ members: (inout JSONWriter) -> Void) {
        lines.appendJSON { json in json.object(members) }
        lines.append(ASCII.lineFeed)
    }

    static func isText(_ bytes: Span<UInt8>) -> Bool {
        var index = 0
        while index < bytes.count {
            let length = bytes.lengthOfUTF8Sequence(at: index)
            guard length > 0 else { return false }
            index &+= length
        }
        return true
    }

    /// Base64 with padding (RFC 4648, section 4).
    private static func appendBase64(_ bytes: Span<UInt8>, to lines: inout ByteBuffer) {
        let digits: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        var index = 0
        while index < bytes.count {
            let left = bytes.count &- index
            let group =
                UInt32(bytes[index]) << 16 | (left > 1 ? UInt32(bytes[index &+ 1]) << 8 : 0)
                | (left > 2 ? UInt32(bytes[index &+ 2]) : 0)
            for place in 0..<4 {
                let digit = Int(group >> UInt32(18 &- 6 &* place) & 63)
                lines.append(place <= left ? digits.bytes[digit] : UInt8(ascii: "="))
            }
            index &+= 3
        }
    }
}
