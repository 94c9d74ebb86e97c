// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import Storage

extension RelayService {
    /// Begins a request that the gateway itself makes for a caller, as far as the caller's limits allow; a refusal is recorded and
    /// goes to `sink`.
    ///
    /// `isWanted` is asked when the limits have been looked up, which may take a moment; when nobody waits any more nothing begins.
    /// `begun` gets the exchange, after whose end it may be called.
    package func begin(
        _ request: RelayRequest, withinLimits sink: any ClientSink, isWanted: @escaping () -> Bool,
        _ begun: @escaping (Exchange) -> Void
    ) {
        guard !request.caller.scopes.isEmpty else { return begun(begin(request, sink)) }
        limits.admit(request.caller, request.upstream) { [self] admission in
            switch admission {
            case .granted(let lease, _):
                guard isWanted() else {
                    limits.settle(lease, tokens: 0, cost: .zero)
                    return recordLeft(id: request.id, door: request.door, caller: request.caller)
                }
                var request = request
                request.lease = lease
                begun(begin(request, sink))
            case .refused(let failure, _):
                recordRefusal(
                    id: request.id, door: request.door, caller: request.caller, status: failure.status,
                    reason: failure.message)
                guard isWanted() else { return }
                sink.refuse(failure, retryAfter: failure.retryAfter.map(String.init), nil)
            }
        }
    }
}
