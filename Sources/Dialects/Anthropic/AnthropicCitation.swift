// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import JSON

/// The citation of a web page that the model did not find through Anthropic's own search.
enum AnthropicCitation {
    /// What stands for the index into Anthropic's search results, which only Anthropic can make: by it the citation is
    /// known when the client sends it back.
    static let index: StaticString = "slc1.citation."

    /// Appends the members of the object; url and title are escaped.
    static func appendMembers(url: Span<UInt8>, title: Span<UInt8>, to buffer: inout ByteBuffer) {
        buffer.append(literal: "\"type\":\"web_search_result_location\",\"cited_text\":\"\",\"url\":\"")
        buffer.append(url)
        buffer.append(literal: "\",\"title\":\"")
        buffer.append(title)
        buffer.append(literal: "\",\"encrypted_index\":\"")
        buffer.append(literal: index)
        buffer.append(ASCII.quote)
    }

    /// Whether a citation that a client sent back is one that this made.
    static func isOwn(_ citation: JSONValue) -> Bool {
        citation["encrypted_index"]?.string == "\(index)"
    }
}
