// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Telemetry

@Suite("A log line") struct LogLineTests {
    static let time = LogTime(milliseconds: 1_709_210_096_007)

    static func line(_ format: LogFormat, _ message: String, _ fields: LogFields = [:]) -> String {
        String(
            decoding: LogLine(format: format).bytes(
                time: time, level: .info, message: message, fields: fields), as: UTF8.self)
    }

    @Test("as text has time, level, message and fields") func text() {
        let line = Self.line(
            .text, "stream ended",
            [
                "door": "openai-chat", "path": "/v1/a b", "tokens": 12, "late": true, "share": 0.5,
                "none": "",
            ])
        #expect(
            line == """
                2024-02-29T12:34:56.007Z info stream ended door=openai-chat path="/v1/a b" tokens=12 \
                late=true share=0.5 none=""

                """)
    }

    @Test("as JSON is one object") func json() {
        let line = Self.line(.json, "a \"b\"", ["n": 1, "x": .number(.infinity), "t": .text("\u{1B}[31m\n")])
        #expect(
            line == """
                {"time":"2024-02-29T12:34:56.007Z","level":"info","message":"a \\"b\\"","n":1,"x":null,\
                "t":"\\u001b[31m\\n"}

                """)
    }

    @Test(
        "cannot be forged by a value or a message", arguments: LogFormat.allCases,
        [
            "a\nb", "a\r\nb", "\u{1B}[2J", "\u{9B}2J", "a\u{2028}b", "a\u{2029}b", "a\u{85}b", "\u{0}",
            "\u{7F}",
            "\u{202E}txt", "x\u{200B}y", "a\" level=\"error", "\u{FEFF}", "a\\", "\u{0B}\u{0C}",
        ]) func forged(format: LogFormat, value: String) throws
    {
        let line = Self.line(format, value, ["k": .text(value), "end": 1])
        #expect(line.hasSuffix("\n"))
        let body = line.dropLast().unicodeScalars
        #expect(!body.contains { LogEscape.mustEscape($0.value) })
        if format == .json {
            let object = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(object["k"] as? String == value && object["message"] as? String == value)
            #expect(object["end"] as? Int == 1 && object["level"] as? String == "info")
        } else {
            #expect(line.hasSuffix(" end=1\n"))
        }
    }

    @Test(
        "cuts each value at 1 KiB and itself at 8 KiB", arguments: LogFormat.allCases,
        ["x", "\u{1}", "ü", "👩‍👩‍👧"])
    func cut(format: LogFormat, piece: String) throws {
        let long = String(repeating: piece, count: 200_000)
        let one = Self.line(format, "m", ["k": .text(long)])
        #expect(one.utf8.count < 1024 + 100 && one.utf8.count > 900)
        let value = LogValue.text(long)
        let all = Self.line(
            format, long,
            [
                "a": value, "b": value, "c": value, "d": value, "e": value, "f": value, "g": value,
                "h": value, "i": value,
            ])
        #expect(all.utf8.count <= LogLine.lineLimit && all.utf8.count > 7000)
        if format == .json {
            let object = try #require(JSONSerialization.jsonObject(with: Data(all.utf8)) as? [String: Any])
            #expect(object["cut"] as? Bool == true)
        } else {
            #expect(all.hasSuffix(" cut=true\n"))
        }
    }

    @Test("has the date that Foundation computes") func dates() {
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        for second in stride(from: 0, to: 7_500_000_000, by: 86_400 * 13 + 7919) {
            var bytes: [UInt8] = []
            LogTime(milliseconds: second * 1000).append(to: &bytes)
            let expected = formatter.string(from: Date(timeIntervalSince1970: Double(second)))
            #expect(String(decoding: bytes, as: UTF8.self) == expected)
        }
    }
}
