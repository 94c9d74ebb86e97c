// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// What JSON of the APIs that are known says, found by the places where these put it: text, counts of tokens, the model's name.
///
/// It reads texts that come in pieces, one after the other, such as the events of a stream; it holds what it found, no more.
struct ProxyText: Sendable {
    /// What was said, one after the other.
    private(set) var text: BoundedText
    /// The last counts of tokens that were told.
    private(set) var usage = ReportedUsage()
    /// The first name of a model that was told; empty for none.
    private(set) var model = ""

    private var reading = Reading()

    /// What is known of the text that is being read.
    private struct Reading: Sendable {
        var reader = JSONPieceReader()
        /// The objects and arrays that are open and looked into, the innermost last.
        var places: [ProxyPlace] = []
        /// How many more are open, within these, that are passed over.
        var passedOver = 0
        /// The name of the member that is being read; empty for an element.
        var name = ""
        /// Whether the string that is being read is part of what was said.
        var isText = false
        /// The string that is being read, where it has to be known and is short.
        var value: ByteBuffer?
        /// What the event calls itself; empty while it has not.
        var kind = ""
        /// Where the text of the part began that is being read.
        var partStart: BoundedText.Mark?
        /// Whether that part is no part of the answer.
        var isHidden = false
        /// Where the text of the root's `delta` began, when that is a string.
        var deltaStart: BoundedText.Mark?
    }

    private static let valueLimit = 512

    /// Nothing found so far; at most `limit` bytes of text are kept.
    init(limit: Int) { text = BoundedText(limit: limit) }

    /// Takes a piece of a text; what is behind a mistake is not found.
    mutating func read(_ piece: Span<UInt8>) {
        while let item = reading.reader.next(in: piece) {
            switch item {
            case .key: beginMember()
            case .beginObject, .beginArray: begin(isObject: item == .beginObject)
            case .endObject, .endArray: end()
            case .text(let range): take(piece.extracting(range))
            case .character(let scalar): take(Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter).span)
            case .endString:
                takeValue()
                endMember()
            case .scalar:
                takeScalar()
                endMember()
            }
        }
    }

    /// The text is over, whole or not; `name` says what kind of event it was where the text itself does not.
    mutating func endText(named name: String = "") {
        // Other events whose `delta` is a string bring arguments of calls, thoughts and sounds.
        let kind = reading.kind.isEmpty ? name : reading.kind
        if let start = reading.deltaStart, kind != "response.output_text.delta" { text.goBack(to: start) }
        if reading.isHidden, let start = reading.partStart { text.goBack(to: start) }
        reading = Reading()
    }

    // MARK: Objects and arrays

    private mutating func begin(isObject: Bool) {
        let name = reading.name
        endMember()
        guard reading.passedOver == 0, let place = ProxyPlace(in: reading.places.last, name, isObject: isObject) else {
            reading.passedOver &+= 1
            return
        }
        reading.places.append(place)
        if place == .part { (reading.partStart, reading.isHidden) = (text.mark, false) }
    }

    private mutating func end() {
        endMember()
        guard reading.passedOver == 0 else {
            reading.passedOver &-= 1
            return
        }
        guard reading.places.popLast() == .part else { return }
        if reading.isHidden, let start = reading.partStart { text.goBack(to: start) }
        (reading.partStart, reading.isHidden) = (nil, false)
    }

    // MARK: Members

    /// A name was read: its value comes next.
    private mutating func beginMember() {
        guard reading.passedOver == 0, let place = reading.places.last else { return }
        let name = String(decoding: reading.reader.word.storage, as: UTF8.self)
        reading.name = name
        reading.isText = place.hasText(name) || place == .root && name == "delta"
        if place.hasModel(name) || place.hasKind(name) { reading.value = ByteBuffer() }
    }

    private mutating func endMember() {
        (reading.name, reading.isText, reading.value) = ("", false, nil)
    }

    private mutating func take(_ string: Span<UInt8>) {
        if reading.isText {
            if reading.deltaStart == nil, reading.name == "delta" { reading.deltaStart = text.mark }
            text.append(string)
        }
        guard let count = reading.value?.count else { return }
        // What is longer is no value that is looked for, in however many pieces it comes.
        if count &+ string.count <= ProxyText.valueLimit { reading.value?.append(string) } else { reading.value = nil }
    }

    private mutating func takeValue() {
        guard let value = reading.value, let place = reading.places.last else { return }
        let word = String(decoding: value.storage, as: UTF8.self)
        switch place {
        case .root where reading.name == "type": reading.kind = word
        case .part: if word == "reasoning_text" { reading.isHidden = true }
        default: if model.isEmpty { model = word }
        }
    }

    private mutating func takeScalar() {
        guard reading.passedOver == 0, let place = reading.places.last, !reading.name.isEmpty else { return }
        let word = reading.reader.word
        switch place {
        case .part:
            if reading.name == "thought", word.bytes.equals(0..<word.count, ("true" as StaticString).bytes) {
                reading.isHidden = true
            }
        case .counts: count(word)
        case .root: if ReportedUsage.standsAlone(reading.name) { count(word) }
        default: break
        }
    }

    private mutating func count(_ word: ByteBuffer) {
        var tokenizer = JSONTokenizer()
        guard let token = try? tokenizer.next(in: word.bytes), token.range.upperBound == word.count,
            let count = token.integer(in: word.bytes)
        else { return }
        usage.take(reading.name, count)
    }
}
