// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import JSON

/// Log probabilities, between Google's `logprobsResult` and OpenAI's array of tokens.
enum GeminiLogprobs {
    /// Appends the elements of OpenAI's array for a `logprobsResult`.
    static func appendOpenAI(_ data: Span<UInt8>, _ range: Range<Int>, to buffer: inout ByteBuffer) {
        guard let result = try? JSONValue(parsing: data.extracting(range), allowsLoneSurrogates: true),
            let chosen = result["chosenCandidates"]?.elements
        else { return }
        for (number, candidate) in chosen.enumerated() {
            let others = result["topCandidates"]?[number]?["candidates"]?.elements ?? []
            var members = entry(candidate, probability: "logProbability", as: "logprob")
            members.append(.init("bytes", .null))
            members.append(
                .init(
                    "top_logprobs",
                    .array(
                        others.map {
                            .object(entry($0, probability: "logProbability", as: "logprob") + [.init("bytes", .null)])
                        })))
            if number > 0 { buffer.append(ASCII.comma) }
            JSONValue.object(members).write(into: &buffer)
        }
    }

    /// Appends a `logprobsResult` for the elements of OpenAI's array; `false`, and nothing done, when they are none.
    static func appendGoogle(_ data: Span<UInt8>, _ range: Range<Int>, to buffer: inout ByteBuffer) -> Bool {
        var array = ByteBuffer()
        array.append(ASCII.openBracket)
        array.append(data, range)
        array.append(ASCII.closeBracket)
        guard let elements = try? JSONValue(parsing: array.bytes, allowsLoneSurrogates: true).elements, !elements.isEmpty
        else { return false }
        func google(_ value: JSONValue) -> JSONValue {
            .object(entry(value, probability: "logprob", as: "logProbability"))
        }
        let tops = elements.map { element in
            JSONValue.object([
                .init("candidates", .array((element["top_logprobs"]?.elements ?? []).map(google)))
            ])
        }
        JSONValue.object([
            .init("topCandidates", .array(tops)), .init("chosenCandidates", .array(elements.map(google))),
        ]).write(into: &buffer)
        return true
    }

    private static func entry(
        _ value: JSONValue, probability: String, as name: String
    ) -> [JSONValue.Member] {
        [
            .init("token", value["token"] ?? .string("")),
            .init(name, value[probability] ?? .number("0")),
        ]
    }
}
