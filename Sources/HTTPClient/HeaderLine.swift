// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// One line of an upstream's head, as libcurl hands it over.
enum HeaderLine {
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
