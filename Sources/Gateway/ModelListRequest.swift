// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import HTTPClient
internal import JSON
internal import Telemetry

/// Asks a gateway for its models, to take the first one.
final class ModelListRequest {
    /// Why there is no model.
    struct Failure: Error {
        let message: String
        let exitCode: Int32
    }

    private let done: (Result<String, Failure>) -> Void
    private var status = 0
    private var body: [UInt8] = []
    private var address = ""

    /// `done` is called once, with the model's name.
    init(_ done: @escaping (Result<String, Failure>) -> Void) {
        self.done = done
    }

    func start(_ client: MultiHandle, _ gateway: GatewayAddress) {
        address = gateway.url
        var fields = [(name: "User-Agent", value: "sluice")]
        if !gateway.key.isEmpty { fields.append(("Authorization", "Bearer \(gateway.key.reveal())")) }
        _ = client.start(TransferRequest(url: gateway.url + "/v1/models", fields: fields), self)
    }
}

extension ModelListRequest: TransferReceiver {
    func receive(_ head: TransferHead) { status = head.status }

    func receive(_ chunk: Span<UInt8>) -> Verdict {
        guard body.count < 4 << 20 else { return .abort }
        for index in chunk.indices { body.append(chunk[index]) }
        return .proceed
    }

    func receivedBatch() {}

    private static func parse(_ body: [UInt8]) -> JSONValue? {
        do { return try JSONValue(parsing: body.span) } catch { return nil }
    }

    func finish(_ error: TransferError?) {
        if error != nil, status == 0 {
            return done(
                .failure(
                    Failure(
                        message: "there is no gateway at \(address): start one with 'sluice serve', or name it with --url",
                        exitCode: EX_UNAVAILABLE)))
        }
        let answer = ModelListRequest.parse(body)
        guard status == 200, let model = answer?["data"]?[0]?["id"]?.string else {
            let message =
                answer?["error"]?["message"]?.string ?? "the gateway at \(address) names no model: choose one with --model"
            return done(
                .failure(Failure(message: message, exitCode: status == 401 || status == 403 ? EX_NOPERM : EX_UNAVAILABLE)))
        }
        done(.success(model))
    }
}

@available(*, unavailable)
extension ModelListRequest: Sendable {}
