// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The ids of tool calls, made fit for a dialect. The same id always becomes the same one, in every process, since the client sends it
/// back with its next request.
enum CallID {
    /// The id itself where it consists of letters, digits, `-` and `_` and is at most `limit` bytes long; else one made of its hash.
    static func plain(_ id: String, prefix: String, limit: Int = 64) -> String {
        let isPlain =
            !id.isEmpty && id.utf8.count <= limit
            && id.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
        return isPlain ? id : prefix + hash(id, length: 24)
    }

    /// The id of a call that upstream gave none: its own in the whole conversation, since the answer's id is part of it.
    static func made(for answerID: String, choice: Int, call: Int) -> String {
        "call_" + hash("\(answerID).\(choice).\(call)", length: 24)
    }

    /// Exactly nine letters and digits, as Mistral wants them: the id itself where it is so, else its hash.
    static func short(_ id: String) -> String {
        let isShort =
            id.utf8.count == 9
            && id.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: false
                }
            }
        return isShort ? id : hash(id, length: 9)
    }

    /// Letters and digits that depend on the text alone (FNV-1a over 64 bits, drawn out by SplitMix64).
    static func hash(_ text: String, length: Int) -> String {
        var state: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
        var made: [UInt8] = []
        while made.count < length {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            made.append(alphabet[Int((mixed ^ (mixed >> 31)) % 36)])
        }
        return String(decoding: made, as: UTF8.self)
    }
}
