// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// One line of an upstream's head, as libcurl hands it over.
enum HeaderLine {
    /// How much of an upstream's head is taken when it is handed on: its bytes, and 64 for each line.
    static let mostBytes = 128 << 10

    /// Where the name and the trimmed value stand in a line; `nil` for a line that no proxy may hand on.
    static func split(_ line: Span<UInt8>) -> (name: Range<Int>, value: Range<Int>)? {
        var colon = 0
        while colon < line.count, line[colon] != 0x3A {
            guard line[colon] > 0x20, line[colon] < 0x7F else { return nil }
            colon += 1
        }
        guard colon > 0, colon < line.count else { return nil }
        var start = colon + 1
        var end = line.count
        while end > start, line[end - 1] <= 0x20 { end -= 1 }
        while start < end, line[start] <= 0x20 { start += 1 }
        return (0..<colon, start..<end)
    }

    /// The name in lower case and the trimmed value; `nil` for a line that is not a field or not text.
    ///
    /// A value longer than 8 KiB is left out: nothing that the gateway reads is that long.
    static func parse(_ line: Span<UInt8>) -> (name: String, value: String)? {
        guard line.count < 8192 else { return nil }
        var name: [UInt8] = []
        var index = 0
        while index < line.count, line[index] != 0x3A {
            let byte = line[index]
            name.append(byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte)
            index += 1
        }
        guard index < line.count else { return nil }
        index += 1
        var end = line.count
        while end > index, line[end - 1] <= 0x20 { end -= 1 }
        while index < end, line[index] == 0x20 || line[index] == 0x09 { index += 1 }
        var value: [UInt8] = []
        value.reserveCapacity(end - index)
        while index < end {
            value.append(line[index])
            index += 1
        }
        guard let name = String(validating: name, as: UTF8.self), let value = String(validating: value, as: UTF8.self),
            !value.utf8.contains(0)
        else { return nil }
        return (name, value)
    }
}
