// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Reactor
internal import Services
internal import Settings
internal import Storage
internal import Telemetry

/// The keys of a gateway: where they are looked up, what changes them, and what learns of changes made elsewhere.
struct KeyAccess {
    let ring: KeyRing
    /// `nil` without a database.
    let service: KeyService?
    /// `nil` where stored keys let nobody in.
    private let watch: KeyWatch?

    init(_ settings: Settings, _ database: (any Database)?, _ loop: EventLoop, log: Log, metrics: GatewayMetrics) {
        let usesStored = settings.auth.enabled && database != nil
        let organizations = settings.organizations.map { ($0.name, LimitRules($0.limits)) }
        ring = KeyRing(
            keys: settings.auth.keys, adminKey: settings.auth.adminKey, defaults: LimitRules(settings.auth.defaultLimits),
            organizations: Dictionary(organizations) { first, _ in first }, expectsStored: usesStored, now: wallClockMicroseconds)
        let store = database.map(KeyStore.init)
        service = store.map { [ring] in KeyService($0, ring: usesStored ? ring : nil, now: wallClockMicroseconds) }
        watch = usesStored ? store.map { [ring] in KeyWatch(loop, $0, ring, log: log, metrics: metrics) } : nil
    }

    /// Begins to load the stored keys, and to follow their changes; `loaded` is called once, at once when there are none to load.
    func start(_ loaded: @escaping () -> Void) {
        if let watch { watch.start(loaded) } else { loaded() }
    }
}

@available(*, unavailable)
extension KeyAccess: Sendable {}
