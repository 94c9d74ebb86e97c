// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import JSON

/// The schema of a document's result: one that a client sent, or one that is built in.
package struct ResultSchema: Sendable, Equatable {
    /// As it is stored and compared: the name of a built-in schema, or its JSON without whitespace.
    package let text: String
    /// What results are checked against.
    package let schema: JSONSchema

    /// What is used when nobody says otherwise.
    package static let standard = "syllabus"

    /// Reads a schema: JSON, or the name of a built-in one.
    package static func parse(_ text: String) throws(DocumentError) -> ResultSchema {
        let name = text.trimmingASCIISpaces
        if name == standard { return ResultSchema(text: standard, schema: try check(syllabus)) }
        guard name.hasPrefix("{") else {
            throw .badForm("The schema must be a JSON schema, or the name of a built-in one: syllabus.")
        }
        guard text.utf8.count <= DocumentIntake.maxSchema else {
            throw .badForm("The schema must have at most \(DocumentIntake.maxSchema) bytes.")
        }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: Array(name.utf8).span, depthLimit: 48, valueLimit: 10_000)
        } catch {
            throw .badForm("The schema is no valid JSON: \(error.reason) at byte \(error.offset).")
        }
        return ResultSchema(text: value.text, schema: try check(value))
    }

    private static func check(_ value: JSONValue) throws(DocumentError) -> JSONSchema {
        do { return try JSONSchema.ofResult(value) } catch { throw .badForm("Not a schema that is supported: \(error.message).") }
    }

    /// A course's syllabus.
    private static var syllabus: JSONValue {
        .object([
            .init("type", .string("object")),
            .init(
                "properties",
                .object([
                    .init("title", described("string", "The course's title.")),
                    .init("description", described("string", "What the course is about, in a sentence or two.")),
                    .init(
                        "units", list(of: ["number": "integer", "title": "string"], "The course's units or chapters, in order.")),
                    .init("weeks", list(of: ["number": "integer", "title": "string"], "What is taught in each week, in order.")),
                    .init("topics", topics),
                ])),
            .init("required", .array([.string("title")])),
            .init("additionalProperties", .bool(false)),
        ])
    }

    private static func described(_ type: String, _ text: String) -> JSONValue {
        .object([.init("type", .string(type)), .init("description", .string(text))])
    }

    private static var topics: JSONValue {
        .object([.init("type", .string("array")), .init("items", .object([.init("type", .string("string"))]))])
    }

    private static func list(of members: KeyValuePairs<String, String>, _ text: String) -> JSONValue {
        let properties = members.map { JSONValue.Member($0.key, .object([.init("type", .string($0.value))])) }
        let item: [JSONValue.Member] = [
            .init("type", .string("object")), .init("properties", .object(properties + [.init("topics", topics)])),
            .init("required", .array([.string("title")])), .init("additionalProperties", .bool(false)),
        ]
        return .object([
            .init("type", .string("array")), .init("description", .string(text)), .init("items", .object(item)),
        ])
    }
}

extension JSONValue {
    /// The value as JSON without whitespace.
    var text: String {
        var buffer = ByteBuffer()
        write(into: &buffer)
        return String(decoding: buffer.storage, as: UTF8.self)
    }
}

extension String {
    /// The text without spaces and line ends around it.
    var trimmingASCIISpaces: String {
        let bytes = Array(utf8)
        guard let first = bytes.firstIndex(where: { $0 > 0x20 }), let last = bytes.lastIndex(where: { $0 > 0x20 }) else {
            return ""
        }
        return String(decoding: bytes[first...last], as: UTF8.self)
    }
}
