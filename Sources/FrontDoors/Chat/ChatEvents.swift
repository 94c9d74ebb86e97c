// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
internal import JSON
package import Storage

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
    package mutating func chunk(_ text: String, named name: StaticString = "chunk", into buffer: inout ByteBuffer) {
        let bytes = text.utf8.span
        var start = 0
        if endedInReturn, !bytes.isEmpty, bytes[0] == ASCII.lineFeed { start = 1 }
        guard start < bytes.count else {
            if !bytes.isEmpty { endedInReturn = false }
            return
        }
        endedInReturn = bytes[bytes.count &- 1] == ASCII.carriageReturn
        buffer.append(literal: "event: ")
        buffer.append(literal: name)
        buffer.append(ASCII.lineFeed)
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

    /// Who answered and what it took, before `done`, for clients that want it.
    package static func details(_ answer: AnswerRecord, into buffer: inout ByteBuffer) {
        buffer.append(literal: "event: details\ndata: ")
        buffer.appendJSON { json in
            json.object { json in
                json.member("model", answer.model)
                json.member("provider", answer.provider)
                json.member("input_tokens", answer.inputTokens)
                json.member("output_tokens", answer.outputTokens)
                json.member("is_estimated", answer.isEstimated)
                json.member("response_ms", answer.milliseconds)
            }
        }
        buffer.append(literal: "\n\n")
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

    /// The last event when there is no answer, or not all of it; with status and code for clients that want the details.
    package static func error(_ failure: ChatFailure, details: Bool = false, into buffer: inout ByteBuffer) {
        buffer.append(literal: "event: error\ndata: ")
        buffer.appendJSON { json in
            json.object { json in
                json.member("error", failure.message)
                guard details else { return }
                json.member("status", failure.status)
                json.member("code", failure.code.map { .string($0) } ?? .null)
            }
        }
        buffer.append(literal: "\n\n")
    }
}
