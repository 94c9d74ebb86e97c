// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import Dialects
internal import JSON

/// Vectors for texts, which depend on the text alone: the same text is at the same place, and no other means anything.
enum SimulatedEmbeddings {
    /// How many numbers a vector has.
    private static let dimensions = 8

    /// Appends the answer to a request. Throws an error that names what is wrong with it.
    static func answer(_ body: Span<UInt8>, into buffer: inout ByteBuffer) throws(DialectError) {
        let chat = try EmbeddingsRequest.decode(body).chat
        let words = chat.messages.reduce(0) { $0 + $1.text.split(separator: " ").count }
        buffer.appendJSON { json in
            json.object { json in
                json.member("object", "list")
                json.key("data")
                json.array { json in
                    for (index, message) in chat.messages.enumerated() {
                        write(message.text, index, &json)
                    }
                }
                json.member("model", chat.model)
                json.key("usage")
                json.object { json in
                    json.member("prompt_tokens", words)
                    json.member("total_tokens", words)
                }
            }
        }
    }

    private static func write(_ text: String, _ index: Int, _ json: inout JSONWriter) {
        var seed: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { seed = (seed ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        var generator = SeededGenerator(seed: seed)
        json.object { json in
            json.member("object", "embedding")
            json.member("index", index)
            json.key("embedding")
            json.array { json in
                for _ in 0..<dimensions {
                    json.value(.number(String(Double(generator.next() % 2000) / 1000 - 1)))
                }
            }
        }
    }
}
