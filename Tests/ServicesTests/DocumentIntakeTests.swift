// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Services

@Suite("HTMLText")
struct HTMLTextTests {
    @Test(
        "keeps what readers see, with headings and lists",
        arguments: [
            ("<h1>Big  <b>title</b></h1><p>One\n two</p>", "# Big title\n\nOne two\n"),
            ("<ul><li>a<li>b</ul>", "- a\n- b\n"), ("a<br>b", "a\nb\n"), ("<td>a</td><td>b</td>", "a b\n"),
            ("<p>x</p><script>var a = '</p><p>no';</script><style>p{}</style><p>y</p>", "x\n\ny\n"),
            ("<head><title>T</title></head><body>b</body>", "b\n"), ("<head><title>T</title><body>b", "b\n"),
            ("a<!-- <p>no</p> -->b", "ab\n"), ("<!doctype html><p title='a > b'>x", "x\n"),
            ("&lt;b&gt; &amp;amp; &#233;&#xe9;&eacute; &nbsp;x &unknown; &", "<b> &amp; ééé x &unknown; &\n"),
            ("&#0;&#xD800;&#99999999;&#128;", "\u{FFFD}\u{FFFD}\u{FFFD}€\n"), ("1 < 2 </ x>", "1 < 2\n"),
            ("<pre>a\n  b</pre>", "a\n  b\n"), ("a<svg/>b<math />c<svg width='1'/>d", "abcd\n"),
            ("a<svg width=1/>b</svg>c<script/>d</script>e", "ace\n"), ("<script>never ends", ""), ("<p", ""), ("", ""),
        ])
    func text(_ page: String, _ expected: String) {
        #expect(String(decoding: HTMLText.text(of: Array(page.utf8)), as: UTF8.self) == expected)
    }

    @Test(
        "a page made to be slow or deep is read in linear time",
        arguments: ["<div>", "<", "&", "<!--", "<script>", "</", "<a href=\"", "<head><", "&#"])
    func hostile(_ piece: String) {
        let page = Array(String(repeating: piece, count: 100_000).utf8)
        let started = ContinuousClock.now
        _ = HTMLText.text(of: page)
        #expect(ContinuousClock.now - started < .seconds(10))
    }
}

@Suite("DocumentKind")
struct DocumentKindTests {
    private func kind(_ content: String, _ type: String?, name: String = "x") throws(DocumentError) -> DocumentKind {
        try DocumentKind.of(Array(content.utf8)[...], contentType: type, name: name)
    }

    @Test("is what the client says when the content agrees")
    func agreeing() throws {
        #expect(try kind("hello", "text/plain; charset=UTF-8") == .plain)
        #expect(try kind("# hello", "text/markdown") == .markdown)
        #expect(try kind("<p>part", "text/html") == .html)
        #expect(try kind("%PDF-1.7", "application/pdf") == .pdf)
    }

    @Test("is found by content where the client does not know")
    func unsaid() throws {
        #expect(try kind("hello", nil) == .plain)
        #expect(try kind("# hello", "application/octet-stream", name: "A.MD") == .markdown)
        #expect(try kind("\u{FEFF} <!DOCTYPE HTML>", nil) == .html)
        #expect(try kind("%PDF-1.7", "application/octet-stream") == .pdf)
    }

    @Test(
        "is refused when the client says something else, or something that is not supported",
        arguments: [
            ("%PDF-1.7", "text/plain"), ("hello", "application/pdf"), ("<html><p>", "text/plain"), ("hello", "image/png"),
            ("hello", "text/plain; charset=latin1"), ("hello", "nonsense"), ("PK\u{3}\u{4}", "text/plain"), ("MZ\u{0}", nil),
            ("PK\u{3}\u{4}", "application/zip"),
        ] as [(String, String?)])
    func refused(_ content: String, _ type: String?) {
        #expect(throws: DocumentError.self) { try kind(content, type) }
    }

    @Test("text that is not UTF-8 is refused")
    func charset() {
        #expect(throws: DocumentError.self) {
            try DocumentKind.of([0x63, 0x61, 0x66, 0xE9], contentType: "text/plain", name: "x")
        }
    }

    @Test(
        "names are no paths",
        arguments: [
            ("../../etc/passwd", "passwd"), ("C:\\x\\y.txt", "y.txt"), ("..", "document"), ("", "document"), ("a\u{0}\nb", "ab"),
            (String(repeating: "é", count: 200), String(repeating: "é", count: 127)),
        ])
    func names(_ given: String, _ expected: String) {
        #expect(DocumentIntake.name(given) == expected)
    }
}

@Suite("ExtractionStep")
struct ExtractionStepTests {
    private let now: Int64 = 1_000_000_000

    private func next(
        _ status: String, here: String? = nil, wanted: String? = nil, again: Bool = false, reconnects: Bool = false,
        age: Int64 = 0
    ) -> ExtractionStep {
        var document = StoredDocumentSample.document
        document.status = .init(rawValue: status) ?? .stored
        document.runSchema = "syllabus"
        document.heartbeatAt = now - age
        return .next(for: document, runningHere: here, wanted: wanted, again: again, reconnects: reconnects, now: now)
    }

    @Test("a document that nobody extracts gets a run, and a browser that comes back does not begin another")
    func begin() {
        #expect(next("stored") == .start)
        #expect(next("failed") == .start)
        #expect(next("cancelled") == .start)
        #expect(next("failed", reconnects: true) == .tellFailure)
        #expect(next("cancelled", reconnects: true) == .tellFailure)
        #expect(next("stored", reconnects: true) == .start)
    }

    @Test("a run is joined, here or elsewhere, unless another schema is wanted")
    func join() {
        #expect(next("extracting", here: "syllabus") == .join)
        #expect(next("extracting", here: "syllabus", wanted: "syllabus") == .join)
        #expect(next("extracting", here: "syllabus", wanted: "{}") == .refuse)
        #expect(next("extracting") == .follow)
        #expect(next("extracting", wanted: "{}") == .refuse)
        #expect(next("extracting", age: 60_000_000) == .start)
    }

    @Test("a result is told, unless another one is asked for")
    func done() {
        #expect(next("done") == .tell)
        #expect(next("done", wanted: "syllabus") == .tell)
        #expect(next("done", wanted: "{}") == .start)
        #expect(next("done", again: true) == .start)
        #expect(next("done", again: true, reconnects: true) == .tell)
    }

    @Test("progress goes from 10 over 10 to 70, 80 and 90 to 100, and survives storage")
    func progress() {
        var progress = ExtractionProgress()
        var percents: [Int] = []
        progress.chunks = 4
        for stage in [ExtractionProgress.Stage.starting, .chunking, .extracting, .merging, .saving, .done] {
            progress.stage = stage
            for done in stage == .extracting ? 0...4 : 4...4 {
                progress.chunksDone = done
                percents.append(progress.percent)
                #expect(ExtractionProgress(progress.text) == progress)
            }
        }
        #expect(percents == [0, 10, 10, 25, 40, 55, 70, 80, 90, 100])
        #expect(ExtractionProgress("extracting 5 4") == nil)
    }
}
