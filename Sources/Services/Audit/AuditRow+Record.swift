// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON
package import Storage
internal import Telemetry

extension AuditRow {
    /// The row of a record; `keepsContent` says whether what was asked and answered is stored too.
    ///
    /// This is where texts are unescaped: on the loop, bounded by what was captured.
    package init(_ record: AuditRecord, keepsContent: Bool) {
        self.init()
        id = Identifier.make("audit")
        requestID = record.requestID
        streamID = record.streamID.isEmpty ? nil : record.streamID
        receivedAt = record.receivedAt
        duration = Int(clamping: record.duration / 1000)
        endedAt = receivedAt &+ Int64(duration)
        door = record.door
        client = record.caller.name
        (keyID, organization, user) = (record.caller.keyID, record.caller.organization, record.caller.user)
        (requestedModel, provider, model) = (AuditRow.name(record.requestedModel), record.provider, AuditRow.name(record.model))
        (isStream, status, outcome) = (record.isStream, record.status, record.outcome.rawValue)
        attempts = record.attempts
        attemptLog = AuditRow.json(record.failedAttempts)
        firstToken = record.timeToFirstToken.map { Int(clamping: $0 / 1000) }
        events = record.events
        // Absurd counts must not make sums overflow.
        (inputTokens, outputTokens) = (AuditRow.bounded(record.usage?.input), AuditRow.bounded(record.usage?.output))
        cachedTokens = AuditRow.bounded(record.usage?.cached)
        cacheWrittenTokens = AuditRow.bounded(record.usage?.cacheWritten)
        reasoningTokens = AuditRow.bounded(record.usage?.reasoning)
        isEstimated = record.isEstimated
        cost = record.cost.map { Money(nanos: min(max(0, $0.nanos), AuditRow.costLimit)) }
        error = record.error.map { AuditRow.cut(Redaction.text($0), AuditRow.errorLimit) }
        isAnswered = record.hasAnswer
        requestBytes = record.requestBytes
        guard keepsContent else { return }
        responseHeaders = record.answerHeaderText.isEmpty ? nil : record.answerHeaderText
        requestHeaders = record.headerText.isEmpty ? nil : record.headerText
        requestText = AuditRow.text(record.requestBody, isCut: record.requestBody.count < record.requestBytes)
        isRequestTruncated = record.requestBody.count < record.requestBytes
        isTruncated = record.isTruncated
        let said = record.responseText ?? AuditRow.said(record.capture, [.text, .refusal])
        // An upstream that refuses a key may name it, and the proxy takes in what it says. What a model said stays as it is,
        // also when its client left (499).
        let isRefusal = record.refusedSecrets != nil || record.status >= 400 && record.status != 499
        let isCut = record.isTruncated || record.error != nil || record.status == 499
        let secrets = record.refusedSecrets ?? KnownSecrets()
        responseText = isRefusal ? said.map { Redaction.text($0, without: secrets, isCut: isCut) } : said
        reasoningText = AuditRow.said(record.capture, [.reasoning])
        toolCalls = AuditRow.json(callsOf: record.capture)
        if byteCount > AuditRow.longest { dropTexts() }
    }

    /// More tokens than any request has, and more than any costs: a million units of money.
    private static let tokenLimit = 1_000_000_000_000
    private static let costLimit: Int64 = 1_000_000_000_000_000

    private static func bounded(_ tokens: Int?) -> Int? { tokens.map { min(max(0, $0), tokenLimit) } }

    private static let nameLimit = 512
    private static let errorLimit = 4096

    /// The name of a model; somebody will put a key in its place.
    private static func name(_ model: String) -> String { cut(Redaction.text(model), nameLimit) }

    /// The beginning of a text, in characters of at most four bytes.
    private static func cut(_ text: String, _ limit: Int) -> String {
        text.utf8.count <= limit ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit)))
    }

    /// A body as text; what is no UTF-8 is repaired, and a character that a cut went through is left out.
    private static func text(_ body: [UInt8], isCut: Bool) -> String? {
        guard !body.isEmpty else { return nil }
        var end = body.count
        if isCut {
            var start = end - 1
            while start > 0, start > body.count - 4, body[start] & 0xC0 == 0x80 { start -= 1 }
            // The first byte of a character says how many it has: its leading ones.
            if body[start] >= 0xC0, start + (~body[start]).leadingZeroBitCount > end { end = start }
        }
        return String(decoding: body[..<end], as: UTF8.self)
    }

    /// What was said in parts of some kinds; each choice after the first begins with a line that names it.
    private static func said(_ capture: ChatAccumulator, _ kinds: [AccumulatedPart.Kind]) -> String? {
        var text = ""
        for (place, choice) in capture.choices.enumerated() {
            let parts = choice.parts.filter { kinds.contains($0.kind) }
            guard !parts.isEmpty else { continue }
            if place > 0 { text += "\n[choice \(choice.index)]\n" }
            for part in parts {
                // Nearly always there is one part only, which may be a mebibyte: it is not copied again.
                if text.isEmpty { text = part.text } else { text += part.text }
            }
        }
        return text.isEmpty ? nil : text
    }

    private static func json(_ attempts: [FailedAttempt]) -> String? {
        guard !attempts.isEmpty else { return nil }
        return text { json in
            json.array { json in
                for attempt in attempts {
                    json.object { json in
                        json.member("provider", attempt.provider)
                        json.member("model", name(attempt.model))
                        json.member("error", cut(Redaction.text(attempt.error), errorLimit))
                    }
                }
            }
        }
    }

    private static func json(callsOf capture: ChatAccumulator) -> String? {
        guard capture.choices.contains(where: { !$0.toolCalls.isEmpty }) else { return nil }
        return text { json in
            json.array { json in
                for choice in capture.choices {
                    for part in choice.toolCalls { write(part, of: choice.index, &json) }
                }
            }
        }
    }

    private static func write(_ part: AccumulatedPart, of choice: Int, _ json: inout JSONWriter) {
        json.object { json in
            json.member("choice", choice)
            switch part.kind {
            case .toolCall(_, let id, let name):
                json.member("id", id)
                json.member("name", name)
                // The inside of a string already: what was called with stays as it came, whole or not.
                json.member("arguments", escaped: part.escaped.bytes, 0..<part.escaped.count)
            case .customCall(_, let id, let name):
                json.member("id", id)
                json.member("name", name)
                json.member("input", escaped: part.escaped.bytes, 0..<part.escaped.count)
            default: break
            }
        }
    }

    private static func text(_ write: (inout JSONWriter) -> Void) -> String {
        var buffer = ByteBuffer()
        buffer.appendJSON { json in write(&json) }
        return String(decoding: buffer.storage, as: UTF8.self)
    }
}
