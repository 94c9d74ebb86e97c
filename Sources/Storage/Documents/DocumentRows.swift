// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What has become of a document's extraction.
package enum DocumentStatus: String, Sendable, CaseIterable {
    case stored, extracting, done, failed, cancelled
}

/// A document as lists show it: all but its content and its result.
package struct StoredDocument: Equatable, Sendable {
    /// `doc_` and 128 random bits.
    package var id: String
    /// What it is called.
    package var name: String
    /// What it is.
    package var mediaType: String
    /// Bytes of its content.
    package var bytes: Int
    /// The schema that was sent with it; `nil` for the built-in one.
    package var schema: String?
    /// What has become of its extraction.
    package var status = DocumentStatus.stored
    /// Why its extraction failed.
    package var error: String?
    /// When it was stored, in microseconds since 1970, as the next two.
    package var createdAt: Int64
    /// When its status last changed.
    package var updatedAt: Int64
    /// When the instance that extracts it last said that it lives.
    package var heartbeatAt: Int64 = 0
    /// The run that extracts it, or did last.
    package var run: String?
    /// The schema of that run.
    package var runSchema: String?
    /// How far that run is, as JSON.
    package var progress: String?

    package init(id: String, name: String, mediaType: String, bytes: Int, schema: String?, createdAt: Int64) {
        self.id = id
        self.name = name
        self.mediaType = mediaType
        self.bytes = bytes
        self.schema = schema
        self.createdAt = createdAt
        updatedAt = createdAt
    }
}

/// How an extraction ended.
package enum DocumentEnd: Equatable, Sendable {
    /// With a result, as JSON.
    case done(String)
    case failed(String)
    case cancelled
}

/// Why a document could not be read or changed.
package enum DocumentStoreError: Error, Equatable, Sendable {
    /// There is no such document, or it is somebody else's.
    case notFound
    /// It is not in the state that the change asks for.
    case conflict
    /// The database failed.
    case storage(StorageError)
}
