// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Foundation
import JSON

/// What the SDKs of each client dialect demand of a stream, beyond that each event can be read.
struct ClientStreamRules {
    struct Event {
        let name: String
        let data: String
        let value: JSONValue
        var type: String { value["type"]?.string ?? "" }
    }

    /// What a stream breaks; empty when it keeps all rules.
    private(set) var problems: [String] = []
    private var events: [Event] = []

    /// Judges what Sluice wrote itself, or with `isHandedOn` what it handed on: of that only frame, JSON and end are its own.
    static func problems(in output: String, for client: Dialect, isHandedOn: Bool = false) -> [String] {
        var rules = ClientStreamRules()
        rules.split(output, client)
        switch client {
        case .openAIChat: rules.judgeChatEnd()
        case .openAIResponses: rules.judgeEnd(["response.completed", "response.incomplete", "response.failed"])
        case .anthropic: rules.judgeEnd(["message_stop", "error"])
        default: rules.judgeGemini(isHandedOn)
        }
        guard !isHandedOn else { return rules.problems }
        switch client {
        case .openAIChat: rules.judgeChat()
        case .openAIResponses: rules.judgeResponses()
        case .anthropic: rules.judgeMessages()
        default: break
        }
        return rules.problems
    }

    private mutating func split(_ output: String, _ client: Dialect) {
        expect(output.utf8.reversed().starts(with: [10, 10]) || output.isEmpty, "it does not end with a blank line")
        for block in output.components(separatedBy: "\n\n") where !block.isEmpty {
            var (name, data) = ("", "")
            for line in block.split(separator: "\n", omittingEmptySubsequences: false) {
                if line.hasPrefix("data: ") {
                    expect(data.isEmpty, "an event has two lines of data")
                    data = String(line.dropFirst(6))
                } else if line.hasPrefix("event: "), client == .openAIResponses || client == .anthropic {
                    name = String(line.dropFirst(7))
                } else if client == .openAIChat, line == "event: error" {
                    name = "error"
                } else {
                    problems.append("a line of another kind: \(line.prefix(40))")
                }
            }
            let value = try? JSONValue(parsing: data.utf8.span, allowsLoneSurrogates: true)
            expect(value != nil || data == "[DONE]", "not JSON: \(data.prefix(60))")
            events.append(Event(name: name, data: data, value: value ?? .null))
        }
        expect(!events.isEmpty, "there are no events")
    }

    mutating func expect(_ isRight: Bool, _ problem: String) {
        if !isRight { problems.append(problem) }
    }

    private mutating func judgeEnd(_ types: [String]) {
        let ends = events.indices.filter { types.contains(events[$0].type) }
        expect(ends == [events.count - 1], "the ends are \(ends) of \(events.count)")
        expect(events.allSatisfy { $0.name.isEmpty || $0.name == $0.type }, "a name is not the type")
    }

    // MARK: Chat completions

    private mutating func judgeChatEnd() {
        let ends = events.indices.filter { events[$0].data == "[DONE]" || events[$0].value["error"]?.isNull == false }
        expect(ends == [events.count - 1], "the ends are \(ends) of \(events.count)")
    }

    private mutating func judgeChat() {
        var (begun, ended): (Set<Int>, Set<Int>) = ([], [])
        var calls: [Int: Int] = [:]
        var heads: [JSONValue] = []
        var usages = 0
        for event in events where event.data != "[DONE]" && event.value["error"] == nil {
            let head = JSONValue.array(["id", "object", "created", "model"].map { event.value[$0] ?? .null })
            if heads.last != head { heads.append(head) }
            guard let choices = event.value["choices"]?.elements else {
                problems.append("a chunk without choices")
                continue
            }
            if choices.isEmpty {
                usages += 1
                expect(event.value["usage"]?.members != nil, "a chunk without anything")
                continue
            }
            expect(usages == 0, "a choice after the usage")
            for choice in choices {
                let index = choice["index"]?.integer ?? -1
                let delta = choice["delta"]
                expect(delta?.members != nil, "a choice without delta")
                expect(!ended.contains(index) || choice["finish_reason"]?.isNull == true, "a choice ends twice")
                expect((delta?["role"] != nil) == begun.insert(index).inserted, "the role is not on the first delta alone")
                for call in delta?["tool_calls"]?.elements ?? [] { judgeCall(call, &calls[index, default: 0]) }
                if let reason = choice["finish_reason"]?.string {
                    ended.insert(index)
                    let names = ["stop", "length", "tool_calls", "content_filter", "error"]
                    expect(names.contains(reason), "it ended by \(reason)")
                }
            }
        }
        expect(heads.count <= 1, "id, time or model change")
        expect(usages <= 1, "usage comes \(usages) times")
        if events.last?.data == "[DONE]" { expect(begun == ended, "a choice did not end") }
    }

    private mutating func judgeCall(_ call: JSONValue, _ count: inout Int) {
        let index = call["index"]?.integer ?? -1
        let body = call["function"] ?? call["custom"]
        expect(body?["arguments"]?.string != nil || body?["input"]?.string != nil, "arguments are no string")
        if body?["name"] != nil {
            expect(index == count, "call \(index) begins after \(count) others")
            expect(call["id"]?.string?.isEmpty == false, "a call has no id")
            expect(body?["name"]?.string?.isEmpty == false, "a call has no name")
            expect(["function", "custom"].contains(call["type"]?.string), "a call has no type")
            count += 1
        } else {
            expect(index < count && call["id"] == nil, "a fragment of no call, or with an id")
        }
    }

    // MARK: Gemini

    private mutating func judgeGemini(_ isHandedOn: Bool) {
        let errors = events.indices.filter { events[$0].value["error"] != nil }
        expect(errors.isEmpty || errors == [events.count - 1], "an error is not the last event")
        if let error = errors.first.flatMap({ events[$0].value["error"] }) {
            expect(error["code"]?.integer != nil && error["status"]?.string != nil, "an error without code or status")
        }
        guard !isHandedOn else { return }
        var ended: Set<Int> = []
        var (begun, last): (Set<Int>, Int) = ([], -1)
        for (number, event) in events.enumerated() {
            for candidate in event.value["candidates"]?.elements ?? [] {
                let index = candidate["index"]?.integer ?? -1
                begun.insert(index)
                if candidate["finishReason"] != nil {
                    expect(ended.insert(index).inserted, "a candidate ends twice")
                    last = number
                } else {
                    expect(!ended.contains(index), "a candidate goes on after its end")
                }
                for part in candidate["content"]?["parts"]?.elements ?? [] {
                    if let call = part["functionCall"] {
                        expect(call["args"]?.members != nil || call["args"] == nil, "args are no object")
                        expect(call["name"]?.string?.isEmpty == false, "a call has no name")
                    }
                    if let signature = part["thoughtSignature"]?.string {
                        expect(Data(base64Encoded: signature) != nil, "a signature is no base64")
                    }
                }
            }
        }
        guard errors.isEmpty else { return }
        expect(begun == ended, "a candidate did not end")
        expect(last == events.count - 1, "the end is not on the last chunk")
    }
}

// MARK: Messages and Responses

extension ClientStreamRules {
    private mutating func judgeMessages() {
        var open: (index: Int, type: String)?
        var count = 0
        for (number, event) in events.enumerated() {
            expect(!event.name.isEmpty, "an event without a name")
            expect((event.type == "message_start") == (number == 0) || event.type == "error", "message_start is not first")
            let index = event.value["index"]?.integer
            switch event.type {
            case "message_start":
                expect(event.value["message"]?["content"] == .array([]), "the message has content")
                expect(event.value["message"]?["usage"]?.members != nil, "the message has no usage")
            case "content_block_start":
                expect(open == nil && index == count, "block \(index ?? -1) begins as number \(count)")
                open = (count, event.value["content_block"]?["type"]?.string ?? "")
                count += 1
            case "content_block_delta":
                expect(index == open?.index, "a delta of no open block")
                let kinds = [
                    "text_delta": "text", "citations_delta": "text", "thinking_delta": "thinking",
                    "signature_delta": "thinking", "input_json_delta": "tool_use",
                ]
                let kind = event.value["delta"]?["type"]?.string ?? ""
                expect(kinds[kind] == open?.type, "\(kind) in a block of \(open?.type ?? "nothing")")
            case "content_block_stop":
                expect(index == open?.index, "the end of no open block")
                open = nil
            case "message_delta":
                expect(open == nil, "the message ends in a block")
                expect(event.value["usage"]?["output_tokens"]?.integer != nil, "no usage at the end")
                expect(event.value["delta"]?["stop_reason"]?.string != nil, "no stop reason")
                expect(number == events.count - 2, "message_delta is not the last but one")
            case "message_stop", "ping", "error": break
            default: problems.append("an event \(event.type)")
            }
        }
        if events.last?.type == "message_stop" {
            expect(events.contains { $0.type == "message_delta" }, "message_stop without message_delta")
        }
    }

    private mutating func judgeResponses() {
        let numbers = events.compactMap { $0.value["sequence_number"]?.integer }
        expect(numbers == Array(0..<events.count), "the sequence numbers are \(numbers)")
        expect(
            events.prefix(2).map(\.type) == ["response.created", "response.in_progress"], "it does not begin as it must")
        let ids = Set(events.compactMap { $0.value["response"]?["id"]?.string })
        expect(ids.count == 1, "the response's ids are \(ids)")
        var open: JSONValue?
        var done: [JSONValue] = []
        var text: [String: String] = [:]
        for event in events.dropFirst(2) {
            let type = event.type
            if type == "error" || type.hasPrefix("response.") && event.value["response"] != nil { continue }
            expect(event.value["output_index"]?.integer == done.count, "\(type) of another item")
            if type == "response.output_item.added" {
                expect(open == nil, "an item begins in an item")
                open = event.value["item"]
                expect(open?["id"]?.string?.isEmpty == false, "an item without id")
                continue
            }
            guard let item = open else {
                problems.append("\(type) without an item")
                continue
            }
            if type == "response.output_item.done" {
                expect(event.value["item"]?["id"] == item["id"], "an item's id changes")
                expect(event.value["item"]?["call_id"] == item["call_id"], "a call's id changes")
                done.append(event.value["item"] ?? .null)
                open = nil
                continue
            }
            expect(event.value["item_id"] == item["id"], "\(type) has another item's id")
            let stem = String(type.split(separator: ".").dropLast().joined(separator: "."))
            let part = event.value["content_index"] ?? event.value["summary_index"]
            let key = "\(done.count) \(stem) \(part?.integer ?? 0)"
            if type.hasSuffix(".delta") { text[key, default: ""] += event.value["delta"]?.string ?? "?" }
            if type.hasSuffix(".done"),
                let whole = ["text", "refusal", "arguments", "input"]
                    .compactMap({ event.value[$0]?.string }).first
            {
                expect(text[key, default: ""] == whole, "\(type) differs from its deltas")
            }
        }
        guard let last = events.last, last.type != "response.failed" else { return }
        expect(open == nil, "an item did not end")
        expect(last.value["response"]?["output"]?.elements == done, "the output differs from the items")
    }
}
