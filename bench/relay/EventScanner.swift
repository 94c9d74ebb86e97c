// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What the streams of one scenario add up to.
final class Recorder {
    /// While on, the latency of each stamped event is kept.
    var keepsLatencies = false
    private(set) var latencies: [Int64] = []
    private(set) var events = 0

    /// Counts one event that carried text; `stamp` is when upstream sent it, 0 for an unstamped one.
    func count(stamp: Int64, now: Int64) {
        events += 1
        if keepsLatencies, stamp > 0 { latencies.append(now - stamp) }
    }

    func startOver() {
        events = 0
        latencies.removeAll(keepingCapacity: true)
    }
}

/// Finds the events of one stream in its body, however the bytes are cut.
///
/// Not a full parser: it knows the lines that the mock upstream writes, in any spelling of the JSON round
/// them.
struct EventScanner {
    /// The start of a line whose end has not come yet.
    private var partial: [UInt8] = []
    private(set) var sawData = false
    private(set) var sawDone = false
    private(set) var events = 0

    mutating func feed(_ bytes: Span<UInt8>, now: Int64, recorder: Recorder) {
        var start = 0
        while let end = firstIndex(of: UInt8(ascii: "\n"), in: bytes, from: start) {
            let line = bytes.extracting(start..<end)
            if partial.isEmpty {
                read(line, now, recorder)
            } else {
                append(line)
                let whole = partial
                partial = []
                read(whole.span, now, recorder)
            }
            start = end + 1
        }
        append(bytes.extracting(start..<bytes.count))
    }

    private mutating func append(_ bytes: Span<UInt8>) {
        for index in bytes.indices { partial.append(bytes[index]) }
    }

    private mutating func read(_ line: Span<UInt8>, _ now: Int64, _ recorder: Recorder) {
        guard line.count > 5, line[0] == UInt8(ascii: "d"), line[4] == UInt8(ascii: ":") else { return }
        sawData = true
        if let digits = index(after: "\"content\":\"@", in: line) ?? index(after: "\"text\":\"@", in: line) {
            events += 1
            recorder.count(stamp: recorder.keepsLatencies ? number(line, from: digits) : 0, now: now)
        } else if index(after: "[DONE]", in: line) ?? index(after: "\"message_stop\"", in: line) != nil {
            sawDone = true
        }
    }

    private func number(_ line: Span<UInt8>, from start: Int) -> Int64 {
        var value: Int64 = 0
        var position = start
        while position < line.count, case let digit = line[position] &- 48, digit < 10, position < start + 18
        {
            value = value * 10 + Int64(digit)
            position += 1
        }
        return value
    }
}
