// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import HTTPSemantics

/// Keeps web pages from using a gateway that asks for no key, through the browser of somebody who can reach it.
///
/// A page may send a POST to any address without asking (a "simple" request of the Fetch standard), and may have a name of
/// its own resolve to the gateway's address (DNS rebinding). The first shows in `Sec-Fetch-Site` and `Origin`, which pages
/// cannot set, the second in `Host`.
package struct OriginPolicy: Sendable {
    private let checksOrigin: Bool
    /// The names that `Host` may be, in lower case, beside addresses and `localhost`; `nil` for any.
    private let hosts: Set<String>?
    /// The pages that may use the gateway whatever their origin.
    package var allowed = AllowedOrigins()

    /// Lets everything pass, for a gateway that asks for keys.
    package static var open: OriginPolicy { OriginPolicy(checksOrigin: false, hosts: nil) }

    /// The policy of a gateway without keys that listens on `listenHost`, to which only this machine can connect if it
    /// `isLoopback`.
    ///
    /// `allowedHosts` are the names that clients may know it by, `*` for all. Without any, names are checked on loopback only:
    /// elsewhere the gateway has names that it cannot know.
    package static func guarding(listenHost: String, isLoopback: Bool, allowedHosts: [String]) -> OriginPolicy {
        let isOpen = allowedHosts.isEmpty && !isLoopback
        let names = Set((allowedHosts + [listenHost]).map { $0.lowercased() })
        return OriginPolicy(checksOrigin: true, hosts: isOpen || allowedHosts.contains("*") ? nil : names)
    }

    private init(checksOrigin: Bool, hosts: Set<String>?) {
        self.checksOrigin = checksOrigin
        self.hosts = hosts
    }

    /// Why a request is turned away, or `nil`.
    package func refusal(of head: RequestHead) -> ChatFailure? {
        let host = head.fields["host"] ?? ""
        if let hosts, !host.isEmpty, !OriginPolicy.isLocal(host), !hosts.contains(OriginPolicy.name(of: host)) {
            return OriginPolicy.failure(
                "The gateway is not known by the name in 'Host'. Names are allowed by the setting allowed_hosts.",
                code: "host_not_allowed")
        }
        guard checksOrigin else { return nil }
        // Who follows a link to the page gets it: it shows nothing to the page that held the link.
        if head.method == "GET", head.path == "/", head.fields["sec-fetch-dest"] == "document" { return nil }
        if allowed.allows(head) { return nil }
        let isForeign = head.fields["sec-fetch-site"]?.lowercased() == "cross-site"
        let origin = head.fields["origin"]
        guard isForeign || origin.map({ !OriginPolicy.isSame($0, host) }) ?? false else { return nil }
        return OriginPolicy.failure(
            "A web page of another origin may not use a gateway that asks for no key, but for those of the setting "
                + "allowed_origins.", code: "origin_not_allowed")
    }

    /// Whether a `Host` is an address, which no name can be made to stand for, or a name of this machine for itself.
    private static func isLocal(_ host: String) -> Bool {
        let name = name(of: host)
        return name.hasPrefix("[") || isAddress(name) || name == "localhost" || name.hasSuffix(".localhost")
    }

    /// Whether a name is four numbers; browsers write every IPv4 address so.
    private static func isAddress(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    /// A host without its port, in lower case and without the dot of the root.
    private static func name(of host: String) -> String {
        var name = host.lowercased()
        if let colon = name.lastIndex(of: ":"), name[colon...].dropFirst().allSatisfy(\.isWholeNumber) {
            // In an IPv6 address the brackets end before the port.
            if !name.hasPrefix("[") || name[..<colon].hasSuffix("]") { name = String(name[..<colon]) }
        }
        if name.hasSuffix(".") { name.removeLast() }
        return name
    }

    /// Whether an `Origin` is the one that the gateway has for who sent `host`; the scheme may differ behind a TLS proxy.
    private static func isSame(_ origin: String, _ host: String) -> Bool {
        let parts = origin.lowercased().split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].isEmpty, parts[0] == "http:" || parts[0] == "https:" else { return false }
        let port = parts[0] == "http:" ? ":80" : ":443"
        func plain(_ text: String) -> String { text.hasSuffix(port) ? String(text.dropLast(port.count)) : text }
        return plain(String(parts[2])) == plain(host.lowercased())
    }

    private static func failure(_ message: String, code: String) -> ChatFailure {
        ChatFailure(status: 403, message: message, type: "permission_error", code: code)
    }
}
