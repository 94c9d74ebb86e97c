// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A file descriptor that is written to without ever waiting for its reader.
///
/// Setting `O_NONBLOCK` on standard error would change it for every process that shares it (the shell, a
/// supervisor), so a pipe, FIFO or terminal is opened a second time through `/proc/self/fd` with the flag set
/// on the new description only. Where that is refused (a pipe made by another user), `poll` is asked
/// before each write of at most `PIPE_BUF` bytes: a pipe is reported writable only when it has room for that.
struct LogOutput: ~Copyable {
    private enum Way {
        case closed, plain, socket, polled
    }

    private let descriptor: Int32
    private let way: Way
    private let isOwned: Bool

    init(descriptor: Int32) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            self.descriptor = -1
            way = .closed
            isOwned = false
            return
        }
        switch status.st_mode & S_IFMT {
        case S_IFSOCK:
            self.descriptor = descriptor
            way = .socket
            isOwned = false
        case S_IFIFO, S_IFCHR:
            let flags = O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
            let second = unsafe open("/proc/self/fd/\(descriptor)", flags)
            isOwned = second >= 0
            self.descriptor = second >= 0 ? second : descriptor
            way = second >= 0 ? .plain : .polled
        default:
            self.descriptor = descriptor
            way = .plain
            isOwned = false
        }
    }

    /// For tests: the way taken when a descriptor cannot be opened a second time.
    init(polled descriptor: Int32) {
        self.descriptor = descriptor
        way = .polled
        isOwned = false
    }

    deinit {
        if isOwned { close(descriptor) }
    }

    /// Writes what can be written now.
    /// - Returns: how many of the bytes were taken; fewer, or none, when the reader is behind or gone.
    func write(_ bytes: Span<UInt8>) -> Int {
        var written = 0
        while written < bytes.count {
            let count = writeOnce(bytes.extracting(written..<bytes.count))
            guard count > 0 else { break }
            written += count
        }
        return written
    }

    private func writeOnce(_ bytes: Span<UInt8>) -> Int {
        while true {
            let count = unsafe bytes.withUnsafeBytes { raw in
                switch way {
                case .closed: -1
                case .plain: unsafe Glibc.write(descriptor, raw.baseAddress, raw.count)
                case .socket:
                    unsafe send(
                        descriptor, raw.baseAddress, raw.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
                case .polled:
                    isWritable() ? unsafe Glibc.write(descriptor, raw.baseAddress, min(raw.count, 4096)) : 0
                }
            }
            if count < 0, way != .closed, errno == EINTR { continue }
            return count
        }
    }

    private func isWritable() -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&wanted, 1, 0) == 1 && wanted.revents & Int16(POLLOUT) != 0
    }
}
