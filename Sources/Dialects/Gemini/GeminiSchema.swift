// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import JSON

/// Schemas, between JSON Schema and the part of OpenAPI's that `parameters` and `responseSchema` take.
enum GeminiSchema {
    /// Members whose values are schemas by name.
    private static let maps: Set<String> = ["properties", "patternProperties", "$defs", "definitions", "defs"]
    /// Members whose values are lists of schemas.
    private static let lists: Set<String> = ["anyOf", "oneOf", "allOf", "prefixItems"]
    /// Members whose values are schemas.
    private static let schemas: Set<String> = ["items", "additionalProperties", "not"]
    /// Counts, which proto JSON writes as strings.
    private static let counts: Set<String> = [
        "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties",
    ]
    /// Keywords that Google's internal service takes.
    private static let plain: Set<String> = [
        "type", "format", "title", "description", "nullable", "enum", "items", "properties", "required", "minItems",
        "maxItems", "minimum", "maximum", "minLength", "maxLength", "minProperties", "maxProperties", "pattern", "anyOf",
        "propertyOrdering",
    ]
    /// The formats that Google's form knows.
    private static let formats: Set<String> = ["enum", "date-time", "int32", "int64", "float", "double"]
    /// How often a reference is followed inside of what it refers to.
    private static let referenceLimit = 4
    /// The most schemas that references may make of one; a few that refer to each other could otherwise make millions.
    private static let sizeLimit = 20_000

    /// JSON Schema for Google's form: types in lowercase, `nullable` as a type, counts as numbers.
    static func standard(_ schema: JSONValue) -> JSONValue {
        guard let members = schema.members else { return schema }
        let isNullable = members.contains { $0.key == "nullable" && $0.value == .bool(true) }
        var made: [JSONValue.Member] = []
        for member in members {
            let key = GeminiFields.camelCase(member.key)
            switch (key, member.value) {
            case ("nullable", _): break
            case ("type", .string(let type)):
                let lower = type.lowercased()
                guard lower != "type_unspecified" else { continue }
                made.append(.init(key, isNullable ? .array([.string(lower), .string("null")]) : .string(lower)))
            case (_, .string(let text)) where counts.contains(key):
                made.append(.init(key, Int(text).map { .number(String($0)) } ?? member.value))
            default:
                made.append(.init(key, inside(key, member.value, standard)))
            }
        }
        return .object(made)
    }

    /// The schema in the part of OpenAPI's form that Google's internal service takes: references followed, `const` as an
    /// `enum`, other keywords left out. Only schemas are changed, never names of properties or values.
    static func cleaned(_ schema: JSONValue) -> JSONValue {
        var budget = sizeLimit
        return cleaned(schema, root: schema, depth: 0, budget: &budget)
    }

    private static func cleaned(
        _ schema: JSONValue, root: JSONValue, depth: Int, budget: inout Int
    ) -> JSONValue {
        budget &-= 1
        guard var members = schema.members, budget > 0 else {
            // `true` and `false` are schemas, too.
            return .object([])
        }
        if case .string(let path)? = schema["$ref"] {
            guard depth < referenceLimit, let target = find(path, in: root) else {
                return .object([.init("type", .string("object"))])
            }
            members.removeAll { $0.key == "$ref" }
            var merged = target.members ?? []
            GeminiFields.merge(members, into: &merged)
            return cleaned(.object(merged), root: root, depth: depth + 1, budget: &budget)
        }
        for member in members where member.key == "allOf" {
            for part in member.value.elements ?? [] {
                var inner = part.members ?? []
                if case .string(let path)? = part["$ref"], depth < referenceLimit { inner = find(path, in: root)?.members ?? [] }
                inner.removeAll { $0.key == "$ref" || $0.key == "allOf" }
                GeminiFields.merge(inner, into: &members)
            }
        }
        var made: [JSONValue.Member] = []
        for member in members {
            switch (member.key, member.value) {
            case ("const", _):
                if case .string = member.value { made.append(.init("enum", .array([member.value]))) }
            case ("oneOf", .array), ("anyOf", .array):
                guard !made.contains(where: { $0.key == "anyOf" }) else { continue }
                var parts: [JSONValue] = []
                for part in member.value.elements ?? [] {
                    parts.append(cleaned(part, root: root, depth: depth, budget: &budget))
                }
                made.append(.init("anyOf", .array(parts)))
            case ("type", .array(let types)):
                let names = types.compactMap(\.string)
                if let type = names.first(where: { $0 != "null" }) { made.append(.init("type", .string(type))) }
                if names.contains("null") { made.append(.init("nullable", .bool(true))) }
            case ("properties", .object(let properties)):
                var clean: [JSONValue.Member] = []
                for property in properties {
                    clean.append(
                        .init(property.key, cleaned(property.value, root: root, depth: depth, budget: &budget)))
                }
                made.append(.init("properties", .object(clean)))
            case ("enum", .array(let values)):
                // Only texts can be listed.
                if values.allSatisfy({ $0.string != nil }) { made.append(member) }
            case ("format", .string(let format)):
                if formats.contains(format) { made.append(member) }
            case ("items", _):
                made.append(.init("items", cleaned(member.value, root: root, depth: depth, budget: &budget)))
            default:
                if plain.contains(member.key) { made.append(member) }
            }
        }
        return .object(made)
    }

    /// What a reference such as `#/$defs/name` refers to.
    private static func find(_ path: String, in root: JSONValue) -> JSONValue? {
        guard path.hasPrefix("#") else { return nil }
        var value = root
        for step in path.dropFirst().split(separator: "/") {
            guard let next = value[String(step)] else { return nil }
            value = next
        }
        return value
    }

    /// Applies `change` to the schemas that a member of a schema holds.
    private static func inside(_ key: String, _ value: JSONValue, _ change: (JSONValue) -> JSONValue) -> JSONValue {
        if maps.contains(key), let members = value.members {
            return .object(members.map { .init($0.key, change($0.value)) })
        }
        if lists.contains(key), let elements = value.elements { return .array(elements.map(change)) }
        if schemas.contains(key) { return change(value) }
        return value
    }
}
