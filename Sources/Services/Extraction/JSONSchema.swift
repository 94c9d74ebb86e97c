// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import JSON

/// Why a schema is not taken: a sentence that names the place.
package struct JSONSchemaError: Error, Equatable, Sendable {
    /// What is wrong.
    package let message: String
}

/// The part of JSON Schema (draft 2020-12) that results are described and checked with.
///
/// Taken: `type`, `enum`, `const`, `anyOf`, `properties`, `required`, `additionalProperties`, `items`, `minItems`, `maxItems`,
/// `minLength`, `maxLength`, `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`. What only annotates is ignored (see
/// `annotations`); every other keyword is refused, as a check that is silently left out would be a lie.
package struct JSONSchema: Sendable, Equatable {
    /// The schema as it was given.
    package let source: JSONValue
    var types: [String] = []
    var choices: [JSONValue]?
    var alternatives: [JSONSchema] = []
    var properties: [String: JSONSchema] = [:]
    var required: [String] = []
    /// The same for looking up.
    var requiredNames: Set<String> = []
    var allowsOthers = true
    /// What other properties must be; empty for anything.
    var others: [JSONSchema] = []
    /// What elements must be; empty for anything.
    var items: [JSONSchema] = []
    var counts: [String: Int] = [:]
    var bounds: [String: Double] = [:]

    /// Keywords that say nothing about which values are right.
    static let annotations: Set<String> = [
        "title", "description", "default", "examples", "$schema", "$id", "$comment", "format", "deprecated", "readOnly",
        "writeOnly", "propertyOrdering",
    ]
    private static let typeNames: Set<String> = ["object", "array", "string", "number", "integer", "boolean", "null"]

    package static func == (left: JSONSchema, right: JSONSchema) -> Bool { left.source == right.source }

    /// The schema of a result, which must be an object. Throws what is wrong with it.
    package static func ofResult(_ source: JSONValue) throws(JSONSchemaError) -> JSONSchema {
        let schema = try JSONSchema(source, at: "")
        guard schema.types == ["object"], schema.alternatives.isEmpty, schema.choices == nil else {
            throw JSONSchemaError(message: "the schema's root must be of the one type 'object', without enum, const or anyOf")
        }
        return schema
    }

    /// Reads a schema; `path` is where it stands, for messages.
    init(_ source: JSONValue, at path: String) throws(JSONSchemaError) {
        self.source = source
        if case .bool(true) = source { return }
        guard case .object(let members) = source else { throw JSONSchema.wrong(path, "must be an object") }
        var seen: Set<String> = []
        for member in members {
            guard seen.insert(member.key).inserted else {
                throw JSONSchema.wrong(path, "has '\(JSONSchema.short(member.key))' twice")
            }
            try read(member.key, member.value, "\(path)/\(JSONSchema.short(member.key))")
        }
    }

    private mutating func read(_ keyword: String, _ value: JSONValue, _ path: String) throws(JSONSchemaError) {
        switch keyword {
        case "type":
            let names = value.string.map { [$0] } ?? (value.elements ?? []).compactMap(\.string)
            guard !names.isEmpty, names.count == value.elements?.count ?? 1, names.allSatisfy(JSONSchema.typeNames.contains)
            else { throw JSONSchema.wrong(path, "must name types of JSON") }
            types = names
        case "enum":
            guard let elements = value.elements, !elements.isEmpty else { throw JSONSchema.wrong(path, "must be a list") }
            choices = elements
        case "const": choices = [value]
        case "anyOf":
            guard let elements = value.elements, !elements.isEmpty else { throw JSONSchema.wrong(path, "must be a list") }
            for (index, element) in elements.enumerated() {
                alternatives.append(try JSONSchema(element, at: "\(path)/\(index)"))
            }
        case "properties":
            guard let members = value.members else { throw JSONSchema.wrong(path, "must be an object") }
            for member in members {
                let schema = try JSONSchema(member.value, at: "\(path)/\(JSONSchema.short(member.key))")
                guard properties.updateValue(schema, forKey: member.key) == nil else {
                    throw JSONSchema.wrong(path, "has '\(JSONSchema.short(member.key))' twice")
                }
            }
        case "required":
            let names = (value.elements ?? [.null]).compactMap(\.string)
            guard names.count == value.elements?.count else { throw JSONSchema.wrong(path, "must be a list of names") }
            required = names
            requiredNames = Set(names)
        case "additionalProperties":
            if case .bool(let allows) = value { allowsOthers = allows } else { others = [try JSONSchema(value, at: path)] }
        case "items": items = [try JSONSchema(value, at: path)]
        case "minItems", "maxItems", "minLength", "maxLength":
            guard let count = value.integer, count >= 0 else { throw JSONSchema.wrong(path, "must be a whole number from 0") }
            counts[keyword] = count
        case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
            guard let bound = value.double else { throw JSONSchema.wrong(path, "must be a number") }
            bounds[keyword] = bound
        default:
            guard JSONSchema.annotations.contains(keyword) || keyword.hasPrefix("x-") else {
                throw JSONSchema.wrong(path, "is a keyword that is not supported")
            }
        }
    }

    /// A name as messages show it: a path of long names must not cost its length at every step.
    private static func short(_ name: String) -> String { String(name.unicodeScalars.prefix(100)) }

    private static func wrong(_ path: String, _ text: String) -> JSONSchemaError {
        JSONSchemaError(message: "the schema \(path.isEmpty ? "itself" : "at \(path.prefix(200))") \(text)")
    }

    /// What one piece of a document has to satisfy: the same, but nothing at the top must be there, and its lists may be short.
    package var ofPiece: JSONSchema {
        guard let members = source.members else { return self }
        let kept = members.compactMap { member -> JSONValue.Member? in
            if member.key == "required" { return nil }
            guard member.key == "properties", let properties = member.value.members else { return member }
            return JSONValue.Member(
                member.key,
                .object(
                    properties.map { property in
                        guard let keywords = property.value.members else { return property }
                        return JSONValue.Member(property.key, .object(keywords.filter { $0.key != "minItems" }))
                    }))
        }
        // What was taken with a keyword is taken without it.
        return (try? JSONSchema(.object(kept), at: "")) ?? self
    }
}
