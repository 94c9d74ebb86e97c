// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Times and sizes as settings write them.
enum Quantity {
    /// A time such as `500ms`, `15s`, `2m`, `1h`, `30d`; 0 needs no unit.
    static func duration(_ text: String) -> Duration? {
        guard let (number, unit) = split(text) else { return nil }
        let milliseconds: Int? =
            switch unit {
            case "ms": 1
            case "s": 1000
            case "m": 60_000
            case "h": 3_600_000
            case "d": 86_400_000
            case "" where number == 0: 1
            default: nil
            }
        guard let milliseconds else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: milliseconds)
        return overflow ? nil : .milliseconds(product)
    }

    /// A number of bytes such as `65536`, `64KiB`, `32MiB`, `1GB`.
    static func size(_ text: String) -> Int? {
        guard let (number, unit) = split(text) else { return nil }
        let bytes: Int? =
            switch unit {
            case "", "B": 1
            case "kB", "KB": 1000
            case "MB": 1_000_000
            case "GB": 1_000_000_000
            case "KiB": 1 << 10
            case "MiB": 1 << 20
            case "GiB": 1 << 30
            default: nil
            }
        guard let bytes else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: bytes)
        return overflow ? nil : product
    }

    /// A decimal number such as `2.50`, exactly, in billionths.
    static func billionths(_ text: String) -> Int64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let decimals = parts.count > 1 ? parts[1] : "0"
        let isPlain = (parts + [decimals]).allSatisfy { part in
            !part.isEmpty && part.utf8.count <= 9 && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
        guard isPlain, let whole = Int64(parts[0]) else { return nil }
        let padded = decimals + String(repeating: "0", count: 9 - decimals.utf8.count)
        return Int64(padded).map { whole * 1_000_000_000 + $0 }
    }

    /// A time as `duration(_:)` reads it, in the largest unit that is exact.
    static func text(_ duration: Duration) -> String {
        let milliseconds = duration / .milliseconds(1)
        let units: [(Double, String)] = [(3_600_000, "h"), (60_000, "m"), (1000, "s")]
        for (factor, unit) in units where milliseconds > 0 {
            let count = milliseconds / factor
            if count == count.rounded() { return "\(Int(count))\(unit)" }
        }
        return milliseconds == 0 ? "0" : "\(Int(milliseconds))ms"
    }

    /// A size as `size(_:)` reads it, in the largest unit that is exact.
    static func text(_ bytes: Int) -> String {
        for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] where bytes > 0 {
            if bytes % (1 << shift) == 0 { return "\(bytes >> shift)\(unit)" }
        }
        return "\(bytes)"
    }

    private static func split(_ text: String) -> (Int, Substring)? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, let number = Int(digits) else { return nil }
        let unit = text[digits.endIndex...]
        return (number, unit.first == " " ? unit.dropFirst() : unit)
    }
}
