// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// One token of a JSON text, as places in the bytes it was read from.
///
/// Public because Swift 6.3 inlines nothing that is `package` into another module, not even comparing kinds.
public struct JSONToken: Sendable, Equatable {
    /// What a token is.
    @frozen public enum Kind: Sendable, Equatable {
        case beginObject, endObject, beginArray, endArray
        /// A member's name; its colon has been read too.
        case key
        case string, number, `true`, `false`, null
        /// Nothing but whitespace is left.
        case endOfInput
    }

    /// What the token is.
    public let kind: Kind
    /// The token's bytes; of a key or string the inside, without the quotes and still escaped.
    public let range: Range<Int>
    /// Whether a key or string contains a backslash.
    public let hasEscapes: Bool

    package init(_ kind: Kind, _ range: Range<Int>, hasEscapes: Bool = false) {
        self.kind = kind
        self.range = range
        self.hasEscapes = hasEscapes
    }
}
