// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

@testable import HTTPSemantics

/// What a client's bytes amount to, whatever the cuts: neighbouring pieces of body are one.
enum Step: Equatable {
    case head(RequestHead, MessageFraming)
    case body([UInt8])
    case end
    case violation(FramingViolation)
    case waiting
}

/// One byte a character: a scalar from U+0080 to U+00FF stands for that byte.
func wire(_ text: String) -> [UInt8] {
    text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
}

/// Feeds the segments to one connection, each request after the other, and checks what always holds.
func transcript(
    _ bytes: [UInt8], cuts: [Int] = [], limits: FramingLimits = FramingLimits()
) -> [Step] {
    var framing = RequestFraming(limits: limits)
    var steps: [Step] = []
    var headIsOpen = false
    var start = 0
    for end in cuts + [bytes.count] {
        var calls = 0
        let most = 4 * (end - start) + 10
        segment: while true {
            calls += 1
            precondition(calls <= most, "no progress")
            let (consumed, event) = framing.feed(bytes.span.extracting(start..<end))
            precondition(consumed >= 0 && consumed <= end - start, "consumed beyond the bytes")
            switch event {
            case .needMore:
                precondition(consumed == end - start, "needMore with bytes left")
                start = end
                break segment
            case .head(let head, let message):
                precondition(!headIsOpen, "a second head before next()")
                headIsOpen = true
                steps.append(.head(head, message))
            case .body(let range):
                precondition(headIsOpen && !range.isEmpty, "body out of place")
                precondition(range.lowerBound >= 0 && range.upperBound <= consumed, "body beyond consumed")
                let payload = Array(bytes[(start + range.lowerBound)..<(start + range.upperBound)])
                if case .body(let before)? = steps.last {
                    steps[steps.count - 1] = .body(before + payload)
                } else {
                    steps.append(.body(payload))
                }
            case .end:
                precondition(headIsOpen, "an end without a head")
                headIsOpen = false
                steps.append(.end)
                framing.next()
            case .violation(let violation):
                steps.append(.violation(violation))
                return steps
            }
            start += consumed
        }
    }
    if framing.phase != .idle { steps.append(.waiting) }
    return steps
}

/// `METHOD target body-length` a request, then why it stopped.
func summary(_ steps: [Step]) -> [String] {
    var lines: [String] = []
    var current = ""
    var length = 0
    for step in steps {
        switch step {
        case .head(let head, _):
            current = "\(head.method) \(head.target)"
            length = 0
        case .body(let bytes): length = bytes.count
        case .end: lines.append("\(current) \(length)")
        case .violation(let violation): lines.append(violation.rawValue)
        case .waiting: lines.append("waiting")
        }
    }
    return lines
}
