// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import CEpoll
import Glibc

/// Nanoseconds of the monotonic clock; every process of the machine reads the same one.
func monotonicNow() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// Writes one line to standard output at once, so that the script that reads it sees it in time.
func printLine(_ text: String) {
    writeAll(to: STDOUT_FILENO, text + "\n")
}

/// Says on standard error what went wrong and ends the process.
func fail(_ message: String) -> Never {
    writeAll(to: STDERR_FILENO, "relay-load: \(message)\n")
    exit(EX_SOFTWARE)
}

/// Blocks until standard input has a byte or ends.
func waitForStandardInput() {
    var byte: UInt8 = 0
    _ = unsafe read(STDIN_FILENO, &byte, 1)
}

func writeAll(to descriptor: Int32, _ text: String) {
    var bytes = text.utf8.span
    while !bytes.isEmpty {
        let written = unsafe bytes.withUnsafeBufferPointer {
            unsafe write(descriptor, $0.baseAddress, $0.count)
        }
        if written > 0 {
            bytes = bytes.extracting(droppingFirst: written)
        } else if errno != EINTR {
            return
        }
    }
}

private let EX_SOFTWARE: Int32 = 70

// MARK: Sockets, all on 127.0.0.1

private func loopback(_ port: UInt16) -> sockaddr_in {
    sockaddr_in(
        sin_family: sa_family_t(AF_INET),
        sin_port: port.bigEndian,
        sin_addr: in_addr(s_addr: UInt32(0x7F00_0001).bigEndian),
        sin_zero: (0, 0, 0, 0, 0, 0, 0, 0)
    )
}

private func setOption(_ socket: Int32, _ level: Int32, _ option: Int32) {
    var on: Int32 = 1
    unsafe setsockopt(socket, level, option, &on, socklen_t(MemoryLayout<Int32>.size))
}

private func withAddress(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = loopback(port)
    return unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

/// A non-blocking listener; ends the process when the port is taken.
func listenOn(port: UInt16) -> Int32 {
    let listener = socket(AF_INET, streamSocket | nonBlocking, 0)
    setOption(listener, SOL_SOCKET, SO_REUSEADDR)
    guard unsafe withAddress(port, { unsafe bind(listener, $0, $1) }) == 0, listen(listener, 4096) == 0 else {
        fail("cannot listen on port \(port), errno \(errno)")
    }
    return listener
}

/// The next waiting connection, non-blocking and without Nagle's delay, or nil when none waits.
func acceptOne(_ listener: Int32) -> Int32? {
    let accepted = accept(listener, nil, nil)
    guard accepted >= 0 else { return nil }
    _ = fcntl(accepted, F_SETFL, O_NONBLOCK)
    setOption(accepted, Int32(IPPROTO_TCP), TCP_NODELAY)
    return accepted
}

/// Starts a connection; non-blocking ones may still be on their way when this returns.
func connectTo(port: UInt16, blocking: Bool = false) -> Int32 {
    let client = socket(AF_INET, blocking ? streamSocket : streamSocket | nonBlocking, 0)
    guard client >= 0 else { fail("no socket, errno \(errno): raise the limit of open files") }
    setOption(client, Int32(IPPROTO_TCP), TCP_NODELAY)
    let result = unsafe withAddress(port) { unsafe connect(client, $0, $1) }
    guard result == 0 || errno == EINPROGRESS else { fail("cannot connect to port \(port), errno \(errno)") }
    return client
}

func closeDescriptor(_ descriptor: Int32) {
    _ = close(descriptor)
}

/// Sends what the socket takes; 0 when it takes nothing now, nil when the connection is gone.
func sendSome(_ socket: Int32, _ bytes: Span<UInt8>) -> Int? {
    let sent = unsafe bytes.withUnsafeBufferPointer {
        unsafe send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    if sent >= 0 { return sent }
    return errno == EAGAIN || errno == EINTR || errno == ENOTCONN ? 0 : nil
}

private let streamSocket = Int32(SOCK_STREAM.rawValue)
private let nonBlocking = Int32(SOCK_NONBLOCK.rawValue)

/// One large buffer that every connection of the process reads into.
struct ReceiveBuffer: ~Copyable {
    private var storage = [UInt8](repeating: 0, count: 256 * 1024)

    enum Result {
        case received(Int)
        case nothingYet
        case closed
    }

    /// One read; the bytes are then the first of `bytes(_:)`.
    mutating func receive(_ socket: Int32) -> Result {
        let count = unsafe storage.withUnsafeMutableBytes { unsafe recv(socket, $0.baseAddress, $0.count, 0) }
        if count > 0 { return .received(count) }
        if count < 0, errno == EAGAIN || errno == EINTR { return .nothingYet }
        return .closed
    }

    /// Hands over the first `count` bytes of the last read.
    func withBytes(_ count: Int, _ body: (Span<UInt8>) -> Void) {
        body(storage.span.extracting(first: count))
    }
}

// MARK: Searching

/// The index of the first `byte` at or after `start`: memchr, since at full speed every byte passes here.
func firstIndex(of byte: UInt8, in bytes: Span<UInt8>, from start: Int) -> Int? {
    guard start < bytes.count else { return nil }
    return unsafe bytes.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress,
            let found = unsafe memchr(base + start, Int32(byte), buffer.count - start)
        else { return nil }
        return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }
}

/// The index just after the first occurrence of `pattern`, which is sought by its last byte.
func index(after pattern: StaticString, in bytes: Span<UInt8>) -> Int? {
    pattern.withUTF8Buffer { buffer in
        let pattern = unsafe buffer.span
        var position = pattern.count - 1
        while let last = firstIndex(of: pattern[pattern.count - 1], in: bytes, from: position) {
            let start = last - pattern.count + 1
            if pattern.indices.allSatisfy({ bytes[start + $0] == pattern[$0] }) { return last + 1 }
            position = last + 1
        }
        return nil
    }
}
