// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Reads the bytes of a settings file.
enum SettingsFile {
    /// The content, or a problem when it cannot be read or is larger than 1 MiB.
    static func read(_ path: String, _ report: inout Report) -> [UInt8]? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return fail(&report) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe piece.withUnsafeMutableBytes {
                unsafe Glibc.read(file, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return fail(&report) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: piece[..<count])
            guard bytes.count <= YAMLReader.sizeLimit else {
                report.addForFile("the file is larger than 1 MiB")
                return nil
            }
        }
    }

    private static func fail(_ report: inout Report) -> [UInt8]? {
        let reason = unsafe String(cString: strerror(errno))
        report.addForFile("the file cannot be read: \(reason)")
        return nil
    }
}
