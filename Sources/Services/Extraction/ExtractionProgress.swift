// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// How far an extraction is.
package struct ExtractionProgress: Equatable, Sendable {
    /// What is being done.
    package enum Stage: String, Sendable {
        case starting, chunking, extracting, merging, saving, done
    }

    /// What is being done.
    package var stage = Stage.starting
    /// How many chunks have ended, well or not.
    package var chunksDone = 0
    /// How many chunks there are; 0 before it is known.
    package var chunks = 0

    package init() {}

    /// The share that is done: 10 when the document is being cut up, then 60 for all chunks together, 80 while they are merged, 90
    /// while the result is saved.
    package var percent: Int {
        switch stage {
        case .starting: 0
        case .chunking: 10
        case .extracting: 10 + (chunks > 0 ? 60 * min(chunksDone, chunks) / chunks : 0)
        case .merging: 80
        case .saving: 90
        case .done: 100
        }
    }

    /// What is being done, for people.
    package var message: String {
        switch stage {
        case .starting: "starting"
        case .chunking: "cutting the document into chunks"
        case .extracting: "chunk \(chunksDone) of \(chunks)"
        case .merging: "merging the results of \(chunks) chunks"
        case .saving: "saving the result"
        case .done: "done"
        }
    }

    /// As it is stored for other instances: `extracting 3 8`.
    package var text: String { "\(stage.rawValue) \(chunksDone) \(chunks)" }

    /// Reads what `text` wrote.
    package init?(_ text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 3, let stage = Stage(rawValue: String(parts[0])), let done = Int(parts[1]),
            let chunks = Int(parts[2]), done >= 0, chunks >= done
        else { return nil }
        self.stage = stage
        chunksDone = done
        self.chunks = chunks
    }
}

/// Who is told how an extraction goes on. `done` or `failed` is the last call.
package protocol ExtractionWatcher: AnyObject {
    /// It is that far.
    func advanced(_ progress: ExtractionProgress)
    /// A chunk has ended; `error` says why it failed, if it did.
    func ended(chunk index: Int, error: String?, _ progress: ExtractionProgress)
    /// It is over, with this result as JSON.
    func done(_ result: String)
    /// It is over without a result.
    func failed(_ failure: ExtractionFailure)
}

/// Why an extraction has no result.
package struct ExtractionFailure: Error, Equatable, Sendable {
    /// A word for programs.
    package var code: String
    /// A sentence for people.
    package var message: String

    package init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    /// What a stored reason says.
    package init(stored reason: String?) {
        let isInterrupted = reason == "interrupted"
        self.init(
            code: isInterrupted ? "interrupted" : "extraction_failed",
            message: isInterrupted ? "The extraction was interrupted: the gateway went down." : reason ?? "The extraction failed."
        )
    }

    /// Somebody cancelled it.
    package static let cancelled = ExtractionFailure(code: "cancelled", message: "The extraction was cancelled.")
}
