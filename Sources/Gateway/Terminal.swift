// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import Glibc
internal import Providers

/// The terminal, or the file or pipe in its place, that a conversation is written to.
final class Terminal {
    private let isTerminal = isatty(1) == 1
    /// Whether the last thing written to standard output ended a line.
    private var isAtLineStart = true

    /// Writes a piece of an answer to standard output; false when nobody takes it any more.
    func write(_ text: String) -> Bool {
        guard let last = text.unicodeScalars.last else { return true }
        isAtLineStart = last == "\n"
        return Terminal.send(isTerminal ? Terminal.visible(text) : text, to: 1)
    }

    /// Ends the line that an answer stopped in.
    func finishLine() {
        if !isAtLineStart { _ = Terminal.send("\n", to: 1) }
        isAtLineStart = true
    }

    /// Says something about the conversation, beside the answers.
    func note(_ text: String) {
        _ = Terminal.send(Terminal.visible(text), to: 2)
    }

    /// A text without the control characters by which a model, or who feeds it, could steer the terminal.
    static func visible(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "\u{FFFD}" : $0 }))
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: false
        case 0..<0x20, 0x7F..<0xA0: true
        default: false
        }
    }

    private static func send(_ text: String, to descriptor: Int32) -> Bool {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress! + sent, bytes.count - sent)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }
}

@available(*, unavailable)
extension Terminal: Sendable {}

/// Whole lines out of what arrives on standard input.
struct LineInput {
    private var pending: [UInt8] = []

    /// The lines that one read completes; `nil` at the end of the input.
    mutating func read() -> [String]? {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(0, $0.baseAddress, $0.count) }
        if count < 0 { return errno == EINTR || errno == EAGAIN ? [] : nil }
        guard count > 0 else { return nil }
        pending += chunk[..<count]
        guard let end = pending.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        let text = String(decoding: pending[..<end], as: UTF8.self)
        pending.removeSubrange(...end)
        return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// Forgets a line that is not complete.
    mutating func forget() { pending = [] }
}

/// From a failure to the exit code (sysexits.h) of a command that asked a gateway.
enum ExitCode {
    static func of(_ failure: UpstreamFailure) -> Int32 {
        if failure.failureClass == .credential { return EX_NOPERM }
        return switch failure.failure.status {
        case 403: EX_NOPERM
        case 429: EX_TEMPFAIL
        case 400..<500: EX_DATAERR
        default: EX_UNAVAILABLE
        }
    }
}
