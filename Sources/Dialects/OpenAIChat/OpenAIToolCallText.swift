// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import JSON

/// Writes the `tool_calls` member of a chunk's delta.
enum OpenAIToolCallText {
    /// Appends the first fragment of a call, up to its closing brace: the only one with id and name, since clients join names.
    ///
    /// A call that upstream gave no id gets `made`, without which no result could refer to it.
    static func appendStart(
        _ call: Int, id: Range<Int>, made: @autoclosure () -> String, name: Range<Int>, isCustom: Bool,
        of data: Span<UInt8>, to buffer: inout ByteBuffer
    ) {
        appendPlace(call, to: &buffer)
        buffer.append(literal: ",\"id\":\"")
        if id.isEmpty {
            buffer.appendEscaped(made().utf8.span)
        } else {
            buffer.append(data, id)
        }
        buffer.append(
            literal: isCustom
                ? "\",\"type\":\"custom\",\"custom\":{\"name\":\""
                : "\",\"type\":\"function\",\"function\":{\"name\":\"")
        buffer.append(data, name)
        buffer.append(literal: isCustom ? "\",\"input\":\"\"}" : "\",\"arguments\":\"\"}")
    }

    /// Appends a later fragment.
    static func appendArguments(
        _ slice: Range<Int>, call: Int, isCustom: Bool, of data: Span<UInt8>, to buffer: inout ByteBuffer
    ) {
        appendPlace(call, to: &buffer)
        buffer.append(
            literal: isCustom ? ",\"custom\":{\"input\":\"" : ",\"function\":{\"arguments\":\"")
        buffer.append(data, slice)
        buffer.append(literal: "\"}}]")
    }

    private static func appendPlace(_ call: Int, to buffer: inout ByteBuffer) {
        buffer.append(literal: "\"tool_calls\":[{\"index\":")
        buffer.append(decimal: call)
    }
}
