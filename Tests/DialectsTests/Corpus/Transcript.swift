// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Foundation
import Testing

@testable import Dialects

/// A file of Tests/Fixtures/transcripts: what a provider sends, and then byte for byte what a client of each dialect gets of it.
///
/// A line `### provider <dialect>` begins the provider's stream, `### whole <dialect>` an answer in one piece. `crlf`
/// behind it says that each line ends with CRLF, `cut` that the last one is not ended. A line `### client <dialect>`
/// begins what a client reads, and `### body <dialect>` a body that it reads.
struct Transcript: Sendable, CustomTestStringConvertible {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/transcripts")

    /// All of them.
    static let all: [Transcript] = {
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?.allObjects ?? []
        return files.compactMap { $0 as? URL }.filter { $0.pathExtension == "txt" }.sorted { $0.path < $1.path }
            .compactMap { Transcript($0) }
    }()

    struct Section: Sendable, Equatable {
        let title: String
        var text: String
    }

    let file: URL
    let provider: Dialect
    let isWhole: Bool
    /// What the provider sends.
    let bytes: [UInt8]
    private let head: Section
    /// What clients get, by the titles of the sections.
    let goldens: [Section]
    var feature: String { file.deletingLastPathComponent().lastPathComponent }
    var testDescription: String { "\(feature)/\(provider.rawValue)" }

    init?(_ file: URL) {
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return nil }
        var sections: [Section] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if line.hasPrefix("### ") {
                sections.append(Section(title: String(line.dropFirst(4)), text: ""))
            } else if !sections.isEmpty {
                sections[sections.count - 1].text += line + "\n"
            }
        }
        // The last line end of the file ends its last line, and begins none.
        if let last = sections.indices.last { sections[last].text.removeLast() }
        let words = sections.first?.title.split(separator: " ").map(String.init) ?? []
        guard words.count > 1, let provider = Dialect(rawValue: words[1]) else { return nil }
        self.file = file
        self.provider = provider
        isWhole = words[0] == "whole"
        head = sections[0]
        var sent = sections[0].text
        if words.contains("cut") || isWhole { sent.removeLast() }
        if words.contains("crlf") { sent = sent.replacingOccurrences(of: "\n", with: "\r\n") }
        bytes = Array(sent.utf8)
        goldens = Array(sections.dropFirst())
    }

    /// Whether goldens are written rather than compared.
    static let records = ProcessInfo.processInfo.environment["SLUICE_RECORD"] == "1"

    /// Compares what clients got with the goldens, or writes them where there are none.
    func expect(_ got: [Section]) throws {
        guard !Self.records, !goldens.isEmpty else {
            let text = ([head] + got).map { "### \($0.title)\n\($0.text)" }.joined()
            return try Data(text.utf8).write(to: file)
        }
        #expect(got.map(\.title) == goldens.map(\.title))
        for (got, golden) in zip(got, goldens) { #expect(got.text == golden.text, "\(testDescription) to \(got.title)") }
    }
}
