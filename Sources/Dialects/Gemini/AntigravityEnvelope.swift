// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// The envelope in which Google's internal service takes a request of Gemini's.
enum AntigravityEnvelope {
    /// Under which name the members of an envelope are kept among those of the request inside.
    static let name = "(envelope)"

    /// The members of the request inside, the envelope's own as one of them, and the model that it names.
    static func open(
        _ members: [JSONValue.Member]
    ) throws(DialectError) -> (request: [JSONValue.Member], model: String?) {
        var fields = JSONFields(members)
        let model = try fields.string("model")
        guard var request = try fields.object("request")?.rest else { throw .missing("request") }
        request.removeAll { $0.key == name }
        if !fields.rest.isEmpty { request.append(.init(name, .object(fields.rest))) }
        return (request, model)
    }

    /// The envelope round the members of a request.
    ///
    /// Its ids depend on what is asked alone: the same request is the same one, and a conversation keeps its session.
    static func close(_ members: [JSONValue.Member], _ chat: ChatRequest, _ target: RequestTarget) -> [JSONValue.Member] {
        var request = members
        var text = ByteBuffer()
        JSONValue.object(members).write(into: &text)
        let isOwn = chat.origin == .antigravity
        let kept = isOwn ? chat.extras.first { $0.key == name }?.value.members ?? [] : []
        if !request.contains(where: { $0.key == "sessionId" || $0.key == "session_id" }) {
            let opening = chat.messages.first { $0.role == .user }?.text ?? ""
            request.append(.init("sessionId", .string("-" + digits(of: opening))))
        }
        var object = JSONMembers()
        if !target.quirks.project.isEmpty { object.add("project", target.quirks.project) }
        object.add("model", target.model)
        object.add("userAgent", "antigravity")
        object.add("requestType", "agent")
        object.add("requestId", "agent-" + uuid(of: String(decoding: text.storage, as: UTF8.self)))
        object.add("request", .object(request))
        for member in kept where member.key != "project" || target.quirks.project.isEmpty {
            object.members.removeAll { $0.key == member.key }
            object.members.append(member)
        }
        return object.members
    }

    /// A number of 18 digits that depends on a text.
    private static func digits(of text: String) -> String {
        let digits = CallID.hash(text, length: 18).utf8.map { UInt8(ascii: "0") &+ $0 % 10 }
        return "1" + String(decoding: digits.dropFirst(), as: UTF8.self)
    }

    /// An id in the form of a UUID that depends on a text.
    private static func uuid(of text: String) -> String {
        var made: [UInt8] = []
        for (place, byte) in CallID.hash(text, length: 32).utf8.enumerated() {
            if [8, 12, 16, 20].contains(place) { made.append(UInt8(ascii: "-")) }
            made.append(ASCII.hexadecimalDigit(byte))
        }
        return String(decoding: made, as: UTF8.self)
    }
}
