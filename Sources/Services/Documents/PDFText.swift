// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Reactor

/// The text of a PDF, by poppler's `pdftotext`: a process of its own, so that a bad file harms nothing else.
enum PDFText {
    /// The text in UTF-8, a form feed behind each page. For a thread that may wait.
    static func text(
        of document: [UInt8], maxText: Int, maxSeconds: Int, isCancelled: () -> Bool
    ) throws(DocumentError) -> [UInt8] {
        var program = ChildProcess(["pdftotext", "-enc", "UTF-8", "-eol", "unix", "-", "-"])
        program.maxOutput = maxText
        program.maxSeconds = maxSeconds
        let text: [UInt8]
        do {
            text = try program.run(document, isCancelled: isCancelled)
        } catch {
            switch error {
            case .cannotStart:
                throw .unreadable("PDF documents cannot be read here: the program pdftotext (poppler-utils) is not installed.")
            case .timedOut: throw .unreadable("The PDF takes too long to read.")
            case .tooMuchOutput: throw .tooLarge(limit: maxText)
            case .cancelled: throw .cancelled
            case .failed(let status, let message): throw .unreadable(reason(status, message))
            }
        }
        guard text.contains(where: { $0 > 0x20 }) else {
            throw .unreadable("The PDF holds no text; pictures of text are not read.")
        }
        return text
    }

    /// Why pdftotext gave up, by its status (pdftotext(1)) and by what it said, which is not handed on: it may quote the file.
    private static func reason(_ status: Int32, _ message: String) -> String {
        if status == 3 || message.contains("ncorrect password") || message.contains("ncrypt") {
            return "The PDF is encrypted: send it without a password."
        }
        return status == 127
            ? "PDF documents cannot be read here: the program pdftotext (poppler-utils) is not installed."
            : "The PDF is broken and cannot be read."
    }
}
