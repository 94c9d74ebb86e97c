// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CHiredis

/// What Redis answers.
package enum RedisReply: Sendable, Equatable {
    case null
    case integer(Int)
    case text(String)
    case error(String)
    case list([RedisReply])

    /// Reads a reply of hiredis, which frees it afterwards.
    init(_ reply: UnsafeMutablePointer<redisReply>) {
        let value = unsafe reply.pointee
        switch unsafe value.type {
        case REDIS_REPLY_INTEGER: self = unsafe .integer(Int(value.integer))
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: self = unsafe .text(RedisReply.text(value))
        case REDIS_REPLY_ERROR: self = unsafe .error(RedisReply.text(value))
        case REDIS_REPLY_ARRAY:
            var list: [RedisReply] = []
            for index in unsafe 0..<value.elements {
                guard let element = unsafe value.element?[index] else { continue }
                unsafe list.append(RedisReply(element))
            }
            self = .list(list)
        default: self = .null
        }
    }

    private static func text(_ reply: redisReply) -> String {
        guard let start = unsafe reply.str else { return "" }
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: Int(reply.len))
        return unsafe String(decoding: bytes, as: UTF8.self)
    }

    /// The number, when it is one.
    package var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    /// The text, when it is one.
    package var text: String? { if case .text(let value) = self { value } else { nil } }
    /// The elements, when it is a list.
    package var list: [RedisReply]? { if case .list(let value) = self { value } else { nil } }
    /// The first word of an error, such as `NOSCRIPT`.
    package var errorWord: Substring? {
        if case .error(let text) = self { text.prefix { $0 != " " } } else { nil }
    }
}

/// A command as it goes over the wire (RESP): an array of strings.
struct RedisCommand {
    let bytes: [UInt8]

    init(_ words: [String]) {
        var text = Array("*\(words.count)\r\n".utf8)
        for word in words {
            text += Array("$\(word.utf8.count)\r\n".utf8)
            text += Array(word.utf8)
            text += [13, 10]
        }
        bytes = text
    }
}
