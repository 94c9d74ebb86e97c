// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// How the mock upstream answers, as the last part of the model's name says.
enum Behaviour: Equatable {
    /// `paced-RxN`: N events, R a second.
    case paced(rate: Int, count: Int)
    /// `burst-N`: N events as fast as the socket takes them, many to a write.
    case burst(count: Int)
    /// `endless`: a burst without an end.
    case endless
    /// `silent`: the head and the first event, then nothing.
    case silent
    /// `unary`: one small JSON body.
    case unary

    init?(model: Substring) {
        let parts = model.split(separator: "-")
        switch (parts.first, parts.count) {
        case ("silent", 1): self = .silent
        case ("unary", 1): self = .unary
        case ("endless", 1): self = .endless
        case ("burst", 2):
            guard let count = Int(parts[1]), count > 0 else { return nil }
            self = .burst(count: count)
        case ("paced", 2):
            let numbers = parts[1].split(separator: "x").compactMap { Int($0) }
            guard numbers.count == 2, numbers[0] > 0, numbers[1] > 0 else { return nil }
            self = .paced(rate: numbers[0], count: numbers[1])
        default: return nil
        }
    }
}

/// What the mock needs of a chat request; found by search, since every gateway writes its JSON its own way.
struct ChatRequestSketch {
    let model: Substring
    /// The client's number for the stream, from the `user` field `sN`; -1 without one.
    let tag: Int
    let wantsUsage: Bool

    init?(body: String) {
        guard let name = Self.string("model", in: body), let model = name.split(separator: "/").last else {
            return nil
        }
        self.model = model
        tag = Self.string("user", in: body).flatMap { Int($0.dropFirst()) } ?? -1
        wantsUsage = Self.value("include_usage", in: body)?.hasPrefix("true") ?? false
    }

    private static func string(_ key: String, in body: String) -> Substring? {
        guard let value = value(key, in: body), value.first == "\"" else { return nil }
        return value.dropFirst().prefix { $0 != "\"" }
    }

    /// What follows `"key":`; the key may also occur as a value, and is then passed over.
    private static func value(_ key: String, in body: String) -> Substring? {
        let quoted = Array("\"\(key)\"".utf8)
        let bytes = Array(body.utf8)
        guard bytes.count > quoted.count else { return nil }
        for start in 0..<(bytes.count - quoted.count) where bytes[start] == quoted[0] {
            guard bytes[start..<(start + quoted.count)].elementsEqual(quoted) else { continue }
            let rest = String(decoding: bytes[(start + quoted.count)...], as: UTF8.self).drop { $0 == " " }
            if rest.first == ":" { return rest.dropFirst().drop { $0 == " " } }
        }
        return nil
    }
}
