// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing

@testable import Services

private func value(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8).span) }

@Suite("JSONSchema")
struct JSONSchemaTests {
    private static let cases: [(schema: String, right: [String], wrong: [String])] = [
        (#"{"type":"object"}"#, ["{}", #"{"a":1}"#], ["[]", "null", "1"]),
        (#"{"type":["string","null"]}"#, [#""a""#, "null"], ["1"]),
        (#"{"type":"integer"}"#, ["1", "1.0", "-2e3"], ["1.5", #""1""#]),
        (#"{"type":"number","minimum":1,"exclusiveMaximum":3}"#, ["1", "2.9"], ["0.9", "3", #""2""#]),
        (#"{"minLength":2,"maxLength":3}"#, [#""ab""#, #""äöü""#, "5"], [#""a""#, #""abcd""#]),
        (
            #"{"type":"array","items":{"type":"string"},"minItems":1,"maxItems":2}"#, [#"["a"]"#],
            ["[]", "[1]", #"["a","b","c"]"#]
        ),
        (#"{"enum":["a",1,null]}"#, [#""a""#, "1.0", "null"], [#""b""#, "2"]),
        (#"{"const":{"a":1,"b":2}}"#, [#"{"b":2,"a":1.0}"#], [#"{"a":1}"#]),
        (#"{"anyOf":[{"type":"string"},{"type":"object","required":["x"]}]}"#, [#""a""#, #"{"x":1}"#], ["1", "{}"]),
        (
            #"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}"#,
            [#"{"a":"x"}"#], ["{}", #"{"a":1}"#, #"{"a":"x","b":1}"#, #"{"a":"x","a":"y"}"#]
        ),
        (#"{"additionalProperties":{"type":"integer"}}"#, [#"{"a":1}"#], [#"{"a":"x"}"#]),
    ]

    @Test("tells right from wrong values", arguments: cases.indices)
    func check(_ index: Int) throws {
        let (text, right, wrong) = Self.cases[index]
        let schema = try JSONSchema(try value(text), at: "")
        for good in right { #expect(schema.problems(of: try value(good)) == [], "\(text) \(good)") }
        for bad in wrong { #expect(schema.problems(of: try value(bad)) != [], "\(text) \(bad)") }
    }

    @Test("says where the problem is, and not more often than asked")
    func places() throws {
        let schema = try JSONSchema(
            try value(
                #"{"type":"object","properties":{"units":{"type":"array","items":{"type":"object","required":["title"]}}}}"#),
            at: "")
        #expect(schema.problems(of: try value(#"{"units":[{"title":1},{}]}"#)) == ["/units/1/title is missing"])
        let many = "{\"units\":[" + Array(repeating: "1", count: 50).joined(separator: ",") + "]}"
        #expect(schema.problems(of: try value(many), limit: 3).count == 3)
    }

    @Test(
        "a keyword that is not checked is refused, not ignored",
        arguments: [
            #"{"type":"object","pattern":"x"}"#, #"{"type":"object","$ref":"/a"}"#, #"{"type":"object","oneOf":[]}"#,
            #"{"type":"object","properties":{"a":{"not":{}}}}"#, #"{"type":"object","typo":1}"#, #"{"type":"thing"}"#,
            #"{"type":"object","required":"a"}"#, #"{"type":"object","minItems":-1}"#,
            #"{"type":"object","properties":{"a":{},"a":{}}}"#,
            #"{"type":"object","type":"object"}"#,
            #"{"type":"array"}"#, "{}", #"{"type":"object","anyOf":[{}]}"#, #"{"type":"object","properties":{"a":1}}"#,
        ])
    func refused(_ text: String) throws {
        let source = try value(text)
        #expect(throws: JSONSchemaError.self) { try JSONSchema.ofResult(source) }
    }

    @Test("annotations and members that begin with x- are let pass")
    func annotations() throws {
        let source = try value(
            #"{"type":"object","title":"t","description":"d","$schema":"s","x-any":{},"default":1,"format":"f"}"#)
        #expect(throws: Never.self) { try JSONSchema.ofResult(source) }
    }

    @Test("a piece may lack what the whole must have at the top, but not below")
    func piece() throws {
        let schema = try JSONSchema.ofResult(
            try value(
                #"{"type":"object","required":["title"],"properties":{"title":{"type":"string"},"units":{"type":"array","minItems":2,"items":{"type":"object","required":["title"]}}}}"#
            ))
        #expect(schema.problems(of: try value("{}")).count == 1)
        #expect(schema.ofPiece.problems(of: try value(#"{"units":[{"title":1}]}"#)) == [])
        #expect(schema.ofPiece.problems(of: try value(#"{"units":[{}]}"#)).count == 1)
    }

    @Test("null stands for not said where it may not be, and stays where it may")
    func pruned() throws {
        let schema = try JSONSchema(
            try value(
                #"{"type":"object","required":["c"],"properties":{"a":{"type":"string"},"b":{"type":["string","null"]},"c":{"type":"string"},"l":{"type":"array","items":{"type":"object","properties":{"n":{"type":"integer"}}}}}}"#
            ), at: "")
        let pruned = schema.pruned(try value(#"{"a":null,"b":null,"c":null,"d":null,"l":[{"n":null}]}"#))
        #expect(pruned == (try value(#"{"b":null,"c":null,"d":null,"l":[{}]}"#)))
    }

    @Test("the built-in syllabus is a schema like any other")
    func syllabus() throws {
        let syllabus = try ResultSchema.parse(" syllabus\n")
        #expect(syllabus.text == "syllabus")
        let right = #"{"title":"T","units":[{"number":1,"title":"U","topics":["a"]}],"weeks":[],"topics":["x"]}"#
        #expect(syllabus.schema.problems(of: try value(right)) == [])
        #expect(syllabus.schema.problems(of: try value(#"{"title":"T","teacher":"x"}"#)).count == 1)
        #expect(throws: DocumentError.self) { try ResultSchema.parse("sylabus") }
        #expect(throws: DocumentError.self) { try ResultSchema.parse("{\"type\":") }
    }
}

@Suite("ModelAnswer")
struct ModelAnswerTests {
    @Test(
        "finds the object in what a model says",
        arguments: [
            (#"{"a":1}"#, #"{"a":1}"#), ("```json\n{\"a\":1}\n```", #"{"a":1}"#),
            ("Sure! {\"a\":{\"b\":2}} Done {x}.", #"{"a":{"b":2}}"#),
            ("see [1]: {\"a\":1}", #"{"a":1}"#), ("{broken {\"a\":1}", #"{"a":1}"#), ("no json", nil), ("", nil),
            ("{\"a\":", nil),
            ("[{\"a\":1},{\"b\":2}]", nil), ("{\"a\":1,}", nil), (String(repeating: "{", count: 5000), nil),
        ] as [(String, String?)])
    func found(_ text: String, _ expected: String?) throws {
        #expect(ModelAnswer.object(in: text) == (try expected.map { try value($0) }))
    }

    @Test("an answer made to be slow is given up on")
    func hostile() {
        let text = String(repeating: "{\"a\":\"", count: 200_000)
        let started = ContinuousClock.now
        #expect(ModelAnswer.object(in: text) == nil)
        #expect(ContinuousClock.now - started < .seconds(10))
    }
}

@Suite("ResultMerger")
struct ResultMergerTests {
    private func merged(_ texts: String...) throws -> JSONValue { ResultMerger.merge(try texts.map { try value($0) }) }

    @Test("objects are merged, and the first that is not empty wins")
    func scalars() throws {
        let result = try merged(
            #"{"title":" ","n":null}"#, #"{"title":"A","n":0,"o":{"x":1}}"#, #"{"title":"B","n":5,"o":{"y":2}}"#)
        #expect(result == (try value(#"{"title":"A","n":0,"o":{"x":1,"y":2}}"#)))
    }

    @Test("lists are joined without what says the same but for case and whitespace")
    func texts() throws {
        let result = try merged(
            #"{"t":["Sorting","sorting"]}"#, #"{"t":["  SORTING ","Big  O",1]}"#, #"{"t":["big o",1.0,"Hashing"]}"#)
        #expect(result == (try value(#"{"t":["Sorting","Big  O",1,"Hashing"]}"#)))
    }

    @Test("the same unit seen from two pieces is one unit")
    func labels() throws {
        let result = try merged(
            #"{"u":[{"number":1,"title":"Graphs","topics":["BFS"]}]}"#,
            #"{"u":[{"title":"graphs","topics":["DFS","bfs"]},{"title":"Trees"}]}"#,
            #"{"u":[{"number":2,"title":"Trees"},{"number":1,"topics":["MST"]}]}"#)
        #expect(
            result
                == (try value(
                    #"{"u":[{"number":1,"title":"Graphs","topics":["BFS","DFS","MST"]},{"title":"Trees","number":2}]}"#)))
    }

    @Test("the same title under two numbers is two things")
    func numbers() throws {
        let result = try merged(
            #"{"w":[{"number":1,"title":"Exam"}]}"#, #"{"w":[{"number":9,"title":"Exam"},{"number":9,"title":"Party"}]}"#)
        #expect(result["w"]?.elements?.count == 3)
    }

    @Test("the order of the pieces decides, and nothing else; merging a result with itself changes nothing")
    func deterministic() throws {
        let pieces = [#"{"a":["x","y"],"b":1}"#, #"{"a":["y","z"],"b":2}"#]
        let once = ResultMerger.merge(try pieces.map { try value($0) })
        #expect(once == ResultMerger.merge(try pieces.map { try value($0) }))
        #expect(once == (try value(#"{"a":["x","y","z"],"b":1}"#)))
        #expect(ResultMerger.merge([once, once]) == once)
        #expect(ResultMerger.merge([]) == .object([]))
    }

    @Test("many things with one title are merged in linear time")
    func hostile() throws {
        let elements = (0..<50_000).map {
            JSONValue.object([.init("title", .string("same")), .init("number", .number("\($0)"))])
        }
        let started = ContinuousClock.now
        let result = ResultMerger.merge([.object([.init("w", .array(elements))])])
        #expect(result["w"]?.elements?.count == 50_000)
        #expect(ContinuousClock.now - started < .seconds(20))
    }
}
