// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import HTTPSemantics
import Testing

@Suite struct HopByHopTests {
    private func names(_ fields: HTTPFields) -> [String] { fields.map(\.name) }

    @Test func fieldsOfThisHopAndOfTheFramingAreLeftOut() {
        let fields: HTTPFields = [
            "Connection": "close", "Keep-Alive": "1", "TE": "trailers", "Trailer": "X", "Transfer-Encoding": "chunked",
            "Upgrade": "h2c", "HTTP2-Settings": "A", "Content-Length": "3", "Proxy-Authorization": "a", "Proxy-Connection": "b",
            "Content-Type": "a/b", "Accept-Encoding": "gzip", "Content-Encoding": "gzip",
        ]
        #expect(names(fields.endToEnd) == ["Content-Type", "Accept-Encoding", "Content-Encoding"])
    }

    @Test func whatConnectionNamesIsLeftOutHoweverItIsSpelled() {
        let fields: HTTPFields = [
            "connection": "X-One ,,\tx-two", "CONNECTION": "X-Three", "x-one": "1", "X-TWO": "2", "X-Three": "3", "X-Four": "4",
        ]
        #expect(names(fields.endToEnd) == ["X-Four"])
    }

    @Test func orderRepetitionAndBytesOfTheOthersStay() {
        var fields: HTTPFields = ["B": "1", "A": "2", "B": "3", "Empty": ""]
        let value: [UInt8] = [0x63, 0xE9, 0xFF]
        fields.append(name: Array("Latin".utf8).span, value: value.span)
        var lines: [[UInt8]] = []
        fields.endToEnd.forEachLine { name, value in lines.append(Array(name) + [0x3A] + value) }
        #expect(lines == ["B:1", "A:2", "B:3", "Empty:"].map { Array($0.utf8) } + [Array("Latin:".utf8) + value])
    }

    private static let framings: [(HTTPFields, BodyFraming?)] = [
        (HTTPFields(), BodyFraming.none), (["Content-Length": "0"], .length(0)), (["Content-Length": "12, 12"], .length(12)),
        (["Transfer-Encoding": "chunked"], .unknown), (["Transfer-Encoding": "gzip", "Content-Length": "3"], .unknown),
        (["Content-Length": "1, 2"], nil), (["Content-Length": "x"], nil), (["Content-Length": "-1"], nil),
        (["Content-Length": "99999999999999999999"], nil),
    ]

    @Test(arguments: framings) func theFramingIsAsTheFieldsTell(_ fields: HTTPFields, _ framing: BodyFraming?) {
        #expect(fields.bodyFraming == framing)
    }
}

@Suite struct ForwardPathTests {
    @Test(arguments: [
        ("", "", "/"), ("", "?a=b", "/?a=b"), ("", "/x", "/x"), ("/v1", "", "/v1"), ("/v1", "/", "/v1/"), ("/v1", "?", "/v1?"),
        ("/v1", "/a%2Fb/%C3%A9?x=/../y&z", "/v1/a%2Fb/%C3%A9?x=/../y&z"), ("/v1", "//a//", "/v1//a//"),
        ("/v1", "/...", "/v1/..."), ("/v1", "/a..b/..c/d..", "/v1/a..b/..c/d.."), ("/v1", "/./a", "/v1/./a"),
        ("/v1", "/%zz/%2", "/v1/%zz/%2"), ("/v1", "/@host:1/", "/v1/@host:1/"),
    ])
    func aPathIsJoinedAsItIs(_ base: String, _ rest: String, _ whole: String) {
        #expect(ForwardPath.join(base, rest[...]) == whole)
    }

    @Test(arguments: [
        "/..", "/../", "/a/../b", "/a/..", "/%2e%2e", "/%2E.", "/.%2e/x", "/a%2f..%2fb", "/..%2f", "/a%5c..", "/..\\a",
        "/%252e%252e/", "/%25252e%25252e", "/..;x/", "/..%3bx", "/..?x", "/%2e%2e%2f%2e%2e",
    ])
    func aPathThatCouldClimbIsNotJoined(_ rest: String) {
        #expect(ForwardPath.join("/v1", rest[...]) == nil)
    }
}

@Suite struct ReasonTests {
    @Test(
        arguments: [
            ("I'm fine", "HTTP/1.1 200 I'm fine\r\n"), ("", "HTTP/1.1 200 \r\n"), (nil, "HTTP/1.1 200 OK\r\n"),
            ("a\r\nSet-Cookie: b", "HTTP/1.1 200 OK\r\n"),
        ] as [(String?, String)])
    func aReasonIsWrittenUnlessItWouldEndTheLine(_ reason: String?, _ line: String) {
        var buffer = ByteBuffer()
        let isComplete = ResponseHead(status: 200, reason: reason).append(to: &buffer)
        #expect(String(decoding: buffer.storage, as: UTF8.self) == line + "\r\n")
        #expect(isComplete == (reason?.contains("\r\n") != true))
    }
}
