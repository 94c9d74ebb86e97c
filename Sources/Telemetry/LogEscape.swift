// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Makes text from outside harmless in a line of a log.
enum LogEscape {
    /// Appends text escaped as in a JSON string, cut after `limit` bytes with an ellipsis.
    ///
    /// Besides what JSON demands, everything that a terminal or a log reader may take for a new line or a
    /// command is escaped: C0 and C1 controls, DEL, the line and paragraph separators, and the marks that
    /// turn the direction of writing (which make a line read as another one).
    static func append(_ text: String, limit: Int, to line: inout [UInt8]) {
        if text.utf8.count <= limit, isPlain(text) {
            line.append(contentsOf: text.utf8)
            return
        }
        // Leaves room for the longest escape (6 bytes) and the ellipsis (3).
        let end = line.count + limit - 9
        for scalar in text.unicodeScalars {
            if line.count > end {
                line.append(contentsOf: "\u{2026}".utf8)
                return
            }
            switch scalar.value {
            case 0x22, 0x5C:
                line.append(0x5C)
                line.append(UInt8(truncatingIfNeeded: scalar.value))
            case 0x0A: line.append(contentsOf: #"\n"#.utf8)
            case 0x0D: line.append(contentsOf: #"\r"#.utf8)
            case 0x09: line.append(contentsOf: #"\t"#.utf8)
            case 0x20..<0x7F: line.append(UInt8(truncatingIfNeeded: scalar.value))
            case let value where mustEscape(value): appendCode(value, to: &line)
            default: UTF8.encode(scalar).map { line.append(contentsOf: $0) }
            }
        }
    }

    /// Whether text is printable ASCII with nothing to escape, as nearly all text is.
    static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
    }

    /// Whether text can stand unquoted as the value of `key=value`.
    static func standsBare(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 128 else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case 0x21, 0x23...0x3C, 0x3E...0x5B, 0x5D...0x7E: true
            default: false
            }
        }
    }

    /// Whether a scalar may act as a line end, a terminal command or a change of direction.
    static func mustEscape(_ value: UInt32) -> Bool {
        switch value {
        case 0x00..<0x20, 0x7F..<0xA0: true
        case 0x061C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF, 0xFFF9...0xFFFB: true
        default: false
        }
    }

    private static func appendCode(_ value: UInt32, to line: inout [UInt8]) {
        line.append(contentsOf: [0x5C, 0x75])
        for shift: UInt32 in [12, 8, 4, 0] {
            let digit = UInt8(truncatingIfNeeded: (value >> shift) & 0xF)
            line.append(digit < 10 ? 0x30 &+ digit : 0x57 &+ digit)
        }
    }
}
