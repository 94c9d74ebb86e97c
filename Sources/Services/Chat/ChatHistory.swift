// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import Storage

/// What of a conversation a model is told.
package enum ChatHistory {
    /// The messages for a model: the system prompt, then the latest messages, oldest first.
    ///
    /// `recent` holds the newest first, which always goes. Those before it go as long as all are within `limit` tokens by the
    /// estimate of four bytes a token; a model's turn is not the first, as some vendors refuse that, and empty ones are left out.
    package static func messages(
        _ recent: [(role: StoredMessage.Role, content: String)], system: String, limit: Int
    ) -> [ChatMessage] {
        var chosen: [ChatMessage] = []
        var weight = 0
        for (index, message) in recent.enumerated() where index == 0 || !message.content.isEmpty {
            weight += 4 + (message.content.utf8.count + 3) / 4
            guard index == 0 || weight <= limit else { break }
            chosen.append(ChatMessage(role: message.role == .user ? .user : .assistant, content: .text(message.content)))
        }
        while chosen.count > 1, chosen.last?.role == .assistant { chosen.removeLast() }
        if !system.isEmpty { chosen.append(ChatMessage(role: .system, content: .text(system))) }
        return chosen.reversed()
    }
}

/// What a conversation is called that nobody has named.
package enum ChatTitle {
    /// How many characters a title made here has at most.
    package static let length = 60

    /// The beginning of a text, on one line and cut between two words; within a word that alone is too long.
    package static func make(from text: String) -> String {
        var title = ""
        var count = 0
        // A few times the length, since what looks like one character can be many scalars.
        for word in text.unicodeScalars.prefix(8 * length).split(whereSeparator: { $0.properties.isWhitespace || $0.value < 0x20 }) {
            let word = String(word)
            let wanted = word.count + (count == 0 ? 0 : 1)
            guard count + wanted <= length else {
                if count == 0 { title = String(word.prefix(length)) }
                break
            }
            title += count == 0 ? word : " " + word
            count += wanted
        }
        return title
    }
}
