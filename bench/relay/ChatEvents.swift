// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The bytes of the mock's answers: valid `chat.completion.chunk` events, each in its own HTTP chunk.
struct ChatEvents {
    /// The length of every text event, with `data: ` and the blank line: that of a real provider's.
    static let eventLength = 263
    private static let stampLength = 18

    let head: [UInt8]
    let first: [UInt8]
    /// The finish event, `[DONE]` and the last chunk.
    let end: [UInt8]
    let endWithUsage: [UInt8]
    /// One text event; `stamp` writes the time into it.
    private var event: [UInt8]
    private let stampStart: Int

    init(model: Substring) {
        head = Array(
            """
            HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n\
            Transfer-Encoding: chunked\r\n\r\n
            """.utf8)
        first = Self.chunk(Self.chatChunk(model, #"{"role":"assistant","content":""}"#, finish: "null"))
        let stop = Self.chunk(Self.chatChunk(model, "{}", finish: #""stop""#))
        let done = Self.chunk("data: [DONE]\n\n") + Array("0\r\n\r\n".utf8)
        let usage = Self.chunk(
            #"data: {"id":"chatcmpl-relay","object":"chat.completion.chunk","created":1700000000,"#
                + #""model":"\#(model)","#
                + #""choices":[],"usage":{"prompt_tokens":9,"completion_tokens":9,"total_tokens":18}}"#
                + "\n\n")
        end = stop + done
        endWithUsage = stop + usage + done

        let stamp = String(repeating: "0", count: Self.stampLength)
        let bare = Self.chatChunk(model, #"{"content":"@\#(stamp)"}"#, finish: "null").utf8.count
        let filler = String(repeating: "x", count: max(0, Self.eventLength - bare))
        let text = Self.chunk(Self.chatChunk(model, #"{"content":"@\#(stamp)\#(filler)"}"#, finish: "null"))
        event = text
        stampStart = index(after: "\"content\":\"@", in: text.span) ?? 0
    }

    /// One text event that carries `time` in its first 18 digits.
    mutating func stamped(_ time: Int64) -> [UInt8] {
        var rest = time
        for position in (stampStart..<(stampStart + Self.stampLength)).reversed() {
            event[position] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
        return event
    }

    /// The bytes of one text event with its HTTP framing.
    var chunkLength: Int { event.count }

    /// `count` unstamped events on end, for large writes.
    func block(_ count: Int) -> [UInt8] {
        Array(repeatElement(event, count: count).joined())
    }

    /// A whole response with a JSON body.
    static func json(_ status: String, _ body: String) -> [UInt8] {
        Array(
            """
            HTTP/1.1 \(status)\r\nContent-Type: application/json\r\n\
            Content-Length: \(body.utf8.count)\r\n\r\n\(body)
            """.utf8)
    }

    /// The answer to a unary request.
    static func completion(model: Substring) -> [UInt8] {
        json(
            "200 OK",
            #"{"id":"chatcmpl-relay","object":"chat.completion","created":1700000000,"model":"\#(model)","#
                + #""choices":[{"index":0,"message":{"role":"assistant","#
                + #""content":"Water finds its own level."},"#
                + #""logprobs":null,"finish_reason":"stop"}],"#
                + #""usage":{"prompt_tokens":9,"completion_tokens":6,"total_tokens":15}}"#)
    }

    private static func chatChunk(_ model: Substring, _ delta: String, finish: String) -> String {
        #"data: {"id":"chatcmpl-relay","object":"chat.completion.chunk","created":1700000000,"#
            + #""model":"\#(model)","#
            + #""choices":[{"index":0,"delta":\#(delta),"finish_reason":\#(finish)}]}"# + "\n\n"
    }

    private static func chunk(_ text: String) -> [UInt8] {
        Array((String(text.utf8.count, radix: 16) + "\r\n" + text + "\r\n").utf8)
    }
}
