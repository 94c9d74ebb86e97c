// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import JSON

/// Writes a script in OpenAI's chat dialect, step by step or whole.
struct SimulatorRenderer {
    let id: String
    let created: Int
    let model: String

    /// The chunk that a choice begins with.
    func opening(into buffer: inout ByteBuffer) {
        chunk("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", finish: nil, into: &buffer)
    }

    /// A step's event; nothing for the steps that are not events.
    func step(_ step: SimulatorScript.Step, into buffer: inout ByteBuffer) {
        switch step {
        case .text(let text): chunk("{\"content\":\(quoted(text))}", finish: nil, into: &buffer)
        case .reasoning(let text): chunk("{\"reasoning_content\":\(quoted(text))}", finish: nil, into: &buffer)
        case .toolCall(let number, let id, let name):
            let function = "\"function\":{\"name\":\(quoted(name)),\"arguments\":\"\"}"
            let call = "{\"index\":\(number),\"id\":\(quoted(id)),\"type\":\"function\",\(function)}"
            chunk("{\"tool_calls\":[\(call)]}", finish: nil, into: &buffer)
        case .toolArguments(let number, let text):
            chunk(
                "{\"tool_calls\":[{\"index\":\(number),\"function\":{\"arguments\":\(quoted(text))}}]}", finish: nil,
                into: &buffer)
        case .malformed: buffer.append("data: {\"id\": broken\n\n")
        case .failure(let message):
            buffer.append("data: \(errorBody(message, type: "server_error", code: "overloaded"))\n\n")
        case .cut, .silence: break
        }
    }

    /// The events after the last step: finish reason, usage when asked for, the end.
    func ending(_ script: SimulatorScript, wantsUsage: Bool, into buffer: inout ByteBuffer) {
        chunk("{}", finish: script.finishReason, into: &buffer)
        if wantsUsage {
            buffer.append("data: {\(head("chat.completion.chunk")),\"choices\":[],\"usage\":\(usage(script))}\n\n")
        }
        buffer.append("data: [DONE]\n\n")
    }

    /// The whole answer as one body.
    func whole(_ script: SimulatorScript, into buffer: inout ByteBuffer) {
        var text = ""
        var reasoning = ""
        var calls: [(id: String, name: String, arguments: String)] = []
        for step in script.steps {
            switch step {
            case .text(let piece): text += piece
            case .reasoning(let piece): reasoning += piece
            case .toolCall(_, let id, let name): calls.append((id, name, ""))
            case .toolArguments(let number, let piece): calls[number].arguments += piece
            case .malformed, .failure, .cut, .silence: break
            }
        }
        var message = "\"role\":\"assistant\",\"content\":\(calls.isEmpty ? quoted(text) : "null"),\"refusal\":null"
        if !reasoning.isEmpty { message += ",\"reasoning_content\":\(quoted(reasoning))" }
        if !calls.isEmpty {
            let list = calls.map { call in
                let function = "{\"name\":\(quoted(call.name)),\"arguments\":\(quoted(call.arguments))}"
                return "{\"id\":\(quoted(call.id)),\"type\":\"function\",\"function\":\(function)}"
            }
            message += ",\"tool_calls\":[\(list.joined(separator: ","))]"
        }
        let choice = "{\"index\":0,\"message\":{\(message)},\"finish_reason\":\"\(script.finishReason)\",\"logprobs\":null}"
        buffer.append("{\(head("chat.completion")),\"choices\":[\(choice)],\"usage\":\(usage(script))}")
    }

    /// An error's body.
    func errorBody(_ message: String, type: String, code: String?) -> String {
        "{\"error\":{\"message\":\(quoted(message)),\"type\":\"\(type)\",\"param\":null,\"code\":\(code.map { "\"\($0)\"" } ?? "null")}}"
    }

    private func chunk(_ delta: String, finish: String?, into buffer: inout ByteBuffer) {
        let reason = finish.map { "\"\($0)\"" } ?? "null"
        buffer.append("data: {\(head("chat.completion.chunk"))")
        buffer.append(",\"choices\":[{\"index\":0,\"delta\":\(delta),\"logprobs\":null,\"finish_reason\":\(reason)}]}\n\n")
    }

    private func head(_ object: String) -> String {
        "\"id\":\"\(id)\",\"object\":\"\(object)\",\"created\":\(created),\"model\":\(quoted(model))"
    }

    private func usage(_ script: SimulatorScript) -> String {
        let total = script.inputTokens + script.outputTokens
        return "{\"prompt_tokens\":\(script.inputTokens),\"completion_tokens\":\(script.outputTokens),\"total_tokens\":\(total)}"
    }

    private func quoted(_ text: String) -> String { SimulatedArguments.text(.string(text)) }
}
