// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import JSON

/// Finds the completion inside an answer of Straico's older API.
enum StraicoAnswer {
    /// The completion at `data.completion`, or of the first model at `data.completions`, as a text of its own.
    static func completion(in body: Span<UInt8>) throws(MalformedEvent) -> ByteBuffer {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: body, allowsLoneSurrogates: true)
        } catch {
            throw MalformedEvent(at: error.offset)
        }
        let data = value["data"] ?? value
        let first = data["completions"]?.members?.first?.value
        guard let completion = data["completion"] ?? first?["completion"] else { throw MalformedEvent(at: 0) }
        var buffer = ByteBuffer()
        completion.write(into: &buffer)
        return buffer
    }
}
