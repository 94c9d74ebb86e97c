// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Makes sockets that listen.
enum ListeningSocket {
    /// A non-blocking listening socket on a numeric address or `localhost`, and the port it got.
    ///
    /// Throws `ServerError.badAddress` and `.cannotListen`.
    static func open(host: String, port: Int, sharesPort: Bool) throws(ServerError) -> (descriptor: Int32, port: Int) {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, String(port), &hints, &found)
        defer { if let found = unsafe found { unsafe freeaddrinfo(found) } }
        guard code == 0, let address = unsafe found else { throw .badAddress(host) }
        let descriptor = unsafe socket(
            address.pointee.ai_family,
            Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .cannotListen(systemError()) }
        var on: Int32 = 1
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        if sharesPort { _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, 4) }
        guard unsafe bind(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0,
            Glibc.listen(descriptor, 4096) == 0
        else {
            let text = systemError()
            close(descriptor)
            throw .cannotListen(text)
        }
        var bound = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        unsafe withUnsafeMutableBytes(of: &bound) { bytes in
            if let pointer = unsafe bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) {
                _ = unsafe getsockname(descriptor, pointer, &length)
            }
        }
        // The port stands at the same place, in network order, for IPv4 and IPv6.
        let number = unsafe withUnsafeBytes(of: &bound) { bytes in unsafe Int(bytes[2]) << 8 | Int(bytes[3]) }
        return (descriptor, number)
    }

    private static func systemError() -> String { unsafe String(cString: strerror(errno)) }
}

/// Sends the end of our side of a connection.
func shutdownWriting(_ descriptor: Int32) {
    _ = shutdown(descriptor, Int32(SHUT_WR))
}
