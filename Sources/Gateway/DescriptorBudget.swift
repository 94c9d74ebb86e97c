// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Settings

/// How many files the process may have open, and what that leaves for connections.
struct DescriptorBudget {
    /// The limit of the process.
    let limit: Int

    /// Raises the limit to what the system allows, and tells it.
    static func raised() -> DescriptorBudget {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return DescriptorBudget(limit: 1024)
        }
        let allowed = limit.rlim_max
        limit.rlim_cur = allowed
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return DescriptorBudget(limit: Int(clamping: limit.rlim_cur))
    }

    /// Lowers what the settings allow to what there are descriptors for, with a warning.
    ///
    /// A stream takes two, its client's and its upstream's; some are kept back for the log, the listener, files of
    /// authorities and name lookups, and a quarter at most for the connections that wait to be used again.
    func fit(_ settings: inout Settings) {
        let usable = limit - min(128, limit / 4)
        let idle = min(settings.upstream.pool.maxIdle, usable / 4)
        let connections = max(1, (usable - idle) / 2)
        guard connections < settings.limits.maxConnections else { return }
        // The default is more than most systems allow; who set a number himself wants to know.
        if settings.limits.maxConnections != Settings().limits.maxConnections {
            settings.warnings.append(
                "limits.max_connections is \(connections) instead of \(settings.limits.maxConnections):"
                    + " the system allows \(limit) open files")
        }
        settings.limits.maxConnections = connections
        settings.upstream.pool.maxIdle = idle
    }
}
