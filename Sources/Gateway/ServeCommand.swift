// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Reactor
internal import Settings
internal import Telemetry

/// `sluice serve`.
enum ServeCommand {
    static func run(_ arguments: [String]) -> Int32 {
        guard let options = CommandLineInterface.options(arguments, allowed: ["config", "listen", "workers"]) else {
            return CommandLineInterface.misused("serve takes --config FILE, --listen HOST:PORT and --workers N")
        }
        var environment = CommandLineInterface.environment()
        // The command line is the last word, over the environment and the file.
        if let listen = options["listen"] { environment["SLUICE_LISTEN"] = listen }
        if let workers = options["workers"] { environment["SLUICE_WORKERS"] = workers }
        let settings: Settings
        do {
            settings = try Settings.load(file: options["config"], environment: environment)
        } catch {
            return CommandLineInterface.failed("\(error)", EX_CONFIG)
        }
        do {
            return try serve(settings)
        } catch {
            return CommandLineInterface.failed(error)
        }
    }

    private static func serve(_ wanted: Settings) throws(StartError) -> Int32 {
        EventLoop.useOneArena()
        var settings = wanted
        DescriptorBudget.raised().fit(&settings)
        SignalWatcher.ignoreStraySignals()
        let log = Log(level: settings.log.level, format: settings.log.format)
        let metrics = GatewayMetrics(log: log)
        let loop: EventLoop
        do {
            loop = try EventLoop()
        } catch {
            throw .unavailable("\(error)")
        }
        let gateway = try GatewayInstance(settings, on: loop, log: log, metrics: metrics)
        gateway.loadKeys()
        let port = try gateway.listen(settings.listen)
        let address = ListenAddress(host: settings.listen.host, port: UInt16(clamping: port))
        for warning in settings.warnings { log.warning(warning) }
        if settings.workers != .count(1) {
            log.warning("this version runs one event loop", ["workers": .text("\(settings.workers)")])
        }
        if let upstream = settings.upstreamURL {
            log.info("every request is handed on", ["upstream": .text(upstream)])
        } else {
            log.info("providers", ["names": .text(settings.providers.map(\.name).joined(separator: ","))])
            if settings.providers.isEmpty { log.warning("there is no provider: every request will be refused") }
        }
        announce("http://\(address)", settings.log.format)
        gateway.run()
        log.info("stopped")
        // The process ends here and now: taking the object graph apart, with sockets open in the midst of it, would only
        // find new ways to go wrong.
        exit(EX_OK)
    }

    /// The ready line, whatever the log's level: scripts wait for it.
    static func announce(_ url: String, _ format: LogFormat) {
        switch format {
        case .text: CommandLineInterface.writeText("listening on \(url)\n", to: 2)
        case .json:
            CommandLineInterface.writeText("{\"level\":\"info\",\"message\":\"listening on \(url)\"}\n", to: 2)
        }
    }
}
