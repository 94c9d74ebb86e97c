// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat

/// The objects and arrays of the APIs' answers that are looked into.
enum ProxyPlace: Sendable {
    case root
    /// A stream as one array, as Gemini has it.
    case roots
    /// An answer within an event, whose text came in the events before, or Google's internal envelope.
    case answer
    case choices, choice, message
    /// Texts with their kinds.
    case parts, part
    case candidates, candidate, candidateContent
    case items, item
    /// Straico's envelope: `data.completion`, and `data.completions`, which is by model.
    case data, completions
    case counts

    /// What an object or array is that stands in a place under a name; `nil` for one that is passed over.
    init?(in outer: ProxyPlace?, _ name: String, isObject: Bool) {
        let inner: ProxyPlace?
        switch outer {
        case nil: inner = isObject ? .root : .roots
        case .roots: inner = .root
        case .root: inner = ProxyPlace.inRoot[name] ?? ProxyPlace.inAnswer[name]
        case .answer: inner = ProxyPlace.inAnswer[name]
        case .choices: inner = .choice
        case .choice: inner = name == "delta" || name == "message" ? .message : name == "usage" ? .counts : nil
        case .message: inner = name == "content" ? .parts : name == "usage" ? .counts : nil
        case .parts: inner = .part
        case .candidates: inner = .candidate
        case .candidate: inner = name == "content" ? .candidateContent : nil
        case .candidateContent: inner = name == "parts" ? .parts : nil
        case .items: inner = .item
        case .item: inner = name == "content" ? .parts : nil
        case .data: inner = name == "completion" ? .root : name == "completions" ? .completions : nil
        case .completions: inner = .data
        case .counts: inner = ReportedUsage.isDetails(name) ? .counts : nil
        case .part: inner = nil
        }
        guard let inner, isObject != inner.isArray else { return nil }
        self = inner
    }

    private static let inRoot: [String: ProxyPlace] = [
        "choices": .choices, "delta": .part, "content_block": .part, "message": .message, "content": .parts, "output": .items,
        "response": .answer, "data": .data, "x_groq": .answer,
    ]

    private static let inAnswer: [String: ProxyPlace] = ["usage": .counts, "usageMetadata": .counts, "candidates": .candidates]

    private var isArray: Bool {
        switch self {
        case .roots, .choices, .parts, .candidates, .items: true
        default: false
        }
    }

    /// Whether a string of this name says a part of the answer.
    func hasText(_ name: String) -> Bool {
        switch self {
        case .root: name == "content" || name == "response"
        case .message: name == "content"
        case .choice, .part: name == "text"
        default: false
        }
    }

    /// Whether a string of this name is the model's.
    func hasModel(_ name: String) -> Bool {
        switch self {
        case .root, .answer: name == "model" || name == "modelVersion"
        case .message: name == "model"
        default: false
        }
    }

    /// Whether a string of this name tells what kind of thing it stands in.
    func hasKind(_ name: String) -> Bool { name == "type" && (self == .root || self == .part) }
}
