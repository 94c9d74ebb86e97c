// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// Calls whose arguments are not complete: Gemini's clients take a call only as a whole.
struct GeminiHeldCalls: Sendable {
    private struct Call {
        let choice: Int
        let number: Int
        let isCustom: Bool
        var id = ByteBuffer()
        var name = ByteBuffer()
        var signature = ByteBuffer()
        /// The input as the inside of a JSON string.
        var input = ByteBuffer()
        /// How far the input is, and up to which length that is known.
        var progress = JSONProgress()
        var progressCount = 0
        /// Whether it is known that the input is no object, whatever more comes.
        var isNoObject = false

        /// Whether the input may be a whole object; each byte is looked at once.
        var isComplete: Bool {
            mutating get {
                var progress = progress
                progress.take(input.bytes, progressCount..<input.count)
                self.progress = progress
                progressCount = input.count
                return progress.isComplete && !isNoObject
            }
        }
    }

    private static let countLimit = 4096
    private static let byteLimit = 32 << 20

    private var calls: [Call] = []
    private var byteCount = 0
    /// The signature of the next call of a choice, ready to be written.
    private var signatures: [(choice: Int, text: ByteBuffer)] = []

    /// Whether more came than can be held, so that the answer cannot be told whole.
    private(set) var isOverfull = false

    /// Whether nothing is held.
    var isEmpty: Bool { calls.isEmpty }

    /// Keeps the signature of the call that begins next.
    mutating func sign(choice: Int, _ data: Span<UInt8>, _ slice: Range<Int>, maker: String) {
        if let place = signatures.firstIndex(where: { $0.choice == choice }) {
            byteCount &-= signatures.remove(at: place).text.count
        }
        var text = ByteBuffer()
        GeminiSignature.append(data, slice, maker: maker, to: &text)
        guard reserve(text.count, isPlace: signatures.count < Self.countLimit) else { return }
        signatures.append((choice, text))
    }

    mutating func begin(
        choice: Int, number: Int, isCustom: Bool, id: Range<Int>, name: Range<Int>, of data: Span<UInt8>
    ) {
        guard reserve(id.count &+ name.count, isPlace: calls.count < Self.countLimit) else { return }
        var call = Call(choice: choice, number: number, isCustom: isCustom)
        call.id.append(data, id)
        call.name.append(data, name)
        if let place = signatures.firstIndex(where: { $0.choice == choice }) {
            call.signature = signatures.remove(at: place).text
        }
        calls.append(call)
    }

    mutating func append(choice: Int, number: Int, _ slice: Range<Int>, of data: Span<UInt8>) {
        guard let place = calls.lastIndex(where: { $0.choice == choice && $0.number == number }),
            reserve(slice.count)
        else { return }
        calls[place].input.append(data, slice)
    }

    /// Takes the calls of a choice that are complete, in their order, up to the first that is not; `body` gets a part for each.
    ///
    /// Later calls may begin before an earlier one has all its arguments.
    mutating func takeComplete(of choice: Int, _ body: (ByteBuffer) -> Void) {
        while let place = calls.firstIndex(where: { $0.choice == choice }) {
            guard !calls[place].isCustom, calls[place].isComplete else { return }
            let input = calls[place].input
            let text = input.bytes.jsonText(0..<input.count)
            guard let object = Self.object(text) else {
                calls[place].isNoObject = true
                return
            }
            body(Self.part(calls[place], arguments: object))
            remove(at: place)
        }
    }

    /// Takes all calls of a choice, which ends. When it was cut, a call without a whole object was cut too and is not handed on.
    mutating func takeAll(of choice: Int, isCut: Bool, _ body: (ByteBuffer) -> Void) {
        while let place = calls.firstIndex(where: { $0.choice == choice }) {
            let call = calls[place]
            let text = call.input.bytes.jsonText(0..<call.input.count)
            if call.isCustom {
                if !isCut { body(Self.part(call, arguments: .object([.init("input", .string(text))]))) }
            } else if let object = Self.object(text) {
                body(Self.part(call, arguments: object))
            } else if !isCut {
                body(Self.part(call, arguments: ToolInput.object(text)))
            }
            remove(at: place)
        }
    }

    private mutating func remove(at place: Int) {
        let call = calls.remove(at: place)
        byteCount &-= call.id.count &+ call.name.count &+ call.signature.count &+ call.input.count
    }

    private mutating func reserve(_ count: Int, isPlace: Bool = true) -> Bool {
        if !isPlace || count > Self.byteLimit &- byteCount { isOverfull = true }
        guard !isOverfull else { return false }
        byteCount &+= count
        return true
    }

    private static func object(_ text: String) -> JSONValue? {
        guard let value = try? JSONValue(parsing: text.utf8.span, allowsLoneSurrogates: true), value.members != nil
        else { return nil }
        return value
    }

    private static func part(_ call: Call, arguments: JSONValue) -> ByteBuffer {
        var part = ByteBuffer()
        GeminiPartText.appendCall(
            id: call.id.bytes, name: call.name.bytes, arguments: arguments, signature: call.signature.bytes, to: &part)
        return part
    }
}
