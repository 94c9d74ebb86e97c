// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Storage

/// How documents are extracted; times in nanoseconds unless they say otherwise.
package struct ExtractionPolicy: Equatable, Sendable {
    /// The model that is asked where the client names none; `nil` refuses such a request.
    package var model: String?
    /// Tokens of a chunk, by the estimate of four bytes each.
    package var chunkTokens = 2000
    /// Tokens of the chunk before that a chunk begins with.
    package var overlapTokens = 100
    /// Chunks of one document that are asked about at once.
    package var maxConcurrent = 4
    /// Documents that are extracted at once.
    package var maxRuns = 8
    /// Chunks of a document; a longer one is not extracted.
    package var maxChunks = 1000
    /// How long a chunk may take, both tries together.
    package var chunkTimeout: UInt64 = 300_000_000_000
    /// Bytes of a document, and of its text.
    package var maxBytes = 20 << 20
    /// Seconds that the conversion of a document to text may take.
    package var convertSeconds = 60

    package init() {}

    /// How often a run says in the database that it lives.
    static let heartbeat: UInt64 = 5_000_000_000
    /// Microseconds of silence after which a run counts as dead.
    static let stale: Int64 = 20_000_000
    /// Bytes of a run's results together, as JSON; later chunks fail.
    static let maxResults = 16 << 20
    /// How many chunks that ended first, all failed, make a run give up.
    static let hopeless = 8
    /// After how long storing an end is tried again; as often as there are numbers.
    static let pauses: [UInt64] = [100_000_000, 500_000_000, 2_000_000_000]
}

/// An extraction as a client asks for it.
package struct ExtractionRequest: Sendable {
    /// The document.
    package var document: String
    /// Whose it is.
    package var owner: Owner
    /// The model.
    package var model: String
    /// What the result must be like.
    package var schema: ResultSchema
    /// The request's identifier, in the identifiers of all that is asked of models for it.
    package var id: String
    /// On whose behalf models are asked.
    package var caller: Caller

    package init(document: String, owner: Owner, model: String, schema: ResultSchema, id: String, caller: Caller) {
        self.document = document
        self.owner = owner
        self.model = model
        self.schema = schema
        self.id = id
        self.caller = caller
    }
}

/// What is to be done for a client that asks for a document's extraction.
package enum ExtractionStep: Equatable, Sendable {
    /// Begin a run.
    case start
    /// Watch the run of this process.
    case join
    /// Watch the run of another process, in the database.
    case follow
    /// Tell the result that is there.
    case tell
    /// Tell how the last run failed.
    case tellFailure
    /// Refuse: it is being extracted with another schema.
    case refuse

    /// What to do, by what is stored and what runs here.
    ///
    /// `wanted` is the schema that the client names, if it does; `again` asks for a new run of what is done. A client that
    /// `reconnects` saw a run begin, and never begins another by that.
    package static func next(
        for document: StoredDocument, runningHere schema: String?, wanted: String?, again: Bool, reconnects: Bool, now: Int64
    ) -> ExtractionStep {
        if let schema { return wanted == nil || wanted == schema ? .join : .refuse }
        switch document.status {
        case .extracting:
            guard document.heartbeatAt >= now - ExtractionPolicy.stale else { return reconnects ? .follow : .start }
            return wanted == nil || wanted == document.runSchema ? .follow : .refuse
        case .done:
            let isSame = wanted == nil || wanted == document.runSchema
            return reconnects || (isSame && !again) ? .tell : .start
        case .failed, .cancelled: return reconnects ? .tellFailure : .start
        case .stored: return .start
        }
    }
}
