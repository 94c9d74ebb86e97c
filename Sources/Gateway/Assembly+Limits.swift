// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Reactor
internal import Services
internal import Settings
internal import Storage
internal import Telemetry

extension LimitService {
    /// What holds callers to their limits on a loop: counts in this process, or in Redis where the settings name one. `source` knows
    /// durably what was spent, `keys` who has which limits now.
    convenience init(
        _ settings: Settings, _ loop: EventLoop, pricing: any Pricing, source: (any SpentSource)?, keys: KeyRing, log: Log,
        metrics: GatewayMetrics
    ) throws(StartError) {
        let reservation = settings.auth.defaultReservation
        guard let address = try LimitService.address(settings) else {
            self.init(
                MemoryLimitCounters(source: source), fallback: nil, pricing: pricing, reservation: reservation,
                keys: keys, metrics: metrics, log: log)
            return
        }
        var configuration = RedisLimitCounters.Configuration(address)
        configuration.timeout = settings.redisTimeout.nanoseconds
        let fallback = settings.auth.limitsOnFailure == .open ? MemoryLimitCounters(source: source) : nil
        self.init(
            RedisLimitCounters(loop, configuration, source: source, log: log), fallback: fallback, pricing: pricing,
            reservation: reservation, keys: keys, metrics: metrics, log: log)
    }

    /// Where Redis is, by the settings; `nil` without one.
    static func address(_ settings: Settings) throws(StartError) -> RedisAddress? {
        guard let url = settings.redisURL else { return nil }
        do {
            return try RedisAddress(url)
        } catch {
            throw .settings(error.message)
        }
    }
}

extension LimitRules {
    /// The limits that settings say.
    init(_ settings: LimitRuleSettings) {
        self.init()
        requestsPerMinute = settings.requestsPerMinute
        tokensPerMinute = settings.tokensPerMinute
        concurrent = settings.concurrent
        tokensPerDay = settings.tokensPerDay
        tokensPerMonth = settings.tokensPerMonth
        moneyPerDay = settings.moneyPerDay.map { Money(nanos: $0) }
        moneyPerMonth = settings.moneyPerMonth.map { Money(nanos: $0) }
    }
}
