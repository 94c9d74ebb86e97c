// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat

/// What has to wait until the call that is open is whole, since its input may still go on.
struct ResponsesHeld: Sendable {
    enum Kind: Equatable {
        case text, refusal, reasoning, signature, redacted, citation, image
        /// A call: its id, its name, and its signature in a carrier.
        case call(number: Int, isCustom: Bool)

        /// Whether a piece goes on where the one before it ended.
        fileprivate var isJoined: Bool { self == .text || self == .refusal || self == .reasoning }
    }

    let kind: Kind
    /// The piece, or the pieces in their order, as the insides of strings; of a call its input.
    var text = ByteBuffer()
    /// The second piece of what has two; the id of a call.
    var second = ByteBuffer()
    /// The name of a call.
    var name = ByteBuffer()
    /// The carrier of a call's signature.
    var signature = ByteBuffer()

    init(_ kind: Kind) {
        self.kind = kind
    }

    fileprivate var count: Int { text.count &+ second.count &+ name.count &+ signature.count &+ 64 }
}

/// What waits, in its order.
struct ResponsesQueue: Sendable {
    /// How many pieces may wait, and how many bytes; every piece becomes several events.
    static let pieceLimit = 4096
    private static let byteLimit = 32 << 20

    private var pieces: [ResponsesHeld] = []
    /// The place of the first piece that waits: those before it have been taken.
    private var head = 0
    /// How many pieces were removed before the first place.
    private var removedCount = 0
    private var byteCount = 0
    /// Where the calls that wait stand, counted from the first piece ever.
    private var places: [Int: Int] = [:]
    /// Whether more came than may wait: the answer cannot be told whole.
    private(set) var isOverfull = false

    /// Whether nothing waits.
    var isEmpty: Bool { head == pieces.count }

    /// Puts a piece at the end.
    mutating func append(_ piece: ResponsesHeld) {
        guard reserve(piece.count, pieces: 1) else { return }
        if case .call(let number, _) = piece.kind { places[number] = removedCount &+ pieces.count }
        pieces.append(piece)
    }

    /// Puts a piece at the end, or adds it to the last one when that is of its kind.
    mutating func append(
        _ kind: ResponsesHeld.Kind, _ slice: Range<Int>, _ second: Range<Int>, of data: Span<UInt8>
    ) {
        if kind.isJoined, !isEmpty, pieces[pieces.count &- 1].kind == kind {
            if reserve(slice.count, pieces: 0) { pieces[pieces.count &- 1].text.append(data, slice) }
            return
        }
        var piece = ResponsesHeld(kind)
        piece.text.append(data, slice)
        piece.second.append(data, second)
        append(piece)
    }

    /// Adds to the input of a call; nothing when none of that number waits.
    mutating func append(_ slice: Range<Int>, of data: Span<UInt8>, toCall number: Int) {
        guard let place = places[number], reserve(slice.count, pieces: 0) else { return }
        pieces[place &- removedCount].text.append(data, slice)
    }

    /// Takes the first piece.
    mutating func popFirst() -> ResponsesHeld? {
        guard !isEmpty else { return nil }
        let piece = pieces[head]
        if case .call(let number, _) = piece.kind, places[number] == removedCount &+ head {
            places.removeValue(forKey: number)
        }
        byteCount &-= piece.count
        // Its text is let go now, its place when there are enough of them to be worth the move.
        pieces[head] = ResponsesHeld(.text)
        head &+= 1
        if isEmpty || head >= Self.pieceLimit {
            pieces.removeFirst(head)
            removedCount &+= head
            head = 0
        }
        return piece
    }

    private mutating func reserve(_ bytes: Int, pieces more: Int) -> Bool {
        if pieces.count &- head &+ more > Self.pieceLimit || bytes > Self.byteLimit &- byteCount { isOverfull = true }
        guard !isOverfull else { return false }
        byteCount &+= bytes
        return true
    }
}
