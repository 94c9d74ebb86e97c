// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Parameters as the server takes them: in binary, each with its type.
struct PostgresParameters {
    /// The types by their numbers in pg_type; 0 lets the server guess the type of a null.
    let types: [UInt32]
    /// All values, one behind the other, and a byte more: so there is an address even when all are empty, as none would mean null.
    let bytes: [UInt8]
    /// Where each value is; `nil` for null.
    let ranges: [Range<Int>?]

    init(_ values: [SQLValue]) {
        var types: [UInt32] = []
        var bytes: [UInt8] = []
        var ranges: [Range<Int>?] = []
        types.reserveCapacity(values.count)
        ranges.reserveCapacity(values.count)
        for value in values {
            let start = bytes.count
            switch value {
            case .null:
                types.append(0)
                ranges.append(nil)
                continue
            case .integer(let number):
                types.append(PostgresType.int8)
                Self.append(UInt64(bitPattern: number), to: &bytes)
            case .real(let number):
                types.append(PostgresType.float8)
                Self.append(number.bitPattern, to: &bytes)
            case .text(let text):
                types.append(PostgresType.text)
                // The server has no U+0000 in texts.
                bytes.append(contentsOf: text.utf8.contains(0) ? text.replacing("\0", with: "\u{2400}").utf8 : text.utf8)
            case .blob(let blob):
                types.append(PostgresType.bytea)
                bytes.append(contentsOf: blob)
            }
            ranges.append(start..<bytes.count)
        }
        bytes.append(0)
        self.types = types
        self.bytes = bytes
        self.ranges = ranges
    }

    /// Adds a number in the order of the network.
    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
}

/// Types by their numbers in pg_type, which never change.
enum PostgresType {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let oid: UInt32 = 26
    static let float4: UInt32 = 700
    static let float8: UInt32 = 701
    static let numeric: UInt32 = 1700

    /// The value that the server wrote as text, but for a `bytea`.
    ///
    /// A numeric is what sums of whole numbers are: a whole number as long as it is one and fits.
    static func value(_ text: String, _ type: UInt32) -> SQLValue {
        switch type {
        case bool: .integer(text == "t" ? 1 : 0)
        case int2, int4, int8, oid: Int64(text).map { .integer($0) } ?? .text(text)
        case float4, float8: Double(text).map { .real($0) } ?? .text(text)
        case numeric: whole(text).map { .integer($0) } ?? Double(text).map { .real($0) } ?? .text(text)
        default: .text(text)
        }
    }

    private static func whole(_ text: String) -> Int64? {
        let parts = text.split(separator: ".", maxSplits: 1)
        guard let first = parts.first, parts.count == 1 || parts[1].utf8.allSatisfy({ $0 == 0x30 }) else { return nil }
        return Int64(first)
    }

    /// The bytes behind `\x` and two hexadecimal digits for each, as a `bytea` is written: megabytes of them, on the loop.
    static func bytes(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        // '0' to '9' are 0x30 on, 'a' to 'f' 0x61 on. Without a branch or a check, so that several are done at once.
        func digit(_ byte: UInt8) -> UInt8 { (byte & 0xF) &+ 9 &* (byte >> 6) }
        let count = max(0, text.count - 2) / 2
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { result, filled in
            for index in 0..<count {
                let place = 2 &+ 2 &* index
                unsafe result[index] = digit(text[place]) << 4 | digit(text[place &+ 1])
            }
            filled = count
        }
    }
}
