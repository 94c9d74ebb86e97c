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
        /// The signature of the reasoning before it.
        case signature(String)
        /// The beginning of a tool call; calls are numbered from 0.
        case toolCall(number: Int, id: String, name: String, signature: String?)
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
        case error(ChatFailure)
        /// No answer ever comes.
        case silence
    }

    /// The models that can be asked for; names that begin with `fault-` show what goes wrong elsewhere.
    static let models = [
        "story", "echo", "json", "vision", "tools", "parallel-tools", "think", "think-tools", "fault-500", "fault-429",
        "fault-cut", "fault-hang",
        "fault-hang-midstream", "fault-error-event", "fault-malformed",
    ]

    /// The most tokens of a story whose length a client asks for, and about the most pieces of any answer.
    static let longestStory = 4096

    private(set) var opening = Opening.answer
    private(set) var steps: [Step] = []
    private(set) var finishReason = FinishReason.stop
    /// Tokens of the question, counted as words.
    private(set) var inputTokens = 0
    /// Tokens of the answer: all that the model says, to the client or to a tool.
    var outputTokens: Int {
        steps.count { step in
            switch step {
            case .text, .reasoning, .toolCall, .toolArguments: true
            case .signature, .malformed, .failure, .cut, .silence: false
            }
        }
    }

    /// What the answer costs.
    var usage: TokenUsage {
        let reasoning = steps.count { if case .reasoning = $0 { true } else { false } }
        return TokenUsage(
            input: inputTokens, output: outputTokens, reasoning: reasoning > 0 ? reasoning : nil)
    }

    /// What a simulated model signs its reasoning and its calls with: base64, as every vendor's signature is.
    static let signature = "c2ltdWxhdGVkLXNpZ25hdHVyZQ=="

    /// The script for a request, or `nil` when there is no such model.
    init?(_ chat: ChatRequest, model: String, length: Int?, generator: inout SeededGenerator) {
        inputTokens = chat.messages.reduce(0) { $0 + SimulatorScript.countWords($1.text) }
        // A client's limit is no promise to be kept in memory: two thousand million tokens may be asked for.
        let asked = min(chat.outputLimit?.tokens ?? 60, SimulatorScript.longestStory)
        let story = Prose.tokens(length ?? asked, &generator)
        switch model {
        case "echo": steps = SimulatorScript.words(chat.lastUserText).map { .text($0) }
        case "story": steps = story.map { .text($0) }
        case "json": steps = SimulatorScript.pieces(SimulatedArguments.fitting(chat.responseFormat)).map { .text($0) }
        case "vision": steps = SimulatorScript.words(SimulatorScript.description(of: chat)).map { .text($0) }
        case "think":
            steps =
                Prose.tokens(12, &generator).map { .reasoning($0) } + [.signature(SimulatorScript.signature)]
                + story.map { .text($0) }
        case "think-tools":
            if let result = chat.messages.last, result.role == .tool {
                // Whoever lost a signature on the way is told so, in the answer.
                let isSigned = chat.messages.contains { $0.toolCalls.contains { $0.signature != nil } }
                let kept = "reasoning \(SimulatorScript.reasoningKept(in: chat)), call \(isSigned ? "signed" : "unsigned")"
                steps = SimulatorScript.words("The tool answered: \(result.text) (\(kept))").map { .text($0) }
            } else {
                steps =
                    Prose.tokens(12, &generator).map { .reasoning($0) } + [.signature(SimulatorScript.signature)]
                call(Array(chat.tools.prefix(1)), signature: SimulatorScript.signature, &generator)
            }
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
                ChatFailure(status: 500, message: "The simulated server failed.", type: "server_error"))
        case "fault-429":
            opening = .error(
                ChatFailure(
                    status: 429, message: "The simulated limit is reached.", type: "rate_limit_error",
                    code: "rate_limit_exceeded", retryAfter: 7))
        case "fault-hang": opening = .silence
        case "fault-cut": steps = story.prefix(5).map { .text($0) } + [.cut]
        case "fault-hang-midstream": steps = story.prefix(5).map { .text($0) } + [.silence]
        case "fault-error-event":
            steps = story.prefix(5).map { .text($0) } + [.failure(message: "The simulated model is overloaded.")]
        case "fault-malformed":
            steps = story.prefix(3).map { .text($0) } + [.malformed] + story.dropFirst(3).map { .text($0) }
        default: return nil
        }
        if let limit = chat.outputLimit?.tokens, finishReason == .stop, steps.count > limit, model != "fault-cut" {
            steps = Array(steps.prefix(limit))
            finishReason = .length
        }
    }

    /// What has come back of the reasoning before: `kept` with its signature, `unsigned`, or `lost`.
    private static func reasoningKept(in chat: ChatRequest) -> String {
        let signatures = chat.messages.flatMap { message -> [Bool] in
            guard case .parts(let parts)? = message.content else { return [] }
            return parts.compactMap { part in
                if case .reasoning(_, let signature) = part.kind { signature != nil } else { nil }
            }
        }
        return signatures.isEmpty ? "lost" : signatures.contains(true) ? "kept" : "unsigned"
    }

    private mutating func call(
        _ tools: [ChatTool], signature: String? = nil, _ generator: inout SeededGenerator
    ) {
        finishReason = .toolCalls
        for (number, tool) in tools.enumerated() {
            steps.append(
                .toolCall(
                    number: number, id: "call_\(generator.hexadecimal())", name: tool.name,
                    signature: number == 0 ? signature : nil))
            // Arguments arrive in pieces, as real ones do.
            for piece in SimulatorScript.pieces(SimulatedArguments.fitting(tool)) {
                steps.append(.toolArguments(number: number, piece))
            }
        }
    }

    private static func pieces(_ text: String) -> [String] {
        var pieces: [String] = []
        var rest = text[...]
        while !rest.isEmpty, pieces.count < longestStory {
            pieces.append(String(rest.prefix(7)))
            rest = rest.dropFirst(7)
        }
        if !rest.isEmpty { pieces.append(String(rest)) }
        return pieces
    }

    /// What the last message of the user holds beside text.
    private static func description(of chat: ChatRequest) -> String {
        guard case .parts(let parts)? = chat.messages.last(where: { $0.role == .user })?.content else {
            return "I see no image."
        }
        let images = parts.compactMap { part -> String? in
            switch part.kind {
            case .image(let url, _):
                url.hasPrefix("data:") ? "\(url.prefix { $0 != "," }) of \(url.utf8.count) bytes" : url
            case .file(_, let data, let name): "the file \(name ?? String(data?.prefix(24) ?? "?"))"
            default: nil
            }
        }
        return images.isEmpty ? "I see no image." : "I see \(images.count): \(images.joined(separator: ", "))"
    }

    private static func countWords(_ text: String) -> Int {
        var count = 0
        var isInside = false
        for byte in text.utf8 {
            if byte != ASCII.space, !isInside { count += 1 }
            isInside = byte != ASCII.space
        }
        return count
    }

    /// Words with the spaces after them, so that joining gives the text back; what would be too many is one with the last.
    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var start = text.startIndex
        var index = start
        while index < text.endIndex, words.count < longestStory - 1 {
            let isEnd = text[index] == " " || text[index] == "\n"
            index = text.index(after: index)
            guard isEnd else { continue }
            words.append(String(text[start..<index]))
            start = index
        }
        if start < text.endIndex { words.append(String(text[start...])) }
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

    /// A JSON value of the form that is asked for.
    static func fitting(_ format: ResponseFormat?) -> String {
        switch format {
        case .jsonSchema(let schema): text(value(for: schema["schema"] ?? schema))
        default: "{\"answer\":\"example\"}"
        }
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
        case "object":
            return .object((schema["properties"]?.members ?? []).map { .init($0.key, value(for: $0.value)) })
        case "null": return .null
        default: return .string("example")
        }
    }
}
