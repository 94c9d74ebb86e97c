// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A command line: words, and `--name value` pairs.
struct Arguments {
    private(set) var words: [String] = []
    private var options: [String: String] = [:]

    init(_ arguments: [String]) {
        var rest = arguments.makeIterator()
        while let word = rest.next() {
            if word.hasPrefix("--") {
                guard let value = rest.next() else { fail("\(word) needs a value") }
                options[String(word.dropFirst(2))] = value
            } else {
                words.append(word)
            }
        }
    }

    func text(_ name: String, _ standard: String) -> String { options[name] ?? standard }

    /// The option as a number from 1 up; ends the process on anything else.
    func number(_ name: String, _ standard: Int? = nil) -> Int {
        guard let text = options[name] else {
            guard let standard else { fail("--\(name) is missing") }
            return standard
        }
        guard let value = Int(text), value > 0 else { fail("--\(name) \(text) is not a number from 1 up") }
        return value
    }

    func port(_ name: String) -> UInt16 {
        guard let port = UInt16(exactly: number(name)) else { fail("--\(name) is not a port") }
        return port
    }
}
