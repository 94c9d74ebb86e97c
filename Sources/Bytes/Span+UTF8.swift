// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

extension Span<UInt8> {
    /// The length, 1 to 4, of the well-formed UTF-8 sequence at `index`; 0 when there is none.
    ///
    /// Well-formed as in table 3-7 of the Unicode standard: no overlong form, no surrogate, nothing above
    /// U+10FFFF. A sequence cut off by the end of the span is not well-formed.
    package func lengthOfUTF8Sequence(at index: Int) -> Int {
        guard index >= 0, index < count else { return 0 }
        let first = self[index]
        guard first >= 0x80 else { return 1 }
        switch first {
        case 0xC2...0xDF:
            return isContinuation(index &+ 1) ? 2 : 0
        case 0xE0...0xEF:
            guard index &+ 2 < count else { return 0 }
            let second = self[index &+ 1]
            let least: UInt8 = first == 0xE0 ? 0xA0 : 0x80
            let most: UInt8 = first == 0xED ? 0x9F : 0xBF
            return second >= least && second <= most && isContinuation(index &+ 2) ? 3 : 0
        case 0xF0...0xF4:
            guard index &+ 3 < count else { return 0 }
            let second = self[index &+ 1]
            let least: UInt8 = first == 0xF0 ? 0x90 : 0x80
            let most: UInt8 = first == 0xF4 ? 0x8F : 0xBF
            guard second >= least, second <= most else { return 0 }
            return isContinuation(index &+ 2) && isContinuation(index &+ 3) ? 4 : 0
        default:
            return 0
        }
    }

    private func isContinuation(_ index: Int) -> Bool {
        index < count && self[index] & 0xC0 == 0x80
    }
}
