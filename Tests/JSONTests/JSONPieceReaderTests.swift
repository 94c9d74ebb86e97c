// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import JSON
import Testing

@Suite struct JSONPieceReaderTests {
    /// What a reader finds in a text that comes in these pieces, a word for each item; the parts of a string are put together.
    private func found(_ pieces: [ArraySlice<UInt8>]) -> [String] {
        var reader = JSONPieceReader()
        var found: [String] = []
        var string = ByteBuffer()
        for piece in pieces {
            let bytes = Array(piece)
            while let item = reader.next(in: bytes.span) {
                let word = String(decoding: reader.word.storage, as: UTF8.self)
                switch item {
                case .beginObject: found.append("{")
                case .endObject: found.append("}")
                case .beginArray: found.append("[")
                case .endArray: found.append("]")
                case .key: found.append(word + ":")
                case .scalar: found.append(word)
                case .text(let range): string.append(bytes.span, range)
                case .character(let scalar): string.append(String(scalar))
                case .endString:
                    found.append("'\(String(decoding: string.storage, as: UTF8.self))'")
                    string = ByteBuffer()
                }
            }
        }
        return found
    }

    private static let text = #"""
        { "a" : "Gr\u00fc\u00DF \ud83d\ude00 \"q\" é€😀", "b\u0021":[1, -2.5e3,true,null , []],
          "lone": "\ud83dx \ud83d\n\ude00 \ud83d\ud83d\ude00 \ud83d", "": {} } and more {"x":1}
        """#

    @Test func everyCutOfATextReadsTheSame() {
        let bytes = Array(Self.text.utf8)
        let whole = [
            "{", "a:", "'Grüß 😀 \"q\" é€😀'", "b!:", "[", "1", "-2.5e3", "true", "null", "[", "]", "]", "lone:",
            "'\u{FFFD}x \u{FFFD}\n\u{FFFD} \u{FFFD}😀 \u{FFFD}'", ":", "{", "}", "}",
        ]
        for cut in 0...bytes.count { #expect(found([bytes[..<cut], bytes[cut...]]) == whole) }
        #expect(found(bytes.indices.map { bytes[$0...$0] }) == whole)
    }

    @Test(arguments: [
        (#"{"a":1]"#, ["{", "a:", "1"]), (#"{"a":"b\x","c":1}"#, ["{", "a:"]), ("{\"a\":\"b\u{1}\"}", ["{", "a:"]),
        ("nonsense", []), ("<html>", []), ("", []), ("}", []), (#"{"a":"\u12G4","b":1}"#, ["{", "a:"]), ("{a:1}", ["{"]),
    ])
    func itEndsAtTheFirstMistake(_ text: String, _ read: [String]) {
        #expect(found([Array(text.utf8)[...]]) == read)
    }

    @Test func itHoldsNoMoreThanANameAndGoesNoDeeperThan128() {
        let name = String(repeating: "n", count: 65)
        let names = found([Array(#"{"\#(name)":1,"\#(name.dropLast())":2}"#.utf8)[...]])
        #expect(names == ["{", ":", "1", name.dropLast() + ":", "2", "}"])
        let deep = found([Array(repeating: UInt8(ascii: "["), count: 500)[...]])
        #expect(deep == Array(repeating: "[", count: 128))
    }
}
