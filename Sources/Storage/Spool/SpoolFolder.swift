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
    /// Throws `full` or `unavailable`. What could be written of the bytes is cut off again.
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
                ftruncate(file, off_t(offset))
                throw failure("cannot be written to", code)
            }
        }
    }

    /// The files of answers in the folder; other files are not told of, and so never removed. Empty when it cannot be read.
    package func files() -> [File] {
        guard let folder = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(folder) }
        var files: [File] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            var status = stat()
            guard SpoolFolder.isOurs(name), unsafe fstatat(dirfd(folder), name, &status, AT_SYMLINK_NOFOLLOW) == 0,
                status.st_mode & S_IFMT == S_IFREG
            else { continue }
            let modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
            files.append(File(name: name, size: Int(status.st_size), modified: modified))
        }
        return files
    }

    /// The first line of a file, without its end; `nil` when it cannot be read or is longer than 64 KiB.
    package func firstLine(of name: String) -> [UInt8]? {
        let file = unsafe open(path + "/" + name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe pread(file, $0.baseAddress, $0.count, 0) }
        guard count > 0, let end = bytes[..<count].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        return Array(bytes[..<end])
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
