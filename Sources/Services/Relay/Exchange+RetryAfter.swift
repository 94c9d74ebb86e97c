// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import HTTPSemantics
internal import Reactor

extension Exchange {
    /// A Retry-After (RFC 9110, section 10.2.3) in nanoseconds from now.
    static func nanoseconds(ofRetryAfter text: String) -> UInt64? {
        if let seconds = UInt64(text) { return seconds < 1 << 32 ? seconds * 1_000_000_000 : .max }
        guard let date = HTTPDate.unixTime(from: text) else { return nil }
        let seconds = date - wallClockSeconds()
        return seconds > 0 ? UInt64(seconds) &* 1_000_000_000 : 0
    }
}
