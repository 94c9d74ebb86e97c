// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// What a simulated model will say: decided in full before the first token, from the request and a seed.
struct SimulatorScript {
    /// One step of an answer; a delay comes before each.
    enum Step: Equatable {
        case text(String)
        case reasoning(String)
        /// The beginning of a tool call; calls are numbered from 0.
        case toolCall(number: Int, id: String, name: String)
        case toolArguments(number: Int, String)
        /// An event of bytes that no client understands.
        case malformed
        /// An error event: the end.
        case failure(message: String)
        /// Upstream dies.
        case cut
        /// Upstream falls silent for ever.
        case silence
    }

    /// How an answer begins when it is not an answer at all.
    enum Opening: Equatable {
        case answer
        case error(status: Int, message: String, type: String, code: String?, retryAfter: String?)
        /// No answer ever comes.
        case silence
    }

    /// The models that can be asked for; names that begin with `fault-` show what goes wrong elsewhere.
    static let models = [
        "echo", "story", "tools", "parallel-tools", "think", "fault-500", "fault-429", "fault-cut", "fault-hang",
        "fault-hang-midstream", "fault-error-event", "fault-malformed",
    ]

    /// The most tokens of a story whose length a client asks for.
    static let longestStory = 4096

    private(set) var opening = Opening.answer
    private(set) var steps: [Step] = []
    private(set) var finishReason = "stop"
    /// Tokens of the question, counted as words.
    private(set) var inputTokens = 0
    /// Tokens of the answer: its text steps.
    var outputTokens: Int {
        steps.count { if case .text = $0 { true } else if case .reasoning = $0 { true } else { false } }
    }

    /// The script for a request, or `nil` when there is no such model.
    init?(_ chat: ChatRequest, model: String, length: Int?, generator: inout SeededGenerator) {
        inputTokens = chat.messages.reduce(0) { $0 + $1.text.split(separator: " ").count }
        // A client's limit is no promise to be kept in memory: two thousand million tokens may be asked for.
        let asked = min(chat.outputLimit?.tokens ?? 60, SimulatorScript.longestStory)
        let story = Prose.tokens(length ?? asked, &generator)
        switch model {
        case "echo": steps = SimulatorScript.words(chat.lastUserText).map { .text($0) }
        case "story": steps = story.map { .text($0) }
        case "think":
            steps = Prose.tokens(12, &generator).map { .reasoning($0) } + story.map { .text($0) }
        case "tools", "parallel-tools":
            // With a result at hand the conversation goes on in words.
            if let result = chat.messages.last, result.role == .tool {
                steps = SimulatorScript.words("The tool answered: \(result.text)").map { .text($0) }
            } else if chat.tools.isEmpty {
                steps = SimulatorScript.words("There is no tool to call.").map { .text($0) }
            } else {
                call(model == "tools" ? Array(chat.tools.prefix(1)) : Array(chat.tools.prefix(2)), &generator)
            }
        case "fault-500":
            opening = .error(
                status: 500, message: "The simulated server failed.", type: "server_error", code: nil, retryAfter: nil)
        case "fault-429":
            opening = .error(
                status: 429, message: "The simulated limit is reached.", type: "rate_limit_error",
                code: "rate_limit_exceeded", retryAfter: "7")
        case "fault-hang": opening = .silence
        case "fault-cut": steps = story.prefix(5).map { .text($0) } + [.cut]
        case "fault-hang-midstream": steps = story.prefix(5).map { .text($0) } + [.silence]
        case "fault-error-event":
            steps = story.prefix(5).map { .text($0) } + [.failure(message: "The simulated model is overloaded.")]
        case "fault-malformed":
            steps = story.prefix(3).map { .text($0) } + [.malformed] + story.dropFirst(3).map { .text($0) }
        default: return nil
        }
        if let limit = chat.outputLimit?.tokens, finishReason == "stop", steps.count > limit, model != "fault-cut" {
            steps = Array(steps.prefix(limit))
            finishReason = "length"
        }
    }

    private mutating func call(_ tools: [ChatTool], _ generator: inout SeededGenerator) {
        finishReason = "tool_calls"
        for (number, tool) in tools.enumerated() {
            steps.append(.toolCall(number: number, id: "call_\(generator.hexadecimal())", name: tool.name))
            let arguments = SimulatedArguments.fitting(tool)
            // Arguments arrive in pieces, as real ones do.
            var rest = arguments[...]
            while !rest.isEmpty {
                steps.append(.toolArguments(number: number, String(rest.prefix(7))))
                rest = rest.dropFirst(7)
            }
        }
    }

    /// Words with the spaces after them, so that joining gives the text back.
    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        for character in text {
            word.append(character)
            if character == " " || character == "\n" {
                words.append(word)
                word = ""
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }
}

/// Arguments that a tool's schema allows, more or less.
enum SimulatedArguments {
    /// A JSON object with each property that the schema names.
    static func fitting(_ tool: ChatTool) -> String {
        guard case .function(let parameters, _) = tool.kind, let properties = parameters?["properties"]?.members
        else { return "{}" }
        let members = properties.map { member in
            JSONValue.Member(member.key, value(for: member.value))
        }
        return text(.object(members))
    }

    /// A value as JSON text.
    static func text(_ value: JSONValue) -> String {
        var buffer = ByteBuffer()
        value.write(into: &buffer)
        return String(decoding: buffer.storage, as: UTF8.self)
    }

    private static func value(for schema: JSONValue) -> JSONValue {
        if case .array(let choices)? = schema["enum"], let first = choices.first { return first }
        guard case .string(let type)? = schema["type"] else { return .string("example") }
        switch type {
        case "integer", "number": return .number("7")
        case "boolean": return .bool(true)
        case "array": return .array([])
        case "object": return .object([])
        case "null": return .null
        default: return .string("example")
        }
    }
}
