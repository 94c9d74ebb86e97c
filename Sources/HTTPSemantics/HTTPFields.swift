// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// Header fields in order, looked up without regard to case (RFC 9110, section 5).
///
/// All lines lie in one byte array, because a stream that is open for minutes keeps its head: a record is
/// the length of the name, the length of the value (four bytes each), the name, the value.
package struct HTTPFields: Sendable, Equatable {
    /// One field line.
    package struct Field: Sendable, Equatable {
        /// The name as sent.
        package var name: String
        /// The value, without surrounding whitespace; bytes that are not UTF-8 read as U+FFFD.
        package var value: String

        /// A field line by hand.
        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Where one record lies in `records`.
    struct Record {
        let name: Range<Int>
        let value: Range<Int>
    }

    static let prefixLength = 8

    private(set) var records: [UInt8] = []

    /// The lines given, in order.
    package init(_ fields: [Field] = []) {
        for field in fields { append(field.name, field.value) }
    }

    /// The records a framing machine has laid down; they must be well formed.
    init(records: [UInt8]) {
        self.records = records
    }

    /// Whether there is no field line.
    package var isEmpty: Bool { records.isEmpty }

    /// Adds a field line at the end, keeping others of the same name.
    package mutating func append(_ name: String, _ value: String) {
        let start = records.count
        records.append(contentsOf: repeatElement(0, count: HTTPFields.prefixLength))
        records.append(contentsOf: name.utf8)
        let nameEnd = records.count
        records.append(contentsOf: value.utf8)
        HTTPFields.seal(&records, from: start, nameEnd: nameEnd)
    }

    /// The first value of a field; `name` is compared without regard to ASCII case.
    package subscript(name: String) -> String? {
        var offset = 0
        while let record = record(at: offset) {
            if matches(record, name) { return text(record.value) }
            offset = record.value.upperBound
        }
        return nil
    }

    /// All values of a field, in order.
    package func values(of name: String) -> [String] {
        var values: [String] = []
        var offset = 0
        while let record = record(at: offset) {
            if matches(record, name) { values.append(text(record.value)) }
            offset = record.value.upperBound
        }
        return values
    }

    /// The lines whose name, in lower case, passes a test; their bytes stay as they are, UTF-8 or not.
    package func keeping(_ isKept: (_ name: String) -> Bool) -> HTTPFields {
        var kept: [UInt8] = []
        kept.reserveCapacity(records.count)
        var offset = 0
        while let record = record(at: offset) {
            let name = String(decoding: records[record.name].lazy.map(ByteClass.lowered), as: UTF8.self)
            if isKept(name) { kept.append(contentsOf: records[offset..<record.value.upperBound]) }
            offset = record.value.upperBound
        }
        return HTTPFields(records: kept)
    }

    /// Adds a field line whose value is any bytes but control bytes, as an upstream may send them.
    package mutating func append(name: Span<UInt8>, value: Span<UInt8>) {
        let start = records.count
        records.append(contentsOf: repeatElement(0, count: HTTPFields.prefixLength))
        for index in 0..<name.count { records.append(name[index]) }
        let nameEnd = records.count
        for index in 0..<value.count { records.append(value[index]) }
        HTTPFields.seal(&records, from: start, nameEnd: nameEnd)
    }

    /// Gives the bytes of each line, in order: the name, and the value as it was sent.
    package func forEachLine(_ work: (_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Void) {
        var offset = 0
        while let record = record(at: offset) {
            work(records[record.name], records[record.value])
            offset = record.value.upperBound
        }
    }

    /// Whether two field names are the same but for ASCII case.
    package static func matches(_ left: String, _ right: String) -> Bool {
        left.utf8.elementsEqual(right.utf8) { ByteClass.lowered($0) == ByteClass.lowered($1) }
    }

    /// Writes every line as `name: value` and CRLF.
    ///
    /// Returns false when a line was left out because its name is no token or its value holds a control byte:
    /// such a line could end the head early and start another message.
    package func append(to buffer: inout ByteBuffer) -> Bool {
        var complete = true
        var offset = 0
        while let record = record(at: offset) {
            offset = record.value.upperBound
            guard !record.name.isEmpty, records[record.name].allSatisfy(ByteClass.isToken),
                records[record.value].allSatisfy(ByteClass.isValue)
            else {
                complete = false
                continue
            }
            for byte in records[record.name] { buffer.append(byte) }
            buffer.append(": ")
            for byte in records[record.value] { buffer.append(byte) }
            buffer.append("\r\n")
        }
        return complete
    }

    /// The record that starts at an offset, or nil at the end.
    func record(at offset: Int) -> Record? {
        let nameStart = offset + HTTPFields.prefixLength
        guard nameStart <= records.count else { return nil }
        let nameEnd = nameStart + length(at: offset)
        let valueEnd = nameEnd + length(at: offset + 4)
        guard valueEnd <= records.count else { return nil }
        return Record(name: nameStart..<nameEnd, value: nameEnd..<valueEnd)
    }

    /// The text of a part of a record.
    func text(_ range: Range<Int>) -> String {
        String(decoding: records[range], as: UTF8.self)
    }

    /// Fills in the lengths of the record that starts at `start` and ends with the array.
    static func seal(_ records: inout [UInt8], from start: Int, nameEnd: Int) {
        var name = UInt32(truncatingIfNeeded: nameEnd - start - prefixLength)
        var value = UInt32(truncatingIfNeeded: records.count - nameEnd)
        for index in 0..<4 {
            records[start + index] = UInt8(truncatingIfNeeded: name)
            records[start + 4 + index] = UInt8(truncatingIfNeeded: value)
            name >>= 8
            value >>= 8
        }
    }

    private func length(at offset: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(records[offset + $1]) << (8 * $1) }
    }

    private func matches(_ record: Record, _ name: String) -> Bool {
        guard record.name.count == name.utf8.count else { return false }
        return records[record.name].elementsEqual(name.utf8) {
            ByteClass.lowered($0) == ByteClass.lowered($1)
        }
    }
}

extension HTTPFields: Sequence {
    /// Goes over the field lines in order.
    package struct Iterator: IteratorProtocol {
        let fields: HTTPFields
        var offset = 0

        /// The next field line, or nil.
        package mutating func next() -> Field? {
            guard let record = fields.record(at: offset) else { return nil }
            offset = record.value.upperBound
            return Field(fields.text(record.name), fields.text(record.value))
        }
    }

    /// An iterator over the field lines in order.
    package func makeIterator() -> Iterator { Iterator(fields: self) }
}

extension HTTPFields: ExpressibleByDictionaryLiteral {
    /// The lines of a literal, in order; a name may come twice.
    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { append(name, value) }
    }
}
