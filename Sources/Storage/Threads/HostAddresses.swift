// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The addresses of hosts, by getaddrinfo(3).
enum HostAddresses {
    /// A host's addresses in numbers, the best one first, each once. Blocks: for a thread that may.
    ///
    /// Throws `unavailable` when the name is not known.
    static func find(_ host: String) throws(StorageError) -> [String] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, nil, &hints, &list)
        guard status == 0 else {
            throw .unavailable("the name \(host) is not known: \(unsafe String(cString: gai_strerror(status)))")
        }
        defer { unsafe freeaddrinfo(list) }
        var found: [String] = []
        var entry = unsafe list
        while let current = unsafe entry {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let length = socklen_t(text.count)
            let entryAddress = unsafe current.pointee
            let status = unsafe getnameinfo(
                entryAddress.ai_addr, entryAddress.ai_addrlen, &text, length, nil, 0, NI_NUMERICHOST)
            if status == 0 {
                let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if !found.contains(address) { found.append(address) }
            }
            unsafe entry = current.pointee.ai_next
        }
        return found
    }
}
