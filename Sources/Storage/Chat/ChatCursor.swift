// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Where a page of a list ends, as a text that clients hand back: opaque to them, and checked.
///
/// A cursor of another list or owner, or one that was edited, is none. The check is no secret's: what a cursor can lead to
/// is bound by the query's owner anyway.
package struct ChatCursor: Equatable, Sendable {
    /// A time in microseconds, or a position.
    package var number: Int64
    /// The last row's identifier; empty where the number alone says it.
    package var id: String

    package init(number: Int64, id: String = "") {
        self.number = number
        self.id = id
    }

    /// The cursor that a client sent, if it is one of the list that `list` names for its owner.
    package init?(_ text: String, list: String, _ owner: ChatOwner) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 128, parts.count == 3, let number = Int64(parts[0], radix: 36), number >= 0 else { return nil }
        self.init(number: number, id: String(parts[1]))
        guard text == self.text(list: list, owner) else { return nil }
    }

    /// The cursor as clients see it.
    package func text(list: String, _ owner: ChatOwner) -> String {
        let body = "\(String(number, radix: 36)).\(id)"
        return "\(body).\(String(ChatCursor.check([list, owner.organization, owner.user, body]), radix: 36))"
    }

    /// FNV-1a over texts and the ends between them.
    private static func check(_ parts: [String]) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for part in parts {
            for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            hash = (hash ^ 0xff) &* 0x100_0000_01b3
        }
        return hash
    }
}
