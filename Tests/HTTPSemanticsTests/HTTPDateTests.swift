// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import HTTPSemantics

@Suite("HTTPDate")
struct HTTPDateTests {
    @Test(
        "writes known times",
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (Int.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (Int.min, "Sat, 01 Jan 0000 00:00:00 GMT"),
        ])
    func known(_ seconds: Int, _ text: String) {
        #expect(HTTPDate.string(fromUnixTime: seconds) == text)
    }

    @Test("agrees with Foundation's calendar over four centuries")
    func agrees() {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        // Steps of some 53 days and odd seconds, from 1800 to 2200.
        for seconds in stride(from: -5_364_662_400, to: 7_258_118_400, by: 4_579_321) {
            let expected = formatter.string(from: Date(timeIntervalSince1970: TimeInterval(seconds)))
            #expect(HTTPDate.string(fromUnixTime: seconds) == expected)
        }
    }

    @Test("reads back every date that it writes, and no other text") func reading() {
        for seconds in stride(from: 0, through: 4_000_000_000, by: 86_399 * 97) {
            #expect(HTTPDate.unixTime(from: HTTPDate.string(fromUnixTime: seconds)) == seconds)
        }
        for text in [
            "", "Sun, 06 Nov 1994 08:49:37", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
            "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
        ] {
            #expect(HTTPDate.unixTime(from: text) == nil)
        }
        #expect(InternetDate.text(fromUnixTime: 784_111_777) == "1994-11-06T08:49:37Z")
    }

    @Test(
        "a time of RFC 3339 is read",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1994-11-06T08:49:37Z", 784_111_777), ("1994-11-06t08:49:37z", 784_111_777),
            ("1994-11-06T08:49:37.123456789Z", 784_111_777), ("1994-11-06T09:49:37+01:00", 784_111_777),
            ("1994-11-06T03:19:37-05:30", 784_111_777), ("2024-02-29T00:00:00Z", 1_709_164_800),
            ("9999-12-31T23:59:60Z", 253_402_300_800),
        ])
    func readsInternetDate(_ text: String, _ seconds: Int) {
        #expect(InternetDate.unixTime(from: text) == seconds)
    }

    @Test(
        "what is no time of RFC 3339 is not read",
        arguments: [
            "", "1994-11-06", "1994-11-06 08:49:37Z", "1994-11-06T08:49:37", "1994-11-06T08:49:37.Z", "1994-11-06T08:49:37ZZ",
            "1994-13-06T08:49:37Z", "1994-02-29T08:49:37Z", "1994-04-31T08:49:37Z", "1994-11-06T24:00:00Z",
            "1994-11-06T08:60:00Z",
            "1994-11-06T08:49:37+0100", "1994-11-06T08:49:37+01:", "1994-11-06T08:49:37+25:00", "1969-12-31T23:59:59Z",
            "+994-11-06T08:49:37Z", "1994-11-06T08:49:37\u{661}Z", "1994-11-06T08:49:37.123456789123456789123456Z",
        ])
    func refusesInternetDate(_ text: String) {
        #expect(InternetDate.unixTime(from: text) == nil)
    }
}

@Suite("InternetDate") struct InternetDateTests {
    @Test(
        "reads dates and times in UTC",
        arguments: [
            ("1970-01-01", 0), ("2026-11-21", 1_795_219_200_000_000), ("2026-11-21T10:06:48Z", 1_795_255_608_000_000),
            ("2026-11-21T10:06:48.5Z", 1_795_255_608_500_000), ("2024-02-29T23:59:59.000001Z", 1_709_251_199_000_001),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ] as [(String, Int64)])
    func reads(text: String, microseconds: Int64) {
        #expect(InternetDate.microseconds(from: text) == microseconds)
        let written = InternetDate.text(fromMicroseconds: microseconds)
        #expect(InternetDate.microseconds(from: written) == microseconds)
        #expect(written.hasPrefix(text.hasSuffix("Z") ? String(text.dropLast()) : text))
    }

    @Test(
        "reads nothing else",
        arguments: [
            "", "2026-11-2", "2026-02-30", "2023-02-29", "2026-13-01", "1969-12-31", "2026-11-21T10:06:48",
            "2026-11-21 10:06:48Z",
            "2026-11-21T24:00:00Z", "2026-11-21T10:06:48+01:00", "2026-11-21T10:06:48.Z", "2026-11-21T10:06:48.1234567Z",
            "0000000000",
            "2026-11-21T10:06:48.12x4Z", "２０２６-11-21",
        ])
    func refuses(text: String) {
        #expect(InternetDate.microseconds(from: text) == nil)
    }

    @Test("tells a day by its number") func day() {
        #expect(InternetDate.day(20_778) == "2026-11-21" && InternetDate.day(0) == "1970-01-01")
    }
}
