// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import Glibc
internal import HTTPClient
internal import Providers
internal import Reactor
internal import Settings
internal import Telemetry

/// `sluice chat [MESSAGE]`: a conversation with a model in the terminal.
///
/// With a message, or with input that is not a terminal, one answer is written and nothing else; otherwise it asks for
/// message after message.
enum ChatCommand {
    static func run(_ arguments: [String]) -> Int32 {
        let (message, rest) = split(arguments)
        guard let options = CommandLineInterface.options(rest, allowed: ["url", "key", "model", "system", "max-tokens"])
        else {
            return CommandLineInterface.misused(
                "chat takes --url URL, --key KEY, --model NAME, --system TEXT, --max-tokens N and a message")
        }
        let environment = CommandLineInterface.environment()
        guard let address = GatewayAddress(options, environment) else {
            return CommandLineInterface.misused(GatewayAddress.misuse)
        }
        var limit: Int?
        if let text = options["max-tokens"] {
            guard let number = Int(text), number > 0 else {
                return CommandLineInterface.misused("--max-tokens takes a number above 0")
            }
            limit = number
        }
        var question = message
        if isatty(0) == 0 {
            guard let input = standardInput() else {
                return CommandLineInterface.failed("the input is longer than 32 MiB or no UTF-8 text", EX_DATAERR)
            }
            if !input.isEmpty { question = question.map { $0 + "\n\n" + input } ?? input }
            guard question != nil else {
                return CommandLineInterface.misused("there is no message, neither as an argument nor as input")
            }
        }
        SignalWatcher.ignoreStraySignals()
        do {
            let loop = try EventLoop()
            let client = try MultiHandle(loop, maxIdle: 2)
            let conversation = Conversation(
                loop, client, address, model: options["model"] ?? environment["SLUICE_MODEL"], system: options["system"],
                outputLimit: limit)
            return conversation.run(question)
        } catch {
            return CommandLineInterface.failed("not available: \(error)", EX_OSERR)
        }
    }

    /// The words that belong to no option are the message.
    private static func split(_ arguments: [String]) -> (message: String?, options: [String]) {
        var words: [String] = []
        var options: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                words += rest
                break
            }
            guard argument.hasPrefix("--") else {
                words.append(argument)
                continue
            }
            options.append(argument)
            if !argument.contains("="), let value = rest.popFirst() { options.append(value) }
        }
        return (words.isEmpty ? nil : words.joined(separator: " "), options)
    }

    /// All of standard input, which is no terminal, as text.
    private static func standardInput() -> String? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= 32 << 20 {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(0, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                var text = String(validating: bytes, as: UTF8.self)
                while text?.last?.isNewline ?? false { text?.removeLast() }
                return text
            }
            bytes += chunk[..<count]
        }
        return nil
    }
}
