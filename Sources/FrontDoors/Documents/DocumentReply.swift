// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import JSON
internal import Storage

/// Documents as JSON.
enum DocumentReply {
    /// A document without its content, its text and its result.
    static func write(_ document: StoredDocument, _ json: inout JSONWriter) {
        json.object { json in
            json.member("id", document.id)
            json.member("name", document.name)
            json.member("media_type", document.mediaType)
            json.member("bytes", document.bytes)
            json.member("status", document.status.rawValue)
            json.member("created_at", ChatReply.time(document.createdAt))
            json.member("updated_at", ChatReply.time(document.updatedAt))
            if let error = document.error { json.member("error", error) }
        }
    }

    /// A document with the members of its result behind its own.
    static func body(_ document: StoredDocument, result: String?) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.appendJSON { write(document, &$0) }
        return joined(buffer, result)
    }

    /// Two objects as one: the members of the second, which is JSON as it was stored, behind those of the first.
    static func joined(_ first: ByteBuffer, _ second: String?) -> ByteBuffer {
        guard let second, second.utf8.first == ASCII.openBrace, second.utf8.count > 2 else { return first }
        var buffer = ByteBuffer(capacity: first.count + second.utf8.count)
        buffer.append(first.bytes, 0..<first.count - 1)
        buffer.append(ASCII.comma)
        buffer.append(second.utf8.span, 1..<second.utf8.count)
        return buffer
    }
}
