// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import HTTPSemantics
internal import JSON
internal import Synchronization

/// A document as it came in: read, and ready to be stored.
package struct NewDocument: Sendable, Equatable {
    /// What it is called, by the client's word.
    package var name: String
    /// What it is.
    package var kind: DocumentKind
    /// The bytes as they came.
    package var content: [UInt8]
    /// Its text in UTF-8.
    package var text: String
    /// The schema of its result, when one was sent along.
    package var schema: String?
}

/// An upload on its way to a `NewDocument`. All of it is work for a thread that may wait.
package struct DocumentIntake: Sendable {
    /// The body as it came.
    package var body: [UInt8]
    /// The request's content type.
    package var contentType: String?
    /// The name that the address gives.
    package var name: String?
    /// The schema that the address gives.
    package var schema: String?
    /// Bytes of a document, and of its text.
    package var maxBytes: Int
    /// Seconds that a PDF's conversion may take.
    package var maxSeconds: Int
    /// Whether nobody waits for it any more.
    package var cancellation = Cancellation()

    /// The most bytes of a schema.
    package static let maxSchema = 64 << 10
    /// The most bytes of a name.
    private static let maxName = 255

    package init(body: [UInt8], contentType: String?, name: String?, schema: String?, maxBytes: Int, maxSeconds: Int) {
        self.body = body
        self.contentType = contentType
        self.name = name
        self.schema = schema
        self.maxBytes = maxBytes
        self.maxSeconds = maxSeconds
    }

    /// Reads the upload: form or raw, its kind, its text.
    package func read() -> Result<NewDocument, DocumentError> {
        do {
            return .success(try opened())
        } catch {
            return .failure(error)
        }
    }

    private func opened() throws(DocumentError) -> NewDocument {
        if cancellation.isCancelled { throw .cancelled }
        guard let type = contentType.flatMap({ MediaType($0) }), type.essence.hasPrefix("multipart/") else {
            return try document(body[...], contentType: contentType, name: name, schema: schema)
        }
        guard type.essence == "multipart/form-data", let boundary = MultipartForm.boundary(of: type) else {
            throw .badForm("A form must be multipart/form-data with a valid boundary.")
        }
        let form: MultipartForm
        do { form = try MultipartForm(parsing: body, boundary: boundary) } catch { throw .badForm(error.explanation) }
        if let unknown = form.parts.first(where: { !["file", "schema", "name"].contains($0.name) }) {
            throw .badForm("The form has the unknown field '\(unknown.name.prefix(80))': it may have file, schema and name.")
        }
        guard let file = form["file"] else { throw .badForm("The form lacks the field 'file'.") }
        return try document(
            body[file.content], contentType: file.contentType,
            name: try field("name", of: form, limit: DocumentIntake.maxName) ?? name ?? file.fileName,
            schema: try field("schema", of: form, limit: DocumentIntake.maxSchema) ?? schema)
    }

    private func field(_ name: String, of form: MultipartForm, limit: Int) throws(DocumentError) -> String? {
        guard let part = form[name] else { return nil }
        guard part.content.count <= limit, let text = String(validating: body[part.content], as: UTF8.self) else {
            throw .badForm("The form's field '\(name)' must be UTF-8 of at most \(limit) bytes.")
        }
        return text
    }

    private func document(
        _ content: ArraySlice<UInt8>, contentType: String?, name: String?, schema: String?
    ) throws(DocumentError) -> NewDocument {
        guard !content.isEmpty else { throw .badForm("The document is empty.") }
        guard content.count <= maxBytes else { throw .tooLarge(limit: maxBytes) }
        let name = DocumentIntake.name(name)
        let kind = try DocumentKind.of(content, contentType: contentType, name: name)
        var document = NewDocument(name: name, kind: kind, content: Array(content), text: "")
        if let schema { document.schema = try ResultSchema.parse(schema).text }
        let hasMark = document.content.starts(with: [0xEF, 0xBB, 0xBF])
        let text: [UInt8] =
            switch kind {
            case .plain, .markdown: hasMark ? Array(document.content.dropFirst(3)) : document.content
            case .html: HTMLText.text(of: document.content)
            case .pdf:
                try PDFText.text(
                    of: document.content, maxText: maxBytes, maxSeconds: maxSeconds, isCancelled: { cancellation.isCancelled })
            }
        guard text.contains(where: { $0 > 0x20 }) else { throw .unreadable("The document holds no text.") }
        document.text = String(decoding: text, as: UTF8.self)
        return document
    }

    /// What a document is called: the last part of what may be a path, without control characters, bounded.
    static func name(_ given: String?) -> String {
        let last = (given ?? "").split(whereSeparator: { $0 == "/" || $0 == "\\" }).last ?? ""
        var name = ""
        for scalar in last.unicodeScalars
        where scalar.value >= 0x20 && scalar.value != 0x7F && !(0x80...0x9F).contains(scalar.value) {
            guard name.utf8.count + UTF8.width(scalar) <= maxName else { break }
            name.unicodeScalars.append(scalar)
        }
        return name.allSatisfy({ $0 == " " || $0 == "." }) ? "document" : name
    }
}

/// A flag that one thread sets and another looks at.
package final class Cancellation: Sendable {
    private let flag = Atomic(false)

    package init() {}

    /// Whether it was cancelled.
    package var isCancelled: Bool { flag.load(ordering: .relaxed) }

    /// Sets it, for good.
    package func cancel() { flag.store(true, ordering: .relaxed) }
}

extension MultipartError {
    /// What is wrong, in a sentence for the client.
    var explanation: String {
        switch self {
        case .badBoundary: "The form's boundary is not valid."
        case .badDelimiter: "The form does not begin with its boundary, or does not end with it."
        case .truncated: "The form ends before its last boundary."
        case .badHead(let text): "The form is malformed: \(text)."
        case .tooManyParts: "The form has more than \(MultipartForm.maxParts) parts."
        case .duplicate(let name): "The form has the field '\(name.prefix(80))' twice."
        }
    }
}
