// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// How a model answers.
enum StreamMode {
    /// As it is asked.
    case both
    /// In one piece, whatever is asked.
    case wholeOnly
    /// As a stream, whatever is asked.
    case streamOnly
}

/// Which models of a provider stream, as far as their answers have shown; what was learned is forgotten after a while, since upstreams
/// change.
struct StreamCapability {
    /// More models than any provider has; beyond it the oldest knowledge goes.
    private static let limit = 512

    private struct Finding {
        let mode: StreamMode
        let until: UInt64
    }

    private var findings: [String: Finding] = [:]
    private let lifetime: UInt64

    /// What is learned holds for `lifetime` nanoseconds.
    init(lifetime: UInt64) {
        self.lifetime = lifetime
    }

    /// How a model answers; `nil` when that is not known at `now`, in nanoseconds of the loop's clock.
    func mode(of model: String, at now: UInt64) -> StreamMode? {
        guard let finding = findings[model], now < finding.until else { return nil }
        return finding.mode
    }

    /// Takes note of what an answer has shown.
    mutating func learn(_ model: String, _ mode: StreamMode, at now: UInt64) {
        guard lifetime > 0 else { return }
        // Most answers only confirm: the time is moved on when half of it has gone.
        if let known = findings[model], known.mode == mode, now < known.until &- lifetime / 2 { return }
        if findings.count >= StreamCapability.limit, findings[model] == nil {
            let oldest = findings.min { $0.value.until < $1.value.until }
            if let oldest { findings[oldest.key] = nil }
        }
        findings[model] = Finding(mode: mode, until: now &+ lifetime)
    }
}
