// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CPostgres
internal import Glibc
internal import Telemetry

/// Where a server is and how it is talked to: libpq's keywords with their values.
///
/// libpq looks up names while its caller waits. So names are looked up first, by a thread, and libpq is given addresses: `host`
/// then serves only to check certificates and to find passwords.
struct PostgresAddress: Sendable {
    private var values: [String: String]
    /// Where the server is, for the log: without user and password.
    let place: String

    /// Reads a connection URI.
    ///
    /// Throws `statement` when libpq does not understand it; libpq's own words are not told, as they may hold the password.
    init(_ uri: Secret) throws(StorageError) {
        guard let options = unsafe PQconninfoParse(uri.reveal(), nil) else {
            throw .statement("database_url is no connection URI of Postgres")
        }
        defer { unsafe PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = unsafe options
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val { unsafe values[String(cString: keyword)] = unsafe String(cString: value) }
            unsafe option += 1
        }
        if values["host"] == nil, values["hostaddr"] == nil, let host = unsafe getenv("PGHOST") {
            values["host"] = unsafe String(cString: host)
        }
        // Kerberos would ask servers of its own while we wait.
        if values["gssencmode"] == nil { values["gssencmode"] = "disable" }
        if values["application_name"] == nil { values["application_name"] = "sluice" }
        values["client_encoding"] = "UTF8"
        self.values = values
        let host = values["host"] ?? values["hostaddr"] ?? "the local socket"
        place = "\(host)/\(values["dbname"] ?? values["user"] ?? "")"
    }

    /// The password, to keep it out of messages.
    var password: String? { values["password"] }

    /// Whether there are names to look up before libpq may have it.
    var needsLookup: Bool {
        values["hostaddr"] == nil && hosts.contains { !$0.isEmpty && !$0.hasPrefix("/") && !$0.hasPrefix("@") }
    }

    /// libpq's keywords and values.
    var keywords: [(String, String)] { values.map { ($0.key, $0.value) } }

    private var hosts: [String] { Self.list(values["host"] ?? "") }

    private static func list(_ text: String) -> [String] {
        text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// The same with an address for each name, and each address of a name in turn. Blocks: for a thread that may.
    ///
    /// Throws `unavailable` when no name is known.
    func lookedUp() throws(StorageError) -> PostgresAddress {
        let ports = Self.list(values["port"] ?? "")
        var found: [(host: String, address: String, port: String)] = []
        var problem = ""
        for (index, host) in hosts.enumerated() {
            let port = ports.count > 1 && index < ports.count ? ports[index] : ports.first ?? ""
            guard !host.isEmpty, !host.hasPrefix("/"), !host.hasPrefix("@") else {
                found.append((host, "", port))
                continue
            }
            do {
                for address in try HostAddresses.find(host) { found.append((host, address, port)) }
            } catch {
                problem = "\(error)"
            }
        }
        guard !found.isEmpty else { throw .unavailable(problem) }
        var result = self
        result.values["host"] = found.map(\.host).joined(separator: ",")
        result.values["hostaddr"] = found.map(\.address).joined(separator: ",")
        if values["port"] != nil { result.values["port"] = found.map(\.port).joined(separator: ",") }
        return result
    }
}
