// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Where a page of a list ended: rows are in the order of a time and an identifier.
///
/// Clients hand it back as they got it. A checksum tells a text that was changed or made up from one of ours; it is no secret,
/// since a place alone shows nobody rows that are not theirs.
package struct PageCursor: Sendable, Equatable {
    /// The time of the last row, in microseconds since 1970.
    package let time: Int64
    /// The identifier of the last row.
    package let id: String

    package init(time: Int64, id: String) {
        self.time = time
        self.id = id
    }

    /// Reads what `text` wrote; `nil` for anything else.
    package init?(_ text: String) {
        guard text.utf8.count <= 256, let bytes = Base64URL.bytes(of: text), bytes.count > PageCursor.checkLength else {
            return nil
        }
        let place = String(decoding: bytes.dropFirst(PageCursor.checkLength), as: UTF8.self)
        let parts = place.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2, let time = Int64(parts[0]) else { return nil }
        self.init(time: time, id: String(parts[1]))
        guard self.text == text else { return nil }
    }

    /// The place as clients get it.
    package var text: String {
        let place = "\(time) \(id)"
        let check = KeyDigest(of: "page \(place)").bytes.prefix(PageCursor.checkLength)
        return Base64URL.text(of: check + Array(place.utf8))
    }

    private static let checkLength = 8
}
