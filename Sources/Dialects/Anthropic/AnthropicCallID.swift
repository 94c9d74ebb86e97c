// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The ids of calls as Anthropic's clients and servers take them.
enum AnthropicCallID {
    /// The id where it is fit, else one made of it; without one, one made of the answer's own letters.
    static func fit(_ id: String, seed: String, number: Int) -> String {
        CallID.plain(id.isEmpty ? "\(seed).\(number)" : id, prefix: prefix)
    }

    /// The id where it is fit, else one made of it.
    static func fit(_ id: String) -> String { CallID.plain(id, prefix: prefix) }

    private static let prefix = "toolu_"
}
