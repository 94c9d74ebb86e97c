// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import JSON

/// What became of a chunk.
enum ChunkOutcome: Sendable {
    case done(JSONValue)
    case failed(ExtractionFailure)

    var error: String? { if case .failed(let failure) = self { failure.message } else { nil } }
}

/// All chunks' outcomes on their way to one result. Work for a thread that may wait.
struct ExtractionOutcome: Sendable {
    var chunks: [DocumentChunk]
    var outcomes: [ChunkOutcome]
    var schema: ResultSchema
    var model: String

    /// The result as it is stored: what was extracted, whether all chunks took part and the schema is kept, and each chunk's status.
    func text() -> String {
        let results = outcomes.compactMap { outcome in if case .done(let value) = outcome { value } else { nil } }
        let merged = ResultMerger.merge(results)
        let problems = schema.schema.problems(of: merged)
        var buffer = ByteBuffer()
        buffer.appendJSON { json in
            json.object { json in
                json.member("result", merged)
                json.member("complete", results.count == outcomes.count)
                json.member("valid", problems.isEmpty)
                json.key("problems")
                json.array { json in for problem in problems { json.string(problem) } }
                json.key("chunks")
                json.array { json in
                    for (index, outcome) in outcomes.enumerated() { write(index, outcome, &json) }
                }
                json.member("model", model)
                json.member("schema", schema.text == ResultSchema.standard ? .string(schema.text) : schema.schema.source)
            }
        }
        return String(decoding: buffer.storage, as: UTF8.self)
    }

    private func write(_ index: Int, _ outcome: ChunkOutcome, _ json: inout JSONWriter) {
        json.object { json in
            json.member("index", index)
            json.member("status", literal: outcome.error == nil ? "done" : "failed")
            // Where in the text it is, in bytes, without what it shares with the chunk before.
            json.member("start", chunks[index].range.lowerBound + chunks[index].overlap)
            json.member("end", chunks[index].range.upperBound)
            if case .failed(let failure) = outcome {
                json.member("error", failure.message)
                json.member("code", failure.code)
            }
        }
    }
}
