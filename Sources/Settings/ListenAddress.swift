// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Where a server listens.
package struct ListenAddress: Sendable, Equatable {
    /// An IPv4 address, an IPv6 address without brackets, or a host name.
    package var host: String
    /// 0 lets the system choose.
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }
}

extension ListenAddress {
    /// Whether only this machine can connect.
    package var isLoopback: Bool {
        let host = host.lowercased()
        return host == "localhost" || host == "::1"
            || (host.hasPrefix("127.") && host.utf8.allSatisfy { $0 == 0x2E || (0x30...0x39).contains($0) })
    }
}

extension ListenAddress: CustomStringConvertible {
    /// `host:port`, with brackets round an IPv6 address.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// How many reactors run.
package enum WorkerCount: Sendable, Equatable {
    /// One for each core.
    case auto
    /// This many.
    case count(Int)
}

extension WorkerCount: CustomStringConvertible {
    /// As the settings file writes it.
    package var description: String {
        switch self {
        case .auto: "auto"
        case .count(let count): "\(count)"
        }
    }
}
