// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
internal import Chat
internal import JSON

/// The stream of `/chat/stream`: data alone, each a JSON object.
package enum TokenEvents {
    /// `{"token":TEXT,"done":false}`
    package static func token(_ text: String, into buffer: inout ByteBuffer) {
        buffer.append(literal: "data: {\"token\":")
        buffer.appendJSONString(text)
        buffer.append(literal: ",\"done\":false}\n\n")
    }

    /// `{"token":"","done":true,"fullText":TEXT}`, the last event of a whole answer; with `"is_partial":true` when the text is the
    /// part of it that is kept.
    package static func done(_ text: String, isCut: Bool, into buffer: inout ByteBuffer) {
        buffer.append(literal: "data: {\"token\":\"\",\"done\":true,\"fullText\":")
        buffer.appendJSONString(text)
        if isCut { buffer.append(literal: ",\"is_partial\":true") }
        buffer.append(literal: "}\n\n")
    }
}

/// The stream of a conversation's messages: named events, of which `chunk` carries bare text.
package struct ChunkEvents {
    private var endedInReturn = false

    package init() {}

    /// The first event: the user's message is stored.
    package static let start: StaticString = "event: start\ndata: {\"status\":\"streaming\"}\n\n"

    /// A piece of text as it is, in as many lines of data as it has lines.
    ///
    /// An event stream knows no difference between LF, CR and CR LF, so each arrives as LF; a pair that two pieces share is one end.
    package mutating func chunk(_ text: String, into buffer: inout ByteBuffer) {
        let bytes = text.utf8.span
        var start = 0
        if endedInReturn, !bytes.isEmpty, bytes[0] == ASCII.lineFeed { start = 1 }
        guard start < bytes.count else {
            if !bytes.isEmpty { endedInReturn = false }
            return
        }
        endedInReturn = bytes[bytes.count &- 1] == ASCII.carriageReturn
        buffer.append(literal: "event: chunk\n")
        while true {
            let end = bytes.firstLineEnd(from: start)
            buffer.append(literal: "data: ")
            buffer.append(bytes, start..<end)
            buffer.append(ASCII.lineFeed)
            guard end < bytes.count else { break }
            let isPair = bytes[end] == ASCII.carriageReturn && end &+ 1 < bytes.count && bytes[end &+ 1] == ASCII.lineFeed
            start = end &+ (isPair ? 2 : 1)
        }
        buffer.append(ASCII.lineFeed)
    }

    /// The last event of a whole answer, once it is stored; `isCut` when a part of it is.
    package static func done(question: String, answer: String, isCut: Bool, into buffer: inout ByteBuffer) {
        buffer.append(literal: "event: done\ndata: ")
        buffer.appendJSON { json in
            json.object { json in
                json.member("user_message_id", question)
                json.member("assistant_message_id", answer)
                if isCut { json.member("is_partial", true) }
            }
        }
        buffer.append(literal: "\n\n")
    }

    /// The last event when there is no answer, or not all of it.
    package static func error(_ message: String, into buffer: inout ByteBuffer) {
        buffer.append(literal: "event: error\ndata: ")
        buffer.appendJSON { json in
            json.object { json in json.member("error", message) }
        }
        buffer.append(literal: "\n\n")
    }
}
