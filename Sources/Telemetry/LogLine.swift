// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Formats one record as one line: pure, so that every hostile value can be tried on it.
struct LogLine {
    /// The most bytes one value takes, escapes included.
    static let valueLimit = 1024
    /// The most bytes one line takes, its line feed included.
    static let lineLimit = 8192

    let format: LogFormat

    /// The line for a record, with its line feed; never longer than `lineLimit`.
    ///
    /// Fields that would make it longer are left out, and `cut` says so.
    func bytes(time: LogTime, level: LogLevel, message: String, fields: LogFields) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(256)
        switch format {
        case .text:
            time.append(to: &line)
            line.append(0x20)
            line.append(contentsOf: level.name.utf8)
            line.append(0x20)
            LogEscape.append(message, limit: Self.valueLimit, to: &line)
        case .json:
            line.append(contentsOf: #"{"time":""#.utf8)
            time.append(to: &line)
            line.append(contentsOf: #"","level":""#.utf8)
            line.append(contentsOf: level.name.utf8)
            line.append(contentsOf: #"","message":"#.utf8)
            appendQuoted(message, to: &line)
        }
        let roomForEnd = 32
        for (key, value) in fields {
            let start = line.count
            append(key.description, value, to: &line)
            if line.count > Self.lineLimit - roomForEnd {
                line.removeSubrange(start...)
                append("cut", .flag(true), to: &line)
                break
            }
        }
        if format == .json { line.append(0x7D) }
        line.append(0x0A)
        return line
    }

    private func append(_ key: String, _ value: LogValue, to line: inout [UInt8]) {
        switch format {
        case .text:
            line.append(0x20)
            line.append(contentsOf: key.utf8)
            line.append(0x3D)
        case .json:
            line.append(0x2C)
            appendQuoted(key, to: &line)
            line.append(0x3A)
        }
        switch value {
        case .text(let text):
            if format == .text, LogEscape.standsBare(text) {
                line.append(contentsOf: text.utf8)
            } else {
                appendQuoted(text, to: &line)
            }
        case .integer(let number): line.append(contentsOf: String(number).utf8)
        case .number(let number): line.append(contentsOf: (number.isFinite ? "\(number)" : "null").utf8)
        case .flag(let flag): line.append(contentsOf: (flag ? "true" : "false").utf8)
        }
    }

    private func appendQuoted(_ text: String, to line: inout [UInt8]) {
        line.append(0x22)
        LogEscape.append(text, limit: Self.valueLimit, to: &line)
        line.append(0x22)
    }
}
