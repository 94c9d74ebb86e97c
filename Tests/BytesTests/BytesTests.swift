// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Bytes

@Suite("Bytes") struct BytesTests {
    @Test("keeps what was appended") func appends() {
        var buffer = ByteBuffer()
        buffer.append("ab")
        buffer.append(UInt8(ascii: "c"))
        buffer.append([0x64])
        buffer.append([1, 0x65, 0x66, 2].span, 1..<3)
        buffer.append(literal: "g")
        #expect(buffer.storage == Array("abcdefg".utf8))
    }

    @Test("gives up a capacity that it need not keep") func capacity() {
        var buffer = ByteBuffer(capacity: 1000)
        buffer.removeAll(keepingAtMost: 2000)
        #expect(buffer.storage.capacity >= 1000)
        buffer.removeAll(keepingAtMost: 10)
        #expect(buffer.storage.capacity < 1000)
    }

    @Test("writes numbers as the standard library does", arguments: [0, 1, 9, 10, 255, 4096, -7, .max, .min])
    func numbers(_ number: Int) {
        var decimal = ByteBuffer()
        var hexadecimal = ByteBuffer()
        decimal.append(decimal: number)
        hexadecimal.append(hexadecimal: number)
        #expect(decimal.storage == Array(String(number).utf8))
        #expect(hexadecimal.storage == Array(String(UInt(bitPattern: number), radix: 16).utf8))
    }

    @Test("finds each byte value where a plain loop finds it", arguments: 0..<20)
    func searches(_ place: Int) {
        for byte in UInt8.min...UInt8.max {
            for filler in [UInt8(ascii: "a"), 0x21, 0x23, 0x5B, 0x7F] {
                var bytes = [UInt8](repeating: filler, count: 24)
                bytes[place] = byte
                for start in [0, 1, place, place + 1] {
                    let rest = bytes.indices.dropFirst(start)
                    let lineEnd = rest.first { bytes[$0] == 10 || bytes[$0] == 13 }
                    let escape = rest.first { bytes[$0] < 32 || bytes[$0] == 0x22 || bytes[$0] == 0x5C }
                    let stop = rest.first { bytes[$0] >= 128 || $0 == escape }
                    #expect(bytes.span.firstLineEnd(from: start) == lineEnd ?? 24)
                    #expect(bytes.span.firstToEscape(from: start) == escape ?? 24)
                    #expect(bytes.span.firstStringStop(from: start) == stop ?? 24)
                }
            }
        }
    }

    @Test("finds the first of two neighbours, which a borrow could hide") func neighbours() {
        let bytes: [UInt8] = [0x61, 0x0B, 0x0A, 0x0B, 0x0D, 0x23, 0x22, 0x80]
        #expect(bytes.span.firstLineEnd(from: 0) == 2)
        #expect(
            ([0x80, 0x23, 0x22, 0x23, 0x5D, 0x5C, 0x20, 0x1F] as [UInt8]).span.firstToEscape(from: 0) == 2)
    }

    @Test("finds line ends far from the start, and the earlier of two", arguments: [511, 512, 513, 1023, 1024, 1500])
    func farLineEnds(_ place: Int) {
        for (first, second) in [(10, 13), (13, 10), (13, 13), (10, 10)] as [(UInt8, UInt8)] {
            for distance in [1, 40, 511, 512] {
                var bytes = [UInt8](repeating: 0x61, count: 2100)
                bytes[place] = first
                bytes[place + distance] = second
                #expect(bytes.span.firstLineEnd(from: 0) == place)
                #expect(bytes.span.firstLineEnd(from: place + 1) == place + distance)
                #expect(bytes.span.firstLineEnd(from: place + distance + 1) == 2100)
            }
        }
        let none: [UInt8] = []
        #expect(none.span.firstLineEnd(from: 5) == 0)
    }

    @Test("compares runs of every length, to their last byte", arguments: 0..<80)
    func comparesRuns(_ length: Int) {
        let run = (0..<length).map { UInt8($0) }
        let bytes = [1, 2, 3] + run + [4]
        let isSame = bytes.span.equals(3..<3 + length, run.span)
        #expect(isSame)
        let isSameWhenLonger = bytes.span.equals(3..<4 + length, run.span)
        #expect(!isSameWhenLonger)
        for place in run.indices {
            var other = run
            other[place] ^= 0x80
            let differs = !bytes.span.equals(3..<3 + length, other.span)
            #expect(differs)
        }
    }

    @Test("knows the length of every scalar in UTF-8") func scalars() {
        for value in stride(from: UInt32(0), through: 0x10FFFF, by: 61) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let bytes = Array(String(Character(scalar)).utf8)
            #expect(bytes.span.lengthOfUTF8Sequence(at: 0) == bytes.count)
            if bytes.count > 1 { #expect(Array(bytes.dropLast()).span.lengthOfUTF8Sequence(at: 0) == 0) }
        }
    }

    @Test(
        "refuses ill-formed UTF-8",
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80],
            [0xF0, 0x8F, 0xBF, 0xBF],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xC2, 0x41], [0xE2, 0x82, 0x41],
        ] as [[UInt8]])
    func illFormed(_ bytes: [UInt8]) {
        #expect(bytes.span.lengthOfUTF8Sequence(at: 0) == 0)
    }
}
