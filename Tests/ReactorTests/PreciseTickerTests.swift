// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Reactor

@Suite("PreciseTicker")
struct PreciseTickerTests {
    @Test("ticks again and again, and says how long the loop was busy")
    func ticks() throws {
        let loop = try EventLoop()
        var late: [UInt64] = []
        let ticker = try PreciseTicker(loop, interval: 20_000_000) { lateness in
            late.append(lateness)
            if late.count == 3 { usleep(100_000) }
            if late.count == 5 { loop.stop() }
        }
        let begin = loop.now
        loop.run()
        withExtendedLifetime(ticker) {}
        #expect(loop.now - begin >= 160_000_000)
        // The first of those that were missed was due 20 ms after the third.
        #expect(late[3] >= 80_000_000 && late[3] < 2_000_000_000)
        #expect(late[4] < 80_000_000)
    }
}
