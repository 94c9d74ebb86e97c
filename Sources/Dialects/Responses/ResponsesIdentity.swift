// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import JSON

/// What a stream that is handed on has said of itself, so that its failure is told as that of the same response.
struct ResponsesIdentity: Sendable {
    /// The response's id; `nil` when none was said.
    private(set) var id: String?
    /// When the response began, in seconds since 1970.
    private(set) var created: Int?
    /// The model as the client sees it.
    private(set) var model: String
    /// The number of the next event; `nil` when events have none.
    private(set) var sequence: Int?

    private let isRenamed: Bool

    /// A stream of which nothing is known; its own name for the model counts unless it is hidden.
    init(model: String, isRenamed: Bool) {
        self.model = model
        self.isRenamed = isRenamed
    }

    /// Takes an event, read no further than to its number unless it `tellsResponse`.
    mutating func note(_ data: Span<UInt8>, tellsResponse: Bool) {
        var tokenizer = JSONTokenizer(allowsLoneSurrogates: true)
        guard let first = try? tokenizer.next(in: data), first.kind == .beginObject else { return }
        while let key = try? tokenizer.next(in: data), key.kind == .key, let value = try? tokenizer.next(in: data) {
            if value.kind == .number, key.equals("sequence_number", in: data) {
                sequence = value.integer(in: data).map { $0 &+ 1 } ?? sequence
                guard tellsResponse else { return }
            }
            if value.kind == .beginObject, tellsResponse, key.equals("response", in: data) {
                readResponse(with: &tokenizer, of: data)
            } else if (try? tokenizer.skip(value, in: data)) == nil {
                return
            }
        }
    }

    private mutating func readResponse(with tokenizer: inout JSONTokenizer, of data: Span<UInt8>) {
        while let key = try? tokenizer.next(in: data), key.kind == .key, let value = try? tokenizer.next(in: data) {
            if value.kind == .string, key.equals("id", in: data) {
                id = value.string(in: data)
            } else if value.kind == .number, key.equals("created_at", in: data) {
                created = value.integer(in: data)
            } else if value.kind == .string, !isRenamed, key.equals("model", in: data) {
                model = value.string(in: data)
            }
            guard (try? tokenizer.skip(value, in: data)) != nil else { return }
        }
    }
}
