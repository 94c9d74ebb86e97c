// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import JSON

/// A call whose arguments come in pieces, each for a place in them (`streamFunctionCallArguments`).
///
/// The pieces are kept as they came and put together once, at the end.
struct GeminiPartialCall: Sendable {
    private struct Piece {
        var path: String
        /// JSON; of a string the inside, to which later pieces add.
        var text = ByteBuffer()
        var isString: Bool
        var isOpen: Bool
    }

    /// Pieces that one call may have, and so the elements of an array, and places; no honest one comes near.
    static let pieceLimit = 8192
    private static let nodeLimit = 65_536
    private static let depthLimit = 64

    /// The id, the name and the signature as the insides of JSON strings.
    var id = ByteBuffer()
    var name = ByteBuffer()
    var signature = ByteBuffer()
    private var pieces: [Piece] = []
    /// The bytes kept.
    private(set) var byteCount = 0
    /// Whether there were more pieces than one call may have, so that it cannot be put together.
    private(set) var isOverfull = false

    /// How many pieces it has.
    var count: Int { pieces.count }

    /// Takes the elements of a `partialArgs` array, which must be valid JSON.
    mutating func append(_ range: Range<Int>, of data: Span<UInt8>) {
        let array = data.extracting(range)
        var tokenizer = JSONTokenizer(allowsLoneSurrogates: true)
        guard let first = try? tokenizer.next(in: array), first.kind == .beginArray else { return }
        while let token = try? tokenizer.next(in: array), token.kind != .endArray {
            if token.kind == .beginObject {
                guard (try? readPiece(with: &tokenizer, of: array)) != nil else { return }
            } else {
                guard (try? tokenizer.skip(token, in: array)) != nil else { return }
            }
        }
    }

    private mutating func readPiece(with tokenizer: inout JSONTokenizer, of data: Span<UInt8>) throws(JSONError) {
        var path = ""
        var value: JSONToken?
        var isOpen = false
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { break }
            let token = try tokenizer.next(in: data)
            if key.equals("jsonPath", in: data), token.kind == .string {
                path = token.string(in: data)
            } else if key.equals("willContinue", in: data) {
                isOpen = token.kind == .true
            } else if key.equals("nullValue", in: data) {
                value = JSONToken(.null, 0..<0)
            } else if Self.isValue(token, of: key, in: data) {
                value = token
            }
            _ = try tokenizer.skip(token, in: data)
        }
        guard let value, !path.isEmpty else { return }
        add(value, at: path, isOpen: isOpen, of: data)
    }

    /// Whether a member says a value of the kind that its name promises; the range of any other token is not all of the value.
    private static func isValue(_ token: JSONToken, of key: JSONToken, in data: Span<UInt8>) -> Bool {
        switch token.kind {
        case .string: key.equals("stringValue", in: data)
        case .number: key.equals("numberValue", in: data)
        case .true, .false: key.equals("boolValue", in: data)
        default: false
        }
    }

    private mutating func add(_ value: JSONToken, at path: String, isOpen: Bool, of data: Span<UInt8>) {
        byteCount &+= value.range.count &+ path.utf8.count
        let isString = value.kind == .string
        if isString, let last = pieces.last, last.isOpen, last.isString, last.path == path {
            pieces[pieces.count &- 1].text.append(data, value.range)
            pieces[pieces.count &- 1].isOpen = isOpen
            return
        }
        guard pieces.count < Self.pieceLimit else {
            isOverfull = true
            return
        }
        var piece = Piece(path: path, isString: isString, isOpen: isOpen)
        if value.kind == .null { piece.text.append(literal: "null") } else { piece.text.append(data, value.range) }
        pieces.append(piece)
    }

    // MARK: Putting together

    private struct Node {
        enum Kind { case null, leaf, object, array }
        var kind = Kind.null
        /// The piece that a leaf is.
        var piece = 0
        var keys: [String] = []
        var children: [Int] = []
    }

    private enum Step {
        case key(String)
        case index(Int)
    }

    /// Appends the arguments as the text of an object; `false` when they have more places than one call may have.
    ///
    /// Arguments that were cut have no end, so that nobody takes them for whole; when nothing of them came they are nothing.
    func write(isCut: Bool, into buffer: inout ByteBuffer) -> Bool {
        guard !isCut || !pieces.isEmpty else { return true }
        var root = Node()
        root.kind = .object
        var nodes = [root]
        for (number, piece) in pieces.enumerated() {
            guard let steps = Self.steps(of: piece.path) else { continue }
            var place = 0
            for step in steps {
                guard let child = Self.child(of: place, at: step, in: &nodes) else { return false }
                place = child
            }
            // The root is no place for a value: such a path could not be followed.
            guard place != 0 else { continue }
            nodes[place] = Node(kind: .leaf, piece: number)
        }
        var text = ByteBuffer()
        write(0, of: nodes, into: &text)
        buffer.append(text.bytes, 0..<text.count &- (isCut ? 1 : 0))
        return true
    }

    /// The place below a node, made if there is none; `nil` when there would be too many.
    private static func child(of parent: Int, at step: Step, in nodes: inout [Node]) -> Int? {
        switch step {
        case .key(let key):
            if nodes[parent].kind != .object { nodes[parent] = Node(kind: .object) }
            if let found = nodes[parent].keys.lastIndex(of: key) { return nodes[parent].children[found] }
            guard nodes.count < nodeLimit else { return nil }
            nodes[parent].keys.append(key)
            nodes[parent].children.append(nodes.count)
            nodes.append(Node())
            return nodes.count &- 1
        case .index(let index):
            if nodes[parent].kind != .array { nodes[parent] = Node(kind: .array) }
            while nodes[parent].children.count <= index {
                guard nodes.count < nodeLimit else { return nil }
                nodes[parent].children.append(nodes.count)
                nodes.append(Node())
            }
            return nodes[parent].children[index]
        }
    }

    private func write(_ place: Int, of nodes: [Node], into buffer: inout ByteBuffer) {
        switch nodes[place].kind {
        case .null:
            buffer.append(literal: "null")
        case .leaf:
            let piece = pieces[nodes[place].piece]
            if piece.isString { buffer.append(ASCII.quote) }
            buffer.append(piece.text.bytes)
            if piece.isString { buffer.append(ASCII.quote) }
        case .object:
            buffer.append(ASCII.openBrace)
            for (number, child) in nodes[place].children.enumerated() {
                if number > 0 { buffer.append(ASCII.comma) }
                buffer.appendJSONString(nodes[place].keys[number])
                buffer.append(UInt8(ascii: ":"))
                write(child, of: nodes, into: &buffer)
            }
            buffer.append(ASCII.closeBrace)
        case .array:
            buffer.append(ASCII.openBracket)
            for (number, child) in nodes[place].children.enumerated() {
                if number > 0 { buffer.append(ASCII.comma) }
                write(child, of: nodes, into: &buffer)
            }
            buffer.append(ASCII.closeBracket)
        }
    }

    /// Takes a path such as `$.list[0].name` or `$['a key']` apart; `nil` when it is none.
    private static func steps(of path: String) -> [Step]? {
        var rest = path[...]
        guard rest.first == "$" else { return nil }
        rest = rest.dropFirst()
        var steps: [Step] = []
        while let first = rest.first {
            guard steps.count < depthLimit else { return nil }
            rest = rest.dropFirst()
            if first == "." {
                let key = rest.prefix { $0 != "." && $0 != "[" }
                steps.append(.key(String(key)))
                rest = rest.dropFirst(key.count)
            } else if first == "[", let quote = rest.first, quote == "'" || quote == "\"" {
                let key = rest.dropFirst().prefix { $0 != quote }
                rest = rest.dropFirst(key.count + 2)
                guard rest.first == "]" else { return nil }
                rest = rest.dropFirst()
                steps.append(.key(String(key)))
            } else if first == "[" {
                let digits = rest.prefix { $0 != "]" }
                guard let index = Int(digits), index >= 0, index < pieceLimit else { return nil }
                rest = rest.dropFirst(digits.count + 1)
                steps.append(.index(index))
            } else {
                return nil
            }
        }
        return steps.isEmpty ? nil : steps
    }
}
