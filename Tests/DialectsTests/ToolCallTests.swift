// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Testing

@testable import Dialects

@Suite("Tool calls of a stream") struct ToolCallTests {
    struct Call: Equatable {
        var number: Int
        var id: String
        var name: String
        var arguments: String
        init(_ number: Int, _ id: String, _ name: String, _ arguments: String) {
            (self.number, self.id, self.name, self.arguments) = (number, id, name, arguments)
        }
    }

    /// The calls that a stream of `tool_calls` arrays makes.
    func calls(_ arrays: [String]) -> [Call] {
        var replay = StreamReplay()
        for array in arrays { replay.feed(#"{"choices":[{"index":0,"delta":{"tool_calls":\#(array)}}]}"#) }
        #expect(replay.malformedCount == 0)
        return (replay.accumulator.choices.first?.toolCalls ?? []).map { Call($0.number, $0.id, $0.name, $0.arguments) }
    }

    @Test("arguments are joined by index, however the fragments interleave")
    func interleaved() {
        let result = calls([
            #"[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]"#,
            #"[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{\"y\""}}]"#,
            #"[{"index":0,"function":{"arguments":"{\"x\":1}"}},{"index":1,"function":{"arguments":":2}"}}]"#,
        ])
        #expect(result == [Call(0, "a", "f", #"{"x":1}"#), Call(1, "b", "g", #"{"y":2}"#)])
    }

    @Test("an index that is missing is the place in the array")
    func missingIndex() {
        let result = calls([
            #"[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"g","arguments":"{}"}}]"#
        ])
        #expect(result == [Call(0, "a", "f", "{}"), Call(1, "b", "g", "{}")])
    }

    @Test("whole calls that come one by one without index are several")
    func wholeCalls() {
        let result = calls([
            #"[{"id":"a","function":{"name":"f","arguments":"{}"}}]"#,
            #"[{"id":"b","function":{"name":"f","arguments":"{\"k\":2}"}}]"#,
        ])
        #expect(result == [Call(0, "a", "f", "{}"), Call(1, "b", "f", #"{"k":2}"#)])
    }

    @Test("a fragment without index goes to the call whose id it repeats")
    func repeatedID() {
        let result = calls([
            #"[{"id":"a","function":{"name":"f","arguments":"1"}},{"id":"b","function":{"name":"g","arguments":"2"}}]"#,
            #"[{"id":"b","function":{"arguments":"3"}}]"#,
            #"[{"id":"a","function":{"name":"f","arguments":"4"}}]"#,
        ])
        #expect(result == [Call(0, "a", "f", "14"), Call(1, "b", "g", "23")])
    }

    @Test("calls that all claim index 0 are told apart by id and name")
    func sameIndex() {
        let result = calls([
            #"[{"index":0,"id":"a","function":{"name":"f","arguments":"1"}}]"#,
            #"[{"index":0,"id":"b","function":{"name":"g","arguments":"2"}}]"#,
            #"[{"index":0,"function":{"arguments":"3"}}]"#,
        ])
        #expect(result == [Call(0, "a", "f", "1"), Call(1, "b", "g", "23")])
    }

    @Test("id and name repeated on every fragment are told once")
    func repeatedName() {
        let result = calls([
            #"[{"index":0,"id":"a","function":{"name":"f","arguments":"["}}]"#,
            #"[{"index":0,"id":"a","function":{"name":"f","arguments":"]"}}]"#,
            #"[{"index":0,"id":"","function":{"name":"","arguments":" "}}]"#,
        ])
        #expect(result == [Call(0, "a", "f", "[] ")])
    }

    @Test("broken fragments are borne", arguments: [
        "[null,5,[]]", "[{}]", #"[{"index":"x","function":null}]"#, #"[{"index":-1,"id":7,"function":{"name":[]}}]"#,
        #"[{"index":9223372036854775807,"function":{"arguments":{}}}]"#, "{}", "null",
    ])
    func broken(_ array: String) {
        let text = #"[{"index":3,"id":"z","function":{"name":"last","arguments":"!"}}]"#
        #expect(calls([array, text]).last == Call(calls([array]).count, "z", "last", "!"))
    }

    @Test("the legacy call has neither index nor id")
    func legacy() {
        var replay = StreamReplay()
        replay.feed(#"{"choices":[{"index":0,"delta":{"function_call":{"name":"f","arguments":""}}}]}"#)
        replay.feed(#"{"choices":[{"index":0,"delta":{"function_call":{"arguments":"{}"}},"finish_reason":"function_call"}]}"#)
        let choice = replay.accumulator.choices.first
        #expect(choice?.toolCalls.map(\.name) == ["f"])
        #expect(choice?.toolCalls.map(\.arguments) == ["{}"])
        #expect(choice?.finish == .toolCalls)
    }

    @Test("text beside a call in one chunk is kept")
    func textAndCall() {
        var replay = StreamReplay()
        replay.feed(
            #"{"choices":[{"delta":{"content":"t","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#)
        #expect(replay.accumulator.text == "t")
        #expect(replay.accumulator.choices.first?.toolCalls.first?.arguments == "{}")
        #expect(replay.decoder.ending == .complete)
    }

    @Test("what a stream makes us remember is bounded")
    func bounded() {
        var replay = StreamReplay()
        for index in 0..<6000 {
            replay.feed(#"{"choices":[{"index":\#(index),"delta":{"content":"x"}}]}"#)
        }
        #expect(replay.malformedCount > 1000)
        #expect(replay.accumulator.choices.count <= 4096)
        replay.feed(#"{"choices":[{"index":5,"delta":{"content":"y"}}]}"#)
        #expect(replay.accumulator.choices[5].text == "xy")
    }
}
