// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import JSON

/// Puts the results of a document's pieces together, in the order of the pieces: the same pieces always give the same result.
///
/// Objects are merged member by member. Lists are joined without duplicates. Of two values that cannot both stand, the first that is
/// not empty (`null`, `""`, `[]`, `{}`) wins.
package enum ResultMerger {
    /// The result of all pieces; an empty object when there is none.
    package static func merge(_ results: [JSONValue]) -> JSONValue {
        // The first is merged too: it may hold duplicates of its own.
        results.reduce(.object([])) { merge($0, $1) }
    }

    private static func merge(_ left: JSONValue, _ right: JSONValue) -> JSONValue {
        switch (left, right) {
        case (.object(let members), .object(let others)):
            var merged = members
            var places = Dictionary(members.enumerated().map { ($1.key, $0) }) { first, _ in first }
            for other in others {
                if let place = places[other.key] {
                    merged[place].value = merge(merged[place].value, other.value)
                } else {
                    places[other.key] = merged.count
                    merged.append(JSONValue.Member(other.key, merge(.null, other.value)))
                }
            }
            return .object(merged)
        case (.array(let elements), .array(let others)):
            var list = DistinctList()
            for element in elements + others { list.add(element) }
            return .array(list.elements)
        case (_, .array), (_, .object):
            // Duplicates within a list count from its first appearance on.
            return isEmpty(left) ? merge(right.elements == nil ? .object([]) : .array([]), right) : left
        default: return isEmpty(left) ? right : left
        }
    }

    private static func isEmpty(_ value: JSONValue) -> Bool {
        switch value {
        case .null: true
        case .string(let text): text.allSatisfy(\.isWhitespace)
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        case .number, .bool: false
        }
    }

    /// A list in which each thing stands once.
    ///
    /// Two objects are the same thing when they have the same label (`title`, else `name`) and their `number`s, where both have one,
    /// do not differ; or when one of them has no label and the numbers are the same. All else is the same when it says the same, but
    /// for case and whitespace.
    private struct DistinctList {
        private struct Key: Hashable {
            var label: String?
            var number: String?
            var whole: String?
        }

        private(set) var elements: [JSONValue] = []
        /// Where something with exactly this label and number is.
        private var exact: [Key: Int] = [:]
        /// The first with a label, and the first with a number, whatever else they have.
        private var labels: [String: Int] = [:]
        private var numbers: [String: Int] = [:]

        mutating func add(_ element: JSONValue) {
            let key = DistinctList.key(of: element)
            if let place = place(of: key) {
                elements[place] = ResultMerger.merge(elements[place], element)
                // It may have a label or a number only now.
                note(DistinctList.key(of: elements[place]), at: place)
            } else {
                elements.append(ResultMerger.merge(.null, element))
                note(key, at: elements.count - 1)
            }
        }

        private func place(of key: Key) -> Int? {
            if let place = exact[key] { return place }
            switch (key.label, key.number) {
            case (let label?, nil): return labels[label]
            case (nil, let number?): return numbers[number]
            case (let label?, let number?):
                return exact[Key(label: label, number: nil)] ?? exact[Key(label: nil, number: number)]
            case (nil, nil): return nil
            }
        }

        private mutating func note(_ key: Key, at place: Int) {
            if exact[key] == nil { exact[key] = place }
            if let label = key.label, labels[label] == nil { labels[label] = place }
            if let number = key.number, numbers[number] == nil { numbers[number] = place }
            // What has both by now is no longer one that waits for the other.
            if key.label != nil, key.number != nil {
                for part in [Key(label: key.label, number: nil), Key(label: nil, number: key.number)] where exact[part] == place {
                    exact[part] = nil
                }
            }
        }

        private static func key(of element: JSONValue) -> Key {
            guard element.members != nil else { return Key(whole: ResultMerger.canonical(element)) }
            let label = (element["title"] ?? element["name"]).flatMap { $0.string.map(ResultMerger.normalised) }
            let number = element["number"].flatMap { $0.integer.map(String.init) ?? $0.string.map(ResultMerger.normalised) }
            let key = Key(label: label?.isEmpty == true ? nil : label, number: number?.isEmpty == true ? nil : number)
            return key.label == nil && key.number == nil ? Key(whole: ResultMerger.canonical(element)) : key
        }
    }

    /// Text without what people would not call a difference: case, and how much whitespace there is.
    static func normalised(_ text: String) -> String {
        text.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// What a value says, in one spelling.
    private static func canonical(_ value: JSONValue) -> String {
        switch value {
        case .object(let members):
            let sorted = members.sorted { $0.key < $1.key }
            return "{" + sorted.map { "\($0.key.debugDescription):\(canonical($0.value))" }.joined(separator: ",") + "}"
        case .array(let elements): return "[" + elements.map(canonical).joined(separator: ",") + "]"
        case .string(let text): return normalised(text).debugDescription
        case .number(let raw): return value.double.map { "\($0)" } ?? raw
        case .bool(let value): return "\(value)"
        case .null: return "null"
        }
    }
}
