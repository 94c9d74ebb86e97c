// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import HTTPClient
package import Providers
internal import Reactor

/// One answer that is kept as it comes: tells its spool of each chunk, with its time.
///
/// Its file begins with the first chunk: an answer without a body leaves none.
package final class SpooledAnswer: AnswerTap {
    private let spool: AnswerSpool
    private let number: UInt64
    private let origin: SpoolOrigin
    /// When the provider was asked, then when its head came, on the loop's clock.
    private var since: UInt64
    /// The head, until the file has begun.
    private var head: SpoolHead?
    private var hasBegun = false
    private var isOver = false
    private var byteCount = 0

    init(_ origin: SpoolOrigin, number: UInt64, _ spool: AnswerSpool) {
        self.origin = origin
        self.number = number
        self.spool = spool
        since = spool.loop.now
    }

    package func receive(_ head: TransferHead) {
        let now = spool.loop.now
        self.head = SpoolHead(
            origin: origin, time: wallClockMicroseconds(), waited: Int(clamping: (now &- since) / 1000), head: head)
        since = now
    }

    package func receive(_ chunk: Span<UInt8>) {
        guard !isOver, !chunk.isEmpty else { return }
        if let head {
            self.head = nil
            hasBegun = true
            spool.append(.begin(number, head))
        }
        guard hasBegun, !spool.isCut(number) else { return }
        let room = spool.policy.answerLimit &- byteCount
        guard chunk.count <= room else {
            if room > 0 { spool.append(chunk.extracting(first: room), of: number, at: time) }
            return end(.truncated(.limit))
        }
        byteCount &+= chunk.count
        spool.append(chunk, of: number, at: time)
    }

    package func finish(_ end: AnswerEnd) { self.end(.answer(end)) }

    private func end(_ end: SpoolEnd) {
        guard !isOver else { return }
        isOver = true
        head = nil
        if hasBegun { spool.finish(number, at: time, end) }
    }

    /// Microseconds since the head.
    private var time: Int { Int(clamping: (spool.loop.now &- since) / 1000) }
}

@available(*, unavailable)
extension SpooledAnswer: Sendable {}
