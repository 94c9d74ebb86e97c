// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Bytes

@Test("keeps what was appended") func appends() {
    var buffer = ByteBuffer()
    buffer.append("ab")
    #expect(buffer.storage == [0x61, 0x62])
}
