// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import JSON

@Suite("JSONValue and JSONWriter") struct JSONValueTests {
    func text(_ buffer: ByteBuffer) -> String { String(decoding: buffer.storage, as: UTF8.self) }

    @Test("keeps members in order and finds the last of a name") func duplicates() throws {
        let value = try JSONValue(parsing: Array(#"{"a":1,"b":[true,null],"a":2}"#.utf8).span)
        #expect(value.members?.map(\.key) == ["a", "b", "a"])
        #expect(value["a"]?.integer == 2)
        #expect(value["b"]?[1]?.isNull == true)
        #expect(value["b"]?[2] == nil)
        #expect(value["c"] == nil)
    }

    @Test("counts every value against the budget, and stops at the first that is too many") func budget() throws {
        let bytes = Array(#"[1,{"a":[2,3]},null]"#.utf8)
        for (allowed, isEnough) in [(7, true), (6, false), (1, false), (0, false)] {
            var tokenizer = JSONTokenizer()
            let first = try tokenizer.next(in: bytes.span)
            var budget = allowed
            let value = try? JSONValue(first, reading: &tokenizer, in: bytes.span, budget: &budget)
            #expect((value != nil) == isEnough)
            #expect(budget == 0)
        }
    }

    @Test("refuses a text of more values than it takes, long before its end") func tooMany() {
        var ones = Array("1,".utf8)
        while ones.count < 32 << 20 { ones += ones }
        let bytes = Array("[".utf8) + ones + Array("1]".utf8)
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: bytes.span) }
        // The array is a value too.
        #expect(error == JSONError(.tooMany, at: 2 * (JSONValue.valueLimit - 1) + 1))
        #expect((try? JSONValue(parsing: Array("[1,2]".utf8).span, valueLimit: 2)) == nil)
        #expect((try? JSONValue(parsing: Array("[1,2]".utf8).span, valueLimit: 3)) != nil)
    }

    @Test(
        "writes back what it read",
        arguments: [
            #"{"a":[1.50,-0,1e400,"x"],"a":{},"":null}"#, #""\"\\\n\r\t\b\f\u0000\u001f/é漢😀""#, "[]",
            "[[],{},[[]]]",
            "\"\u{2028}\"",
        ])
    func roundTrip(_ json: String) throws {
        var buffer = ByteBuffer()
        try JSONValue(parsing: json.utf8.span).write(into: &buffer)
        #expect(text(buffer) == json)
    }

    @Test("writes members with their commas after what the buffer holds") func writer() {
        let upstream = Array(#"x"a\nb" {"c":"#.utf8) + Array("\n 1}".utf8)
        var buffer = ByteBuffer()
        buffer.append("data: ")
        buffer.appendJSON { json in
            json.object { json in
                json.member("id", "a\"b")
                json.member("kind", literal: "k")
                json.member("n", -5)
                json.member("yes", true)
                json.member("none", .null)
                json.member("text", escaped: upstream.span, 2..<6)
                json.member(
                    "list",
                    array: { json in
                        json.integer(1)
                        json.array { _ in }
                        json.object { _ in }
                        json.string("s")
                    })
                json.key("raw")
                json.raw(upstream.span, 8..<upstream.count)
            }
        }
        #expect(
            text(buffer) == #"data: {"id":"a\"b","kind":"k","n":-5,"yes":true,"none":null,"text":"a\nb","#
                + #""list":[1,[],{},"s"],"raw":{"c":  1}}"#)
    }

    @Test("finds what to escape at every place in a long text", arguments: 0..<40)
    func escapePlaces(_ place: Int) throws {
        for byte in ["\"", "\\", "\n", "\u{1f}", "\u{0}"] {
            let plain = String(repeating: "é x", count: 10)
            let string = String(plain.unicodeScalars.prefix(place)) + byte + plain
            var buffer = ByteBuffer()
            buffer.appendJSONString(string)
            #expect(try JSONValue(parsing: buffer.bytes) == .string(string))
        }
    }
}
