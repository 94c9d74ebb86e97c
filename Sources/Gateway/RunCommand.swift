// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Telemetry

/// `sluice run TOOL [ARGUMENTS]`: a coding agent whose model traffic goes through the gateway.
enum RunCommand {
    static func run(_ arguments: [String]) -> Int32 {
        var own: [String] = []
        var rest = arguments[...]
        // Options before the tool's name are ours, all behind it the tool's.
        while let first = rest.first, first.hasPrefix("--") {
            own.append(rest.removeFirst())
            if !first.contains("="), let value = rest.popFirst() { own.append(value) }
        }
        guard let options = CommandLineInterface.options(own, allowed: ["url", "key", "model"]),
            let tool = rest.popFirst()
        else {
            return CommandLineInterface.misused("run takes --url URL, --key KEY, --model NAME, then a tool with its arguments")
        }
        let environment = CommandLineInterface.environment()
        guard let address = GatewayAddress(options, environment) else {
            return CommandLineInterface.misused(GatewayAddress.misuse)
        }
        let launch = ToolLaunch(tool: tool, address, model: options["model"])
        for name in launch.removed { _ = unsafe unsetenv(name) }
        for (name, value) in launch.environment { _ = unsafe setenv(name, value, 1) }
        return execute(tool, launch.arguments + rest)
    }

    /// Becomes the tool; returns only when that fails.
    private static func execute(_ tool: String, _ arguments: [String]) -> Int32 {
        var words = unsafe ([tool] + arguments).map { unsafe strdup($0) }
        unsafe words.append(nil)
        // What this process ignores, the tool would ignore too.
        for number in [SIGPIPE, SIGHUP, SIGQUIT] { _ = signal(number, SIG_DFL) }
        _ = unsafe execvp(tool, words)
        let reason = errno
        unsafe words.forEach { unsafe free($0) }
        let isMissing = reason == ENOENT
        let text = isMissing ? "is not installed, or not in PATH" : unsafe String(cString: strerror(reason))
        return CommandLineInterface.failed("'\(tool)' \(text)", isMissing ? 127 : 126)
    }
}

/// What a tool must be told so that it asks the gateway.
struct ToolLaunch: Equatable {
    /// Variables to set.
    let environment: [String: String]
    /// Variables to take away: the user's own keys for a vendor, which the gateway is not to see, and what leads past it.
    let removed: [String]
    /// Arguments that stand before the user's own.
    let arguments: [String]

    /// For a known tool what it reads; for any other the variables of all three vendors' SDKs.
    init(tool: String, _ address: GatewayAddress, model: String?) {
        // Tools refuse an empty key; a gateway that asks for none takes any.
        let key = address.key.isEmpty ? "sluice" : address.key.reveal()
        let anthropic = ["ANTHROPIC_BASE_URL": address.url, "ANTHROPIC_AUTH_TOKEN": key]
        let openAI = [
            "OPENAI_BASE_URL": address.url + "/v1", "OPENAI_API_BASE": address.url + "/v1", "OPENAI_API_KEY": key,
        ]
        let gemini = ["GOOGLE_GEMINI_BASE_URL": address.url, "GEMINI_API_KEY": key]
        let anthropicOwn = ["ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX"]
        let openAIOwn = ["OPENAI_ORG_ID", "OPENAI_ORGANIZATION", "OPENAI_PROJECT_ID"]
        let geminiOwn = ["GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_GCA"]
        let name = tool.split(separator: "/").last.map(String.init) ?? tool
        switch name {
        case "claude":
            removed = anthropicOwn
            environment = anthropic.merging(model.map { ["ANTHROPIC_MODEL": $0] } ?? [:]) { $1 }
            arguments = []
        case "codex":
            removed = openAIOwn
            environment = openAI.merging(["SLUICE_API_KEY": key]) { $1 }
            arguments =
                [
                    "-c", "model_provider=\"sluice\"", "-c", "model_providers.sluice.name=\"Sluice\"",
                    "-c", "model_providers.sluice.base_url=\"\(address.url)/v1\"",
                    "-c", "model_providers.sluice.env_key=\"SLUICE_API_KEY\"",
                    "-c", "model_providers.sluice.wire_api=\"responses\"",
                ] + (model.map { ["-c", "model=\"\($0)\""] } ?? [])
        case "gemini":
            removed = geminiOwn
            environment = gemini.merging(model.map { ["GEMINI_MODEL": $0] } ?? [:]) { $1 }
            arguments = []
        default:
            removed = anthropicOwn + openAIOwn + geminiOwn
            let named = model.map { ["OPENAI_MODEL": $0, "ANTHROPIC_MODEL": $0, "GEMINI_MODEL": $0] } ?? [:]
            environment = anthropic.merging(openAI) { $1 }.merging(gemini) { $1 }.merging(named) { $1 }
            arguments = []
        }
    }
}
