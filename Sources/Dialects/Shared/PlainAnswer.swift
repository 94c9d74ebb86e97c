// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
internal import JSON

/// An answer that is only handed on: any object, of which the model's name and the usage are looked at.
package enum PlainAnswer {
    /// Reads a body as one event. Throws when it is not an object.
    package static func read(_ body: Span<UInt8>, into event: inout DecodedEvent) throws(MalformedEvent) {
        event.reset()
        do {
            try read(members: body, into: &event)
        } catch {
            throw MalformedEvent(at: error.offset)
        }
        guard event.deltas.first == .start(choice: 0) else { throw MalformedEvent(at: 0) }
    }

    private static func read(members body: Span<UInt8>, into event: inout DecodedEvent) throws(JSONError) {
        var tokenizer = JSONTokenizer(allowsLoneSurrogates: true)
        guard try tokenizer.next(in: body).kind == .beginObject else { return }
        event.deltas = [.start(choice: 0)]
        while true {
            let key = try tokenizer.next(in: body)
            guard key.kind == .key else { break }
            let value = try tokenizer.next(in: body)
            if key.equals("usage", in: body), value.kind == .beginObject {
                event.deltas.append(.usage(try OpenAIUsage.read(with: &tokenizer, of: body)))
                continue
            }
            if key.equals("model", in: body), value.kind == .string { event.modelRange = value.range }
            _ = try tokenizer.skip(value, in: body)
        }
        _ = try tokenizer.next(in: body)
    }
}
