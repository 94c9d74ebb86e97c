// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A stream and the events in it, from our own fixtures or from a file in the wider format.
struct StreamCase: CustomTestStringConvertible, Sendable {
    struct Event: Equatable, Sendable {
        var name: String
        var data: String
        var id: String
    }

    var name: String
    var bytes: [UInt8]
    var chunks: [[UInt8]]?
    var events: [Event]
    var lastID: String
    var hasComment: Bool?

    var testDescription: String { name }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every case of the fixtures, and of the outside file when there is one.
    static let all: [StreamCase] = own() + outside()

    static func own() -> [StreamCase] {
        let url = root.appending(path: "Tests/Fixtures/sse/cases.json")
        let cases = try! JSONSerialization.jsonObject(with: Data(contentsOf: url)) as! [[String: Any]]
        return cases.map { item in
            let events = (item["events"] as! [[String]]).map { Event(name: $0[0], data: $0[1], id: $0[2]) }
            return StreamCase(
                name: item["name"] as! String,
                bytes: (item["hex"] as? String).map(unhex) ?? Array((item["stream"] as! String).utf8),
                events: events,
                lastID: item["lastID"] as? String ?? events.last?.id ?? "",
                hasComment: item["comment"] as? Bool ?? false
            )
        }
    }

    static func outside() -> [StreamCase] {
        let named = ProcessInfo.processInfo.environment["SLUICE_SSE_CASES"]
        let url = named.map { URL(filePath: $0) } ?? root.appending(path: "../shared/protocol/sse-cases.json")
        guard let data = try? Data(contentsOf: url) else {
            precondition(named == nil, "SLUICE_SSE_CASES names no file that can be read")
            return []
        }
        let file = try! JSONSerialization.jsonObject(with: data) as! [String: Any]
        return (file["cases"] as! [[String: Any]]).map { item in
            let chunks = (item["chunksHex"] as? [String])?.map(unhex)
            let whole =
                (item["inputHex"] as? String).map(unhex) ?? (item["input"] as? String).map { Array($0.utf8) }
            return StreamCase(
                name: "outside: " + (item["name"] as! String),
                bytes: whole ?? chunks!.flatMap { $0 },
                chunks: chunks,
                events: (item["events"] as! [[String: String]]).map {
                    Event(name: $0["event"] ?? "message", data: $0["data"]!, id: $0["id"] ?? "")
                },
                lastID: item["lastEventId"] as? String ?? ""
            )
        }
    }

    static func unhex(_ text: String) -> [UInt8] {
        let digits = text.utf8.map { UInt8(Character(Unicode.Scalar($0)).hexDigitValue!) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
