// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Storage

/// A document for tests of what is decided by one.
enum StoredDocumentSample {
    static let document = StoredDocument(id: "doc_1", name: "a", mediaType: "text/plain", bytes: 1, schema: nil, createdAt: 0)
}
