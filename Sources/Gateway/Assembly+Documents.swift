// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Providers
internal import Services
internal import Settings

extension ExtractionPolicy {
    /// The policy that the settings describe, for a gateway that lists `models`.
    init(_ settings: Settings, _ models: [(model: String, owner: String)]) {
        self.init()
        let documents = settings.documents
        maxBytes = documents.maxBytes
        model = documents.model ?? ExtractionPolicy.standardModel(settings, models)
        chunkTokens = documents.chunkTokens
        overlapTokens = documents.overlapTokens
        maxConcurrent = documents.maxConcurrentChunks
        maxRuns = documents.maxExtractions
        maxChunks = documents.maxChunks
        chunkTimeout = documents.chunkTimeout.nanoseconds
        convertSeconds = max(1, Int(documents.convertTimeout.components.seconds))
    }

    /// The first listed model of a real provider; the simulator's extractor where there is no other provider.
    ///
    /// With a real provider that lists no model the client has to name one: made-up results must not be taken for real ones.
    private static func standardModel(_ settings: Settings, _ models: [(model: String, owner: String)]) -> String? {
        let simulators = settings.providers.filter { $0.kind == .simulator }.map(\.name)
        if let real = models.first(where: { !simulators.contains($0.owner) }) { return real.model }
        guard simulators.count == settings.providers.count, let simulator = simulators.first else { return nil }
        return "\(simulator)/\(SimulatorTransport.extractor)"
    }
}
