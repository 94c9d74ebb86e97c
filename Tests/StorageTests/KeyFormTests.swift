// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing

@testable import Storage

@Suite("The form of a virtual key") struct KeyFormTests {
    @Test("is a prefix and 43 characters of base64url, and no two are the same")
    func form() throws {
        let keys = try (0..<200).map { _ in try #require(KeyToken.make()) }
        #expect(Set(keys).count == 200)
        for key in keys {
            #expect(key.hasPrefix("sk-slu-") && key.utf8.count == 50)
            #expect(key.utf8.allSatisfy { ($0 > 0x2F && $0 < 0x7B) || $0 == 0x2D })
        }
        // 256 bits: the text is as long as it needs to be and can be read back.
        #expect(Base64URL.bytes(of: String(keys[0].dropFirst(7)))?.count == 32)
    }

    @Test("is recognised by four characters") func hint() {
        #expect(KeyToken.hint(of: "sk-slu-abcdefghij") == "sk-slu-...ghij")
    }

    @Test(
        "has the digest of FIPS 180-4",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ])
    func digest(_ text: String, _ expected: String) {
        let digits = KeyDigest(of: text).bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        #expect(digits.joined() == expected)
        #expect(KeyDigest(bytes: KeyDigest(of: text).bytes) == KeyDigest(of: text))
    }

    @Test("a digest that differs in any single bit is another one") func everyBitCounts() throws {
        let whole = KeyDigest(of: "a key").bytes
        for bit in 0..<256 {
            var other = whole
            other[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(try #require(KeyDigest(bytes: other)) != KeyDigest(of: "a key"))
        }
        #expect(KeyDigest(bytes: Array(whole.dropLast())) == nil)
    }

    @Test("long keys that share their beginning are told apart", arguments: [20, 64, 128, 1000])
    func sharedBeginning(_ length: Int) {
        let beginning = String(repeating: "k", count: length)
        #expect(KeyDigest(of: beginning + "a") != KeyDigest(of: beginning + "b"))
    }
}

@Suite("A place in a list") struct PageCursorTests {
    @Test("is read back from its text") func roundTrip() {
        let cursor = PageCursor(time: 1_700_000_000_123_456, id: "key_5f0c")
        #expect(PageCursor(cursor.text) == cursor)
    }

    @Test("is refused when any character is changed, cut off or added") func forged() {
        let text = PageCursor(time: 1_700_000_000_123_456, id: "key_5f0c").text
        for index in text.indices {
            var forged = text
            forged.replaceSubrange(index...index, with: text[index] == "A" ? "B" : "A")
            #expect(PageCursor(forged) == nil)
        }
        for forged in ["", "A", text + "A", String(text.dropLast()), text + "=", "%%%", String(repeating: "A", count: 400)] {
            #expect(PageCursor(forged) == nil)
        }
    }
}

@Suite("Limits as JSON") struct LimitRulesJSONTests {
    static func value(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8).span) }

    @Test("are read and written with the same names") func roundTrip() throws {
        let text = """
            {"requests_per_minute":60,"tokens_per_minute":1000,"concurrent":2,"tokens_per_day":9,"tokens_per_month":10,\
            "money_per_day":0.000000001,"money_per_month":12.5}
            """
        let rules = try LimitRules(json: LimitRulesJSONTests.value(text))
        #expect(rules.requestsPerMinute == 60 && rules.moneyPerDay == Money(nanos: 1))
        #expect(rules.moneyPerMonth == Money(nanos: 12_500_000_000))
        #expect(try rules.json == LimitRulesJSONTests.value(text))
        #expect(try LimitRules(json: LimitRulesJSONTests.value("{\"concurrent\":null}")).isEmpty)
    }

    @Test(
        "that are none are refused",
        arguments: [
            "[]", "5", "{\"requests\":1}", "{\"concurrent\":0}", "{\"concurrent\":-1}", "{\"concurrent\":1.5}",
            "{\"concurrent\":\"1\"}", "{\"concurrent\":99999999999999999999}", "{\"money_per_day\":0}", "{\"money_per_day\":-1}",
            "{\"money_per_day\":1e-12}", "{\"money_per_day\":9999999999}", "{\"money_per_day\":0.0000000001}",
        ])
    func refused(_ text: String) throws {
        let value = try LimitRulesJSONTests.value(text)
        #expect(throws: LimitRules.Problem.self) { try LimitRules(json: value) }
    }
}
