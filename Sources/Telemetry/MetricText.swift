// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// Prometheus' text format 0.0.4, written into a buffer.
package struct MetricText {
    /// The text so far.
    package private(set) var buffer: ByteBuffer

    init(_ buffer: consuming ByteBuffer) { self.buffer = buffer }

    /// The buffer back, with all that was written.
    consuming func take() -> ByteBuffer { buffer }

    mutating func header(_ name: String, type: String, help: String) {
        buffer.append("# HELP \(name) \(Self.escapedHelp(help))\n# TYPE \(name) \(type)\n")
    }

    mutating func sample(_ name: String, _ labels: String, _ value: String) {
        buffer.append(name)
        if !labels.isEmpty {
            buffer.append(0x7B)
            buffer.append(labels)
            buffer.append(0x7D)
        }
        buffer.append(0x20)
        buffer.append(value)
        buffer.append(0x0A)
    }

    /// `name="value"` pairs between commas, with the values escaped.
    static func labels(_ names: [String], _ values: [String]) -> String {
        zip(names, values).map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ",")
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        // Whole numbers without a fraction, up to where a double counts every one of them.
        if value == value.rounded(), abs(value) < 9e15 { return "\(Int(value))" }
        return "\(value)"
    }

    /// Escapes what the format demands; other controls and line separators become `_`, as some readers split
    /// there.
    private static func escaped(_ value: String) -> String {
        if LogEscape.isPlain(value) { return value }
        var result = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            case _ where LogEscape.mustEscape(scalar.value): result += "_"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func escapedHelp(_ help: String) -> String {
        help.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\\n")
    }
}
