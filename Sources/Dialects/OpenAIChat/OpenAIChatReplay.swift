// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import JSON

/// Tells a whole completion as the chunks of a stream, for a client that asked for one.
package enum OpenAIChatReplay {
    /// The data of the events: for each choice what it says and why it ended, then the usage.
    ///
    /// Empty when the body is not a completion.
    package static func chunks(of body: Span<UInt8>) -> [[UInt8]] {
        guard let value = try? JSONValue(parsing: body, allowsLoneSurrogates: true),
            let members = value.members, let choices = value["choices"]?.elements
        else { return [] }
        let common: [JSONValue.Member] = members.compactMap { member in
            switch member.key {
            case "choices", "usage": nil
            case "object": JSONValue.Member("object", .string("chat.completion.chunk"))
            default: member
            }
        }
        var chunks: [[UInt8]] = []
        for choice in choices {
            let index = choice["index"] ?? .number("0")
            let delta = numberedCalls(choice["message"] ?? .object([]))
            let logprobs = choice["logprobs"] ?? .null
            let finish = choice["finish_reason"] ?? .null
            chunks.append(
                chunk(
                    common,
                    [("index", index), ("delta", delta), ("logprobs", logprobs), ("finish_reason", .null)]))
            chunks.append(
                chunk(common, [("index", index), ("delta", .object([])), ("finish_reason", finish)]))
        }
        if let usage = value["usage"], !usage.isNull {
            chunks.append(write(common + [.init("choices", .array([])), .init("usage", usage)]))
        }
        return chunks
    }

    /// A message's calls get the numbers that clients put the pieces of a stream together by.
    private static func numberedCalls(_ message: JSONValue) -> JSONValue {
        guard let members = message.members else { return .object([]) }
        return .object(
            members.map { member in
                guard member.key == "tool_calls", let calls = member.value.elements else { return member }
                let numbered = calls.enumerated().map { number, call in
                    JSONValue.object([.init("index", .number(String(number)))] + (call.members ?? []))
                }
                return .init("tool_calls", .array(numbered))
            })
    }

    private static func chunk(_ common: [JSONValue.Member], _ choice: [(String, JSONValue)]) -> [UInt8] {
        write(common + [.init("choices", .array([.object(choice.map { .init($0.0, $0.1) })]))])
    }

    private static func write(_ members: [JSONValue.Member]) -> [UInt8] {
        var buffer = ByteBuffer()
        JSONValue.object(members).write(into: &buffer)
        return buffer.storage
    }
}
