// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Testing

@testable import Dialects

@Suite("Tool calls in streams")
struct ToolCallStreamTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let deltas: [String]
        /// Id, name and arguments of each call.
        let calls: [[String]]
        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "fragments in order",
            deltas: [
                #"[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]"#,
                #"[{"index":0,"function":{"arguments":"{\"x\""}}]"#,
                #"[{"index":0,"function":{"arguments":":1}"}}]"#,
            ], calls: [["a", "f", #"{"x":1}"#]]),
        Case(
            name: "two calls whose fragments interleave",
            deltas: [
                #"[{"index":0,"id":"a","function":{"name":"f","arguments":"1"}},"#
                    + #"{"index":1,"id":"b","function":{"name":"g","arguments":"2"}}]"#,
                #"[{"index":1,"function":{"arguments":"4"}},{"index":0,"function":{"arguments":"3"}}]"#,
            ], calls: [["a", "f", "13"], ["b", "g", "24"]]),
        Case(
            name: "no index: the place in the array counts",
            deltas: [
                #"[{"id":"a","function":{"name":"f","arguments":"{}"}},"#
                    + #"{"id":"b","function":{"name":"g","arguments":"{}"}}]"#
            ],
            calls: [["a", "f", "{}"], ["b", "g", "{}"]]),
        Case(
            name: "id and name on every fragment",
            deltas: [
                #"[{"index":0,"id":"a","function":{"name":"f","arguments":"1"}}]"#,
                #"[{"index":0,"id":"a","function":{"name":"f","arguments":"2"}}]"#,
            ], calls: [["a", "f", "12"]]),
        Case(
            name: "every call on index 0",
            deltas: [
                #"[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]"#,
                #"[{"index":0,"id":"b","function":{"name":"f","arguments":"{"}}]"#,
                #"[{"index":0,"function":{"arguments":"}"}}]"#,
            ], calls: [["a", "f", "{}"], ["b", "f", "{}"]]),
        Case(
            name: "an index that begins at 1",
            deltas: [
                #"[{"index":1,"id":"a","function":{"name":"f","arguments":""}}]"#,
                #"[{"index":1,"function":{"arguments":"{}"}}]"#,
            ], calls: [["a", "f", "{}"]]),
        Case(
            name: "empty names on later fragments",
            deltas: [
                #"[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]"#,
                #"[{"index":0,"id":"null","function":{"name":"","arguments":"{}"}}]"#,
            ], calls: [["a", "f", "{}"]]),
        Case(
            name: "fragments without a name, which call nobody",
            deltas: [
                #"[{"index":0,"function":{"arguments":"{}"}}]"#, #"[{"function":null},5,{"index":"x"},{}]"#,
            ],
            calls: []),
        Case(
            name: "the members in another order",
            deltas: [#"[{"function":{"arguments":"{}","name":"f"},"type":"function","id":"a","index":0}]"#],
            calls: [["a", "f", "{}"]]),
        Case(
            name: "whole calls that come one by one without index",
            deltas: [
                #"[{"id":"a","function":{"name":"f","arguments":"{}"}}]"#,
                #"[{"id":"b","function":{"name":"f","arguments":"{\"k\":2}"}}]"#,
            ], calls: [["a", "f", "{}"], ["b", "f", #"{"k":2}"#]]),
        Case(
            name: "fragments without index go to the call whose id they repeat",
            deltas: [
                #"[{"id":"a","function":{"name":"f","arguments":"1"}},"#
                    + #"{"id":"b","function":{"name":"g","arguments":"2"}}]"#,
                #"[{"id":"b","function":{"arguments":"3"}}]"#, #"[{"id":"a","function":{"arguments":"4"}}]"#,
            ], calls: [["a", "f", "14"], ["b", "g", "23"]]),
        Case(
            name: "a custom tool",
            deltas: [#"[{"index":0,"id":"a","type":"custom","custom":{"name":"f","input":"in"}}]"#],
            calls: [["a", "f", "in"]]),
        Case(
            name: "calls without ids on one index, told apart by their names",
            deltas: [
                #"[{"index":0,"function":{"name":"f","arguments":"{\"x\":1}"}}]"#,
                #"[{"index":0,"function":{"name":"g","arguments":"{\"y\""}}]"#,
                #"[{"index":0,"function":{"arguments":":2}"}}]"#,
            ], calls: [["", "f", #"{"x":1}"#], ["", "g", #"{"y":2}"#]]),
        Case(
            name: "calls of one tool without ids on one index, each whole before the next",
            deltas: [
                #"[{"index":0,"function":{"name":"f","arguments":"{\"x\":\"}\""}}]"#,
                #"[{"index":0,"function":{"name":"f","arguments":"}"}}]"#,
                #"[{"index":0,"function":{"name":"f","arguments":{"x":2}}}]"#,
                #"[{"index":0,"function":{"name":"f","arguments":""}}]"#,
                #"[{"index":0,"function":{"arguments":"{\"x\""}}]"#,
                #"[{"index":0,"function":{"arguments":":3}"}}]"#,
            ], calls: [["", "f", #"{"x":"}"}"#], ["", "f", #"{"x":2}"#], ["", "f", #"{"x":3}"#]]),
        Case(
            name: "a name without id on every fragment, also on the last, which is empty",
            deltas: [
                #"[{"index":0,"function":{"name":"f","arguments":""}}]"#,
                #"[{"index":0,"function":{"name":"f","arguments":"{\"x\""}}]"#,
                #"[{"index":0,"function":{"name":"f","arguments":":1}"}}]"#,
                #"[{"index":0,"function":{"name":"f","arguments":""}}]"#,
            ], calls: [["", "f", #"{"x":1}"#]]),
        Case(
            name: "id and name on every fragment, whole or not",
            deltas: [
                #"[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]"#,
                #"[{"index":0,"id":"a","function":{"name":"f","arguments":" "}}]"#,
                #"[{"index":0,"function":{"name":"f","arguments":" "}}]"#,
            ], calls: [["a", "f", "{}  "]]),
        Case(
            name: "a name that comes after the id",
            deltas: [
                #"[{"index":0,"id":"a\"","function":{"arguments":"{"}}]"#,
                #"[{"index":0,"function":{"arguments":"\"x\""}}]"#,
                #"[{"index":0,"function":{"name":"f\u0041","arguments":":"}}]"#,
                #"[{"index":0,"id":"a\"","function":{"name":"f\u0041","arguments":"1}"}}]"#,
            ], calls: [["a\"", "fA", #"{"x":1}"#]]),
        Case(
            name: "a name that comes after the id and before another call, which is told first",
            deltas: [
                #"[{"index":0,"id":"a","function":{"arguments":"{}"}}]"#,
                #"[{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}},{"index":0,"function":{"name":"f"}}]"#,
            ], calls: [["b", "g", "{}"], ["a", "f", "{}"]]),
        Case(
            name: "an id that comes after the name",
            deltas: [
                #"[{"index":0,"function":{"arguments":""}}]"#,
                #"[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]"#,
            ], calls: [["a", "f", "{}"]]),
        Case(
            name: "a name that never comes",
            deltas: [#"[{"index":0,"id":"a","function":{"arguments":"{"}}]"#, #"[{"index":0,"function":{"arguments":"}"}}]"#],
            calls: []),
    ]

    @Test("are put together", arguments: cases)
    func fold(_ item: Case) {
        var replay = StreamReplay()
        for delta in item.deltas {
            replay.feed(#"{"choices":[{"index":0,"delta":{"content":"t","tool_calls":\#(delta)}}]}"#)
        }
        replay.feed(#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#)
        let calls = replay.accumulator.choices.flatMap(\.toolCalls)
        #expect(replay.malformedCount == 0)
        #expect(calls.map { [$0.id, $0.name, $0.arguments] } == item.calls)
        #expect(calls.map(\.number) == Array(0..<item.calls.count))
        // Text beside a call is not lost.
        #expect(replay.accumulator.text.count == item.deltas.count)
    }

    @Test(
        "are read on behind a broken fragment",
        arguments: [
            "[null,5,[]]", "[{}]", #"[{"index":"x","function":null}]"#,
            #"[{"index":-1,"id":7,"function":{"name":[]}}]"#,
            #"[{"index":9223372036854775807,"function":{"arguments":{}}}]"#, "{}", "null",
        ])
    func broken(_ array: String) {
        var replay = StreamReplay()
        replay.feed(#"{"choices":[{"index":0,"delta":{"tool_calls":\#(array)}}]}"#)
        let before = replay.accumulator.choices.flatMap(\.toolCalls).count
        let text = #"[{"index":3,"id":"z","function":{"name":"last","arguments":"!"}}]"#
        replay.feed(#"{"choices":[{"index":0,"delta":{"tool_calls":\#(text)}}]}"#)
        let calls = replay.accumulator.choices.flatMap(\.toolCalls)
        #expect(replay.malformedCount == 0)
        #expect(calls.count == before + 1)
        #expect(calls.last.map { [$0.id, $0.name, $0.arguments] } == ["z", "last", "!"])
    }

    @Test("wait for their names with a bounded text: more is a malformed event, and never a call that lacks some")
    func held() {
        var replay = StreamReplay()
        let first = replay.feed(#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{}}]}}]}"#)
        #expect(first.deltas == [.start(choice: 0)])
        let long = String(repeating: "x", count: 40_000)
        let piece = #"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\#(long)"}}]}}]}"#
        #expect(replay.feed(piece).deltas.isEmpty)
        #expect(replay.malformedCount == 0)
        replay.feed(piece)
        replay.feed(#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f"}}]}}]}"#)
        #expect(replay.malformedCount == 1)
        #expect(replay.accumulator.choices.flatMap(\.toolCalls).isEmpty)
        replay.feed(#"{"choices":[{"delta":{"content":"t"}}]}"#)
        #expect(replay.accumulator.text == "t" && replay.malformedCount == 1)
    }

    @Test("with ids and names beyond all measure end in a malformed event")
    func names() {
        var replay = StreamReplay()
        let long = String(repeating: "n", count: 1 << 20)
        for index in 0..<8 {
            let call = #"{"index":\#(index),"id":"\#(index)","function":{"name":"\#(long)"}}"#
            replay.feed(#"{"choices":[{"delta":{"tool_calls":[\#(call)]}}]}"#)
        }
        #expect(replay.malformedCount == 4)
    }

    @Test("are put together from the legacy form, which has neither index nor id")
    func legacy() {
        var replay = StreamReplay()
        replay.feed(#"{"choices":[{"delta":{"function_call":{"name":"f","arguments":"{"}}}]}"#)
        replay.feed(
            #"{"choices":[{"delta":{"function_call":{"arguments":"}"}},"finish_reason":"function_call"}]}"#)
        let choice = replay.accumulator.choices.first
        #expect(choice?.toolCalls.map { [$0.name, $0.arguments] } == [["f", "{}"]])
        #expect(choice?.finish == .toolCalls)
    }
}
