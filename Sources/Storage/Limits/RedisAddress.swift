// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Telemetry

/// Where a Redis server is: `redis://[[user]:password@]host[:port][/db]`.
package struct RedisAddress: Sendable, Equatable {
    /// A name or an address; an IPv6 address without its brackets.
    package var host: String
    package var port: Int
    /// The user of Redis' access lists; empty for the default one.
    package var user = ""
    package var password: Secret?
    package var database = 0

    /// Why an address cannot be used, without what may be a credential in it.
    package struct Mistake: Error, Equatable, Sendable {
        package let message: String
    }

    /// Reads an address; throws a `Mistake`.
    package init(_ url: Secret) throws(Mistake) {
        let text = url.reveal()
        guard !text.hasPrefix("rediss://") else {
            throw Mistake(message: "redis_url: TLS to Redis ('rediss://') is not available in this version; use 'redis://'")
        }
        guard text.hasPrefix("redis://") else { throw RedisAddress.wrong }
        var rest = text.dropFirst("redis://".count)
        if let question = rest.firstIndex(of: "?") { rest = rest[..<question] }
        if let slash = rest.lastIndex(of: "/"), !rest[slash...].contains("@") {
            let path = rest[slash...].dropFirst()
            guard path.isEmpty || Int(path).map({ 0...65_535 ~= $0 }) == true else { throw RedisAddress.wrong }
            database = Int(path) ?? 0
            rest = rest[..<slash]
        }
        if let at = rest.lastIndex(of: "@") {
            let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = RedisAddress.decoded(parts[0]), let word = RedisAddress.decoded(parts.last ?? "") else {
                throw RedisAddress.wrong
            }
            // A word alone is the password, as most clients have it.
            user = parts.count > 1 ? name : ""
            if !word.isEmpty { password = Secret(word) }
            rest = rest[rest.index(after: at)...]
        }
        var name = rest
        port = 6379
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("]") {
            guard let number = Int(rest[rest.index(after: colon)...]), 1...65_535 ~= number else { throw RedisAddress.wrong }
            port = number
            name = rest[..<colon]
        }
        if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
        guard !name.isEmpty, name.utf8.count <= 255, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x2F }) else {
            throw RedisAddress.wrong
        }
        host = String(name)
    }

    private static let wrong = Mistake(message: "redis_url must be redis://[:password@]host[:port][/database]")

    /// The text without its percent-encoding.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
