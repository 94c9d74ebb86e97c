// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A folder of files that only their owner may read, one for each answer of a provider. All calls block.
///
/// Nothing is kept open between two calls: there may be more answers under way than descriptors, and a folder that was removed or
/// moved is noticed with the next write.
package struct SpoolFolder: Sendable {
    /// A file of the folder.
    package struct File: Sendable, Equatable {
        package let name: String
        /// Its bytes.
        package let size: Int
        /// When it was last written to, in nanoseconds since 1970.
        package let modified: Int64
    }

    package let path: String
    private static let suffix = ".jsonl"

    /// The folder at a path, which need not be there.
    package init(_ path: String) { self.path = path }

    /// The name of the file of an answer: `id` is the stream's identifier, made of letters, digits and `_`; `attempt` counts from 1.
    package static func name(_ id: String, attempt: Int) -> String { "\(id)-\(attempt)\(suffix)" }

    /// Makes the folder if it is missing, for its owner only, and tries whether files can be made in it.
    ///
    /// Throws `readOnly` or `full` with a line for the operator.
    package func prepare() throws(StorageError) {
        if unsafe mkdir(path, 0o700) != 0, errno != EEXIST { throw failure("cannot be made", errno) }
        let probe = ".sluice-\(getpid())"
        unlink(probe)
        try write([], to: probe, at: 0, isNew: true)
        unlink(probe)
    }

    /// Writes bytes into a file at an offset, all or none of them; `isNew` makes the file, which must not be there.
    ///
    /// Throws `full`, `readOnly` (also when the file or the folder is gone) or `unavailable`. What could be written of the bytes is
    /// cut off again, and a new file is removed.
    package func write(_ bytes: [UInt8], to name: String, at offset: Int, isNew: Bool) throws(StorageError) {
        let flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | (isNew ? O_CREAT | O_EXCL : 0)
        let file = unsafe open(path + "/" + name, flags, 0o600)
        guard file >= 0 else { throw failure("cannot be written to", errno) }
        defer { close(file) }
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe pwrite(file, bytes.baseAddress?.advanced(by: written), bytes.count - written, off_t(offset + written))
            }
            if count > 0 {
                written += count
            } else if count == 0 || errno != EINTR {
                let code = count == 0 ? EIO : errno
                // Whole lines only, for who reads it.
                if isNew { unlink(name) } else { ftruncate(file, off_t(offset)) }
                throw failure("cannot be written to", code)
            }
        }
    }

    /// The files of answers in the folder; other files are not told of, and so never removed.
    ///
    /// Throws `readOnly` or `unavailable` when not all could be found.
    package func files() throws(StorageError) -> [File] {
        guard let folder = unsafe opendir(path) else { throw failure("cannot be read", errno) }
        defer { unsafe closedir(folder) }
        var files: [File] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(folder) else { break }
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard SpoolFolder.isOurs(name) else { continue }
            var status = stat()
            guard unsafe fstatat(dirfd(folder), name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
                // It was removed meanwhile.
                if errno == ENOENT { continue }
                throw failure("cannot be read", errno)
            }
            guard status.st_mode & S_IFMT == S_IFREG else { continue }
            let modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
            files.append(File(name: name, size: Int(status.st_size), modified: modified))
        }
        guard errno == 0 else { throw failure("cannot be read", errno) }
        return files
    }

    /// The first line of a file, without its end; `nil` when the file is gone, or holds no whole line.
    ///
    /// Throws `readOnly` or `unavailable` when it cannot be read, or has no end within 8 MiB: no head of an answer is as long.
    package func firstLine(of name: String) throws(StorageError) -> [UInt8]? {
        let file = unsafe open(path + "/" + name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("cannot be read at \(name)", errno)
        }
        defer { close(file) }
        var line: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while line.count < 8 << 20 {
            let count = unsafe piece.withUnsafeMutableBytes { unsafe pread(file, $0.baseAddress, $0.count, off_t(line.count)) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("cannot be read at \(name)", errno) }
            if count == 0 { return nil }
            if let end = piece[..<count].firstIndex(of: UInt8(ascii: "\n")) { return line + piece[..<end] }
            line += piece[..<count]
        }
        throw .unavailable("\(path)/\(name) has no end of its first line")
    }

    /// Removes a file; false when it is still there.
    @discardableResult
    package func remove(_ name: String) -> Bool { unlink(name) == 0 || errno == ENOENT }

    @discardableResult
    private func unlink(_ name: String) -> Int32 { unsafe Glibc.unlink(path + "/" + name) }

    /// Whether a name is one that `name(_:attempt:)` makes.
    private static func isOurs(_ name: String) -> Bool {
        guard name.hasPrefix("stream_"), name.hasSuffix(suffix) else { return false }
        return name.dropLast(suffix.count).utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5F || byte == 0x2D
        }
    }

    private func failure(_ what: String, _ code: Int32) -> StorageError {
        let text = "\(path) \(what): \(unsafe String(cString: strerror(code)))"
        switch code {
        case ENOSPC, EDQUOT: return .full(text)
        case EACCES, EPERM, EROFS, ENOTDIR, ENOENT: return .readOnly(text)
        default: return .unavailable(text)
        }
    }
}
