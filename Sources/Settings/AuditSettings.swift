// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What is recorded of requests, and what happens when it cannot be stored.
package struct AuditSettings: Sendable, Equatable {
    /// Whether the texts of requests and answers are stored, or only what is told about them.
    package var content = AuditContent.full
    /// What happens to new requests while rows cannot be stored.
    package var onFailure = AuditFailurePolicy.open
    /// How long the oldest row may wait before that is so.
    package var patience = Duration.seconds(5)
    /// How long a row waits for others to be stored with.
    package var flushInterval = Duration.milliseconds(100)
    /// Rows that may wait.
    package var queueRows = 10_000
    /// Bytes of the rows that wait; beyond it they go without their texts.
    package var queueBytes = 64 << 20
    /// Bytes of a request's body that are kept.
    package var requestLimit = 64 << 10
    /// The age at which rows are deleted; zero keeps them.
    package var retention = Duration.zero
    /// The folder in which the answers of providers are kept as they came, by an absolute path; `nil` keeps none.
    package var spool: String?
    /// Bytes of that folder's files, beyond which the oldest are removed.
    package var spoolMaxBytes = 1 << 30
    /// Bytes of one answer there.
    package var spoolMaxAnswer = 16 << 20

    package init() {}

    /// The settings under `audit`.
    static var fields: [Field<Settings>] {
        [
            .choice("audit.content", \.audit.content) { $0.rawValue },
            .choice("audit.on_failure", \.audit.onFailure) { $0.rawValue },
            .duration("audit.patience", \.audit.patience),
            .duration("audit.flush_interval", \.audit.flushInterval),
            .integer("audit.queue_rows", \.audit.queueRows, 16...10_000_000),
            .size("audit.queue_bytes", \.audit.queueBytes, (1 << 20)...(16 << 30)),
            .size("audit.request_limit", \.audit.requestLimit, 0...(16 << 20)),
            .duration("audit.retention", \.audit.retention, least: .zero, most: .seconds(36_500 * 86_400)),
            .value("audit.spool", \.audit.spool, expected: "the path of a folder, from / on") { text in
                // Who erases has to find the folder too, whatever its working directory is.
                text.hasPrefix("/") && !text.utf8.contains(0) ? .some(text) : nil
            },
            .size("audit.spool_max_bytes", \.audit.spoolMaxBytes, (1 << 20)...(1 << 50)),
            .size("audit.spool_max_answer", \.audit.spoolMaxAnswer, (1 << 10)...(1 << 30)),
        ]
    }
}

/// Whether texts are stored.
package enum AuditContent: String, Sendable, CaseIterable {
    case full, none
}

/// What happens to new requests while rows cannot be stored.
package enum AuditFailurePolicy: String, Sendable, CaseIterable {
    /// They go on; rows that find no room are lost, and counted.
    case open
    /// They are refused.
    case closed
}
