// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import Storage

extension RelayService {
    /// Whether a request goes on, or is told a refusal, now that its caller's limits have been asked, which may take a moment.
    ///
    /// One that nobody waits for any more, as `isWanted` says, gives back its lease, and is recorded as one whose client left. A
    /// refusal is recorded; to tell it is left to whoever asked.
    package func goesOn(
        after admission: LimitAdmission, isWanted: Bool, id: String, door: String, caller: Caller
    ) -> Bool {
        if !isWanted {
            if case .granted(let lease, _) = admission { limits.settle(lease, tokens: 0, cost: .zero) }
            recordLeft(id: id, door: door, caller: caller)
        } else if case .refused(let failure, _) = admission {
            recordRefusal(failure, id: id, door: door, caller: caller)
        }
        return isWanted
    }

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
            guard
                goesOn(
                    after: admission, isWanted: isWanted(), id: request.id, door: request.door, caller: request.caller)
            else { return }
            switch admission {
            case .granted(let lease, _):
                var request = request
                request.lease = lease
                begun(begin(request, sink))
            case .refused(let failure, _): sink.refuse(failure, retryAfter: failure.retryAfter.map(String.init), nil)
            }
        }
    }
}
