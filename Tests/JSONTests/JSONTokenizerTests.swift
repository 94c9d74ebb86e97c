// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Foundation
import Testing

@testable import JSON

/// A text that must be accepted, must be refused, or may be either but must not crash.
struct TextCase: CustomTestStringConvertible, Sendable {
    var name: String
    var bytes: [UInt8]
    var verdict: Bool?

    var testDescription: String { name }

    /// The project's own cases, and those in the folder that `SLUICE_JSON_CASES` names.
    static let all: [TextCase] = {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let named = ProcessInfo.processInfo.environment["SLUICE_JSON_CASES"].map { URL(filePath: $0) }
        return cases(in: tests.appending(path: "Fixtures/json")) + (named.map(cases) ?? [])
    }()

    /// The cases of a folder: `y_` before a file's name says that it is JSON, `n_` that it is not.
    static func cases(in folder: URL) -> [TextCase] {
        let verdicts: [(prefix: String, isJSON: Bool?)] = [("y_", true), ("n_", false), ("i_", nil)]
        let files = try! FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let cases = files.compactMap { file -> TextCase? in
            let name = file.lastPathComponent
            guard let verdict = verdicts.first(where: { name.hasPrefix($0.prefix) }) else { return nil }
            return TextCase(name: name, bytes: [UInt8](try! Data(contentsOf: file)), verdict: verdict.isJSON)
        }
        precondition(!cases.isEmpty, "no cases in \(folder.path)")
        return cases.sorted { $0.name < $1.name }
    }
}

func tokens(_ bytes: [UInt8], lone: Bool = false) throws(JSONError) -> [JSONToken] {
    var tokenizer = JSONTokenizer(allowsLoneSurrogates: lone)
    var all: [JSONToken] = []
    repeat { all.append(try tokenizer.next(in: bytes.span)) } while all.last?.kind != .endOfInput
    return all
}

@Suite("JSONTokenizer") struct JSONTokenizerTests {
    @Test("accepts JSON and nothing else", arguments: TextCase.all)
    func grammar(_ item: TextCase) {
        let isAccepted = (try? tokens(item.bytes)) != nil
        if let verdict = item.verdict { #expect(isAccepted == verdict) }
        // The tree stands on the tokenizer, and must neither accept more nor less.
        #expect(((try? JSONValue(parsing: item.bytes.span)) != nil) == isAccepted)
    }

    @Test("refuses every text that was cut short", arguments: TextCase.all.filter { $0.verdict == true })
    func cuts(_ item: TextCase) throws {
        guard item.bytes.first == UInt8(ascii: "{") || item.bytes.first == UInt8(ascii: "[") else { return }
        let end = item.bytes.lastIndex { $0 == UInt8(ascii: "}") || $0 == UInt8(ascii: "]") } ?? 0
        for cut in 0..<end { #expect(throws: JSONError.self) { try tokens(Array(item.bytes[..<cut])) } }
    }

    @Test("gives the inside of strings, still escaped, and numbers as written") func places() throws {
        let bytes = Array(#" {"a\n": [1.50, "x"], "b": {}} "#.utf8)
        let all = try tokens(bytes)
        let kinds: [JSONToken.Kind] = [
            .beginObject, .key, .beginArray, .number, .string, .endArray, .key, .beginObject, .endObject,
            .endObject, .endOfInput,
        ]
        #expect(all.map(\.kind) == kinds)
        #expect(
            all.map { String(decoding: bytes[$0.range], as: UTF8.self) }[1...4] == ["a\\n", "[", "1.50", "x"])
        #expect(all.map(\.hasEscapes).firstIndex(of: true) == 1)
    }

    @Test(
        "says what is wrong and where",
        arguments: [
            ("[1,]", .unexpectedByte, 3), ("{\"a\"", .unexpectedEnd, 4), ("[01]", .invalidNumber, 1),
            ("\"\\q\"", .invalidEscape, 1), ("\"a\u{1}\"", .controlCharacter, 2), ("1 1", .trailingBytes, 2),
            ("\"\\ud800\"", .loneSurrogate, 1),
        ] as [(String, JSONError.Reason, Int)])
    func reasons(_ text: String, reason: JSONError.Reason, offset: Int) {
        #expect(throws: JSONError(reason, at: offset)) { try tokens(Array(text.utf8)) }
    }

    @Test("refuses depth beyond the limit") func depth() throws {
        var tokenizer = JSONTokenizer(depthLimit: 1)
        let bytes = Array("[[]]".utf8)
        _ = try tokenizer.next(in: bytes.span)
        #expect(throws: JSONError(.tooDeep, at: 1)) { try tokenizer.next(in: bytes.span) }
    }

    @Test(
        "skips a value and says where it stood",
        arguments: ["{\"x\":[1,{}]}", "[]", "\"a\\\"b\"", "-1.5e3", "null"])
    func skips(_ value: String) throws {
        let bytes = Array("{\"k\": \(value) ,\"z\":1}".utf8)
        var tokenizer = JSONTokenizer()
        _ = try tokenizer.next(in: bytes.span)
        _ = try tokenizer.next(in: bytes.span)
        let range = try tokenizer.skipValue(in: bytes.span)
        #expect(String(decoding: bytes[range], as: UTF8.self) == value)
        #expect(try tokenizer.next(in: bytes.span).equals("z", in: bytes.span))
    }

    @Test("reads half a surrogate pair as U+FFFD when told to tolerate it") func loneSurrogate() throws {
        let bytes = Array(#""a\ud83db\udc00\ud83d\ude00""#.utf8)
        #expect(try tokens(bytes, lone: true)[0].string(in: bytes.span) == "a\u{FFFD}b\u{FFFD}😀")
    }

    @Test(
        "compares a key with a text however it is escaped",
        arguments: [
            ("model", true), (#"\u006dodel"#, true), (#"mode\u006C"#, true), ("mode", false),
            ("models", false),
            (#"mode\u006d"#, false), (#"\u006dodels"#, false), ("Model", false),
        ])
    func keys(_ key: String, isModel: Bool) throws {
        let bytes = Array("{\"\(key)\":0}".utf8)
        let token = try tokens(bytes)[1]
        #expect(token.equals("model", in: bytes.span) == isModel)
        #expect(token.equals(text: "model", in: bytes.span) == isModel)
    }

    @Test(
        "reads whole numbers by value, not by spelling",
        arguments: [
            ("0", 0), ("-0", 0), ("12", 12), ("-12", -12), ("1.0", 1), ("1.5", nil), ("1e3", 1000),
            ("1200e-2", 12),
            ("12.5e1", 125), ("12.50e1", 125), ("1e-1", nil), ("0e999999999999999999", 0), ("1e400", nil),
            ("9223372036854775807", Int.max), ("9223372036854775808", nil), ("-9223372036854775808", Int.min),
            ("-9223372036854775809", nil), ("99999999999999999999999", nil), ("0.000", 0),
            ("100000.00", 100_000),
            ("0.001e3", 1), ("10000000000000000000000e-20", 100),
        ] as [(String, Int?)])
    func integers(_ text: String, value: Int?) throws {
        let bytes = Array(text.utf8)
        #expect(try tokens(bytes)[0].integer(in: bytes.span) == value)
    }
}
