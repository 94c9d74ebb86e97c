// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Services
internal import Settings
internal import Telemetry

/// The commands of `sluice`, from arguments to exit code (sysexits.h).
package enum CommandLineInterface {
    static let version = "0.1.0"
    static let usage = """
        usage: sluice COMMAND [OPTIONS]

          serve [--config FILE] [--listen HOST:PORT] [--workers N]   run the gateway
          check FILE                                                 validate a settings file
          simulate [--listen HOST:PORT] [--delay MS] [--tokens N] [--seed N]
                                                                     run an upstream for tests and load
          chat [--model NAME] [--system TEXT] [MESSAGE]              talk with a model in the terminal
          run [--model NAME] TOOL [ARGUMENTS]                        start claude, codex, gemini ... on the gateway
          audit export [--from TIME] [--to TIME] [--key ID] [--model NAME] ...
                                                                     what is recorded, as JSON Lines
          audit erase --key ID                                       erase what a key asked and was answered
        \(KeysCommand.usage)
          --help, --version

        serve listens on 127.0.0.1:8080, simulate on 127.0.0.1:8081. Settings: docs/settings.md.

        Without a file, providers come from the usual variables (OPENAI_API_KEY, OLLAMA_HOST, ...), and the
        built-in simulator is always there: ask for the model sim/story.

        chat and run ask the gateway at http://127.0.0.1:8080, or at --url (SLUICE_URL), with the key in --key (SLUICE_API_KEY).

        """

    /// Runs a command; returns when it has ended.
    package static func run(_ arguments: [String]) -> Int32 {
        var arguments = arguments
        // Where they are closed, the first files and sockets would take their numbers, and what is printed go there.
        for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) == -1 { _ = unsafe Glibc.open("/dev/null", O_RDWR) }
        guard !arguments.isEmpty else { return misused("no command") }
        let command = arguments.removeFirst()
        let own = command == "run" ? arguments.prefix { $0.hasPrefix("-") } : arguments[...]
        if own.contains("--help") || own.contains("-h") {
            writeText(usage, to: 1)
            return EX_OK
        }
        switch command {
        case "serve": return ServeCommand.run(arguments)
        case "check": return check(arguments)
        case "chat": return ChatCommand.run(arguments)
        case "run": return RunCommand.run(arguments)
        case "keys": return KeysCommand.run(arguments)
        case "simulate": return SimulateCommand.run(arguments)
        case "audit": return AuditCommand.run(arguments)
        case "--help", "-h", "help":
            writeText(usage, to: 1)
            return EX_OK
        case "--version", "version":
            writeText("sluice \(version)\n", to: 1)
            return EX_OK
        default: return misused("unknown command '\(command)'")
        }
    }

    /// Says how the command line is used, and that it was not.
    static func misused(_ problem: String) -> Int32 {
        writeText("sluice: \(problem)\n\n\(usage)", to: 2)
        return EX_USAGE
    }

    /// Says why the command ends, in one line.
    static func failed(_ problem: String, _ code: Int32) -> Int32 {
        writeText("sluice: \(problem)\n", to: 2)
        return code
    }

    /// Says why the gateway, or its database, could not be had.
    static func failed(_ error: StartError) -> Int32 {
        switch error {
        case .cannotListen(let reason):
            failed("cannot listen on \(reason); --listen HOST:PORT names another address", EX_UNAVAILABLE)
        case .unavailable(let reason): failed("not available: \(reason)", EX_OSERR)
        case .storage(let reason, let code): failed(reason, code)
        case .settings(let reason): failed(reason, EX_CONFIG)
        }
    }

    /// Takes `--name VALUE` and `--name=VALUE` out of the arguments; `nil` when something else is there.
    static func options(_ arguments: [String], allowed: [String]) -> [String: String]? {
        var found: [String: String] = [:]
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--") else { return nil }
            let name: String
            if let equals = argument.firstIndex(of: "=") {
                name = String(argument[..<equals].dropFirst(2))
                found[name] = String(argument[argument.index(after: equals)...])
            } else {
                name = String(argument.dropFirst(2))
                guard let value = rest.popFirst() else { return nil }
                found[name] = value
            }
            guard allowed.contains(name) else { return nil }
        }
        return found
    }

    /// The process's environment.
    static func environment() -> [String: String] {
        var found: [String: String] = [:]
        var entry = unsafe Glibc.environ
        while let text = unsafe entry.pointee {
            let line = unsafe String(cString: text)
            if let equals = line.firstIndex(of: "=") {
                found[String(line[..<equals])] = String(line[line.index(after: equals)...])
            }
            unsafe entry = entry.advanced(by: 1)
        }
        return found
    }

    /// Writes text to a descriptor, as far as it takes it at once: a pipe that nobody reads must not hold us up.
    static func writeText(_ text: String, to descriptor: Int32) {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard unsafe poll(&wanted, 1, 0) == 1 else { return }
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    }

    /// What became of something that was written to the standard output.
    enum Output { case written, closed, failed }

    /// Writes all of it to the standard output, at the pace of who reads it; `closed` when nobody does any more, as behind head(1).
    static func writeAll(_ bytes: [UInt8]) -> Output {
        var start = 0
        while start < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(1, $0.baseAddress?.advanced(by: start), $0.count - start)
            }
            if count >= 0 {
                start += count
            } else if errno == EAGAIN {
                var output = pollfd(fd: 1, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&output, 1, -1)
            } else if errno != EINTR {
                guard errno != EPIPE else { return .closed }
                writeText("sluice: standard output cannot be written to\n", to: 2)
                return .failed
            }
        }
        return .written
    }

    private static func check(_ arguments: [String]) -> Int32 {
        guard let file = arguments.first, arguments.count == 1, !file.hasPrefix("-") else {
            return misused("check takes the path of one settings file")
        }
        do {
            let settings = try Settings.load(file: file, environment: environment())
            _ = try RelayPolicy(settings)
            _ = try StorageAssembly.address(settings)
            _ = try LimitService.address(settings)
            writeText("\(settings)\n", to: 1)
            return EX_OK
        } catch let error as StartError {
            return failed(error)
        } catch {
            writeText("\(error)\n", to: 2)
            return EX_CONFIG
        }
    }
}
