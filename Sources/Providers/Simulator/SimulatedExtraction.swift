// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

/// Fills a JSON schema with the headings of a text: enough to see an extraction work without a model that understands anything.
///
/// A text is the first heading, a list of texts all of them, a list of objects one object for each heading that begins with what the
/// list is called (`weeks`: "Week 3: Graphs"), a number the first one in the heading.
enum SimulatedExtraction {
    private static let maxHeadings = 50

    /// The answer to the first message of the user, in the form that the request asks for.
    static func answer(to chat: ChatRequest) -> String {
        let text = chat.messages.first { $0.role == .user }?.text ?? ""
        let headings = headings(of: text)
        var schema = JSONValue.object([])
        if case .jsonSchema(let format)? = chat.responseFormat { schema = format["schema"] ?? format }
        let members = (schema["properties"]?.members ?? []).compactMap { property in
            value(of: property.key, property.value, headings).map { JSONValue.Member(property.key, $0) }
        }
        return SimulatedArguments.text(.object(members))
    }

    private static func value(of name: String, _ schema: JSONValue, _ headings: [String]) -> JSONValue? {
        switch schema["type"]?.string {
        case "array":
            guard let items = schema["items"] else { return nil }
            guard let properties = items["properties"]?.members else {
                return items["type"]?.string == "string" ? .array(headings.map { .string($0) }) : nil
            }
            let singular = name.hasSuffix("s") ? String(name.dropLast()).lowercased() : name.lowercased()
            let matching = headings.filter { $0.lowercased().hasPrefix(singular + " ") }
            return .array(matching.map { heading in .object(properties.compactMap { filled($0, heading) }) })
        case let type: return headings.first.flatMap { scalar(type, schema, $0) }
        }
    }

    private static func filled(_ property: JSONValue.Member, _ heading: String) -> JSONValue.Member? {
        scalar(property.value["type"]?.string, property.value, heading).map { JSONValue.Member(property.key, $0) }
    }

    private static func scalar(_ type: String?, _ schema: JSONValue, _ heading: String) -> JSONValue? {
        switch type {
        case "string": schema["enum"]?[0] ?? .string(heading)
        case "integer", "number":
            heading.split(whereSeparator: { !$0.isASCII || !$0.isNumber }).first.flatMap { Int($0) }.map { .number("\($0)") }
        default: nil
        }
    }

    /// The lines that look like headings: of Markdown, or with a number behind their first word and short.
    private static func headings(of text: String) -> [String] {
        var found: [String] = []
        for line in text.split(whereSeparator: \.isNewline) where found.count < maxHeadings {
            let bare = line.drop { $0 == "#" || $0 == " " || $0 == "\u{0C}" }
            let words = bare.split(separator: " ", maxSplits: 2)
            let isCounted = words.count > 1 && words[1].first?.isNumber == true && bare.utf8.count <= 100
            guard !bare.isEmpty, line.hasPrefix("#") || isCounted else { continue }
            found.append(String(bare.prefix(200)))
        }
        return found
    }
}
