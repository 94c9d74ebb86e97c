// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes

/// A buffer that is used by one encoder after the other and keeps its capacity.
final class EncodeBuffer {
    private var bytes = ByteBuffer(capacity: 4096)

    /// Lends the buffer, empty.
    func use(_ work: (inout ByteBuffer) -> Void) {
        var lent = ByteBuffer()
        swap(&lent, &bytes)
        lent.removeAll(keepingAtMost: 1 << 20)
        work(&lent)
        swap(&lent, &bytes)
    }
}
