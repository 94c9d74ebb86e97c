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

    /// The value that the server wrote as text, as it does for statements without parameters.
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

    /// The value that the server wrote in binary: numbers with their highest byte first, texts and bytes as they are.
    static func value(binary bytes: UnsafeRawBufferPointer, _ type: UInt32) -> SQLValue {
        switch type {
        case bool: unsafe .integer(bytes.contains { $0 != 0 } ? 1 : 0)
        case int2, int4, int8: unsafe .integer(signed(bytes))
        case oid: unsafe .integer(Int64(unsigned(bytes)))
        case float4: unsafe .real(Double(Float(bitPattern: UInt32(truncatingIfNeeded: unsigned(bytes)))))
        case float8: unsafe .real(Double(bitPattern: unsigned(bytes)))
        case bytea: unsafe .blob(Array(bytes))
        case numeric: unsafe numeric(bytes)
        default: unsafe .text(String(decoding: bytes, as: UTF8.self))
        }
    }

    private static func unsigned(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var number: UInt64 = 0
        for index in 0..<min(8, bytes.count) { number = unsafe number << 8 | UInt64(bytes[index]) }
        return number
    }

    private static func signed(_ bytes: UnsafeRawBufferPointer) -> Int64 {
        let unused = 64 - 8 * min(8, max(1, bytes.count))
        return unsafe (Int64(bitPattern: unsigned(bytes)) << unused) >> unused
    }

    /// A numeric: how many groups of four decimal digits, the place of the first one, a sign, how many digits to show, the groups.
    private static func numeric(_ bytes: UnsafeRawBufferPointer) -> SQLValue {
        func word(_ index: Int) -> Int {
            let start = 2 * index
            return unsafe start + 1 < bytes.count ? Int(bytes[start]) << 8 | Int(bytes[start + 1]) : 0
        }
        let (count, first, sign) = (word(0), Int(Int16(truncatingIfNeeded: word(1))), word(2))
        switch sign {
        case 0xC000: return .real(.nan)
        case 0xD000: return .real(.infinity)
        case 0xF000: return .real(-.infinity)
        default: break
        }
        var text = sign == 0x4000 ? "-0" : "0"
        for place in stride(from: max(0, first), through: min(0, first - count + 1), by: -1) {
            if place == -1 { text += "." }
            let index = first - place
            let group = (0..<count).contains(index) ? word(4 + index) : 0
            text += String(String(10_000 + group).dropFirst())
        }
        return value(text, numeric)
    }
}
