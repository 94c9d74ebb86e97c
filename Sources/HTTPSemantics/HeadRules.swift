// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The rules that span a whole head: which fields may come, how often, and what they say about the body.
enum HeadRules {
    /// Fields that decide framing, routing or identity: two of them are two answers to one question.
    private static let singletons = [
        "Host", "Content-Length", "Transfer-Encoding", "Authorization", "Content-Type", "Expect",
        "X-Api-Key", "Api-Key", "X-Goog-Api-Key",
    ]

    /// What the head says about the bytes and the connection after it.
    static func framing(of head: RequestHead) throws(FramingViolation) -> MessageFraming {
        let fields = head.fields
        try checkNames(fields)
        try checkHost(fields["Host"], required: head.minorVersion > 0)
        let body = try body(fields, minorVersion: head.minorVersion)
        return MessageFraming(
            body: body,
            expectsContinue: try expectsContinue(fields) && head.minorVersion > 0
                && body != .none && body != .length(0),
            persists: persists(fields, minorVersion: head.minorVersion)
        )
    }

    private static func checkNames(_ fields: HTTPFields) throws(FramingViolation) {
        for name in singletons where fields.values(of: name).count > 1 { throw .duplicateField }
        // Some servers behind proxies read an underscore as a hyphen.
        for name in ["Content_Length", "Transfer_Encoding"] where fields[name] != nil { throw .fieldName }
    }

    private static func body(_ fields: HTTPFields, minorVersion: Int) throws(FramingViolation) -> BodyKind {
        let length = fields["Content-Length"]
        if let coding = fields["Transfer-Encoding"] {
            guard length == nil, minorVersion > 0 else { throw .ambiguousLength }
            if HTTPFields.matches(coding, "chunked") { return .chunked }
            throw coding.utf8.contains(where: ByteClass.isToken) ? .transferCoding : .transferEncoding
        }
        guard let length else { return .none }
        return .length(try contentLength(length))
    }

    /// Digits only, with no leading zero, which some parsers read as octal.
    private static func contentLength(_ text: String) throws(FramingViolation) -> Int {
        guard let first = text.utf8.first, text.utf8.allSatisfy(ByteClass.isDigit),
            first != UInt8(ascii: "0") || text.utf8.count == 1
        else { throw .contentLength }
        // Digits alone fail to read only when they overflow.
        guard let length = Int(text) else { throw .bodyTooLarge }
        return length
    }

    private static func expectsContinue(_ fields: HTTPFields) throws(FramingViolation) -> Bool {
        guard let expectation = fields["Expect"] else { return false }
        guard HTTPFields.matches(expectation, "100-continue") else { throw .expectation }
        return true
    }

    private static func persists(_ fields: HTTPFields, minorVersion: Int) -> Bool {
        var keepAlive = minorVersion > 0
        for value in fields.values(of: "Connection") {
            for option in value.utf8.split(separator: UInt8(ascii: ",")) {
                let name = String(Substring(option)).filter { $0 != " " && $0 != "\t" }
                if HTTPFields.matches(name, "close") { return false }
                if HTTPFields.matches(name, "keep-alive") { keepAlive = true }
            }
        }
        return keepAlive
    }

    /// A name or an address, and perhaps a port: never a path, a fragment, user information or a list.
    private static func checkHost(_ host: String?, required: Bool) throws(FramingViolation) {
        guard let host else {
            if required { throw .host }
            return
        }
        var rest = host.utf8[...]
        let name: Substring.UTF8View
        if rest.first == UInt8(ascii: "[") {
            guard let close = rest.firstIndex(of: UInt8(ascii: "]")) else { throw .host }
            name = rest[rest.index(after: rest.startIndex)..<close]
            guard name.allSatisfy(isAddress) else { throw .host }
            rest = rest[rest.index(after: close)...]
        } else {
            name = rest.prefix { $0 != ByteClass.colon }
            guard name.allSatisfy(isName) else { throw .host }
            rest = rest[name.endIndex...]
        }
        guard !name.isEmpty else { throw .host }
        guard let first = rest.first else { return }
        let port = rest.dropFirst()
        guard first == ByteClass.colon, port.count <= 5, port.allSatisfy(ByteClass.isDigit) else {
            throw .host
        }
    }

    private static func isAddress(_ byte: UInt8) -> Bool {
        ByteClass.hexadecimal(byte) != nil || byte == ByteClass.colon || byte == UInt8(ascii: ".")
    }

    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        case UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: false
        }
    }
}
