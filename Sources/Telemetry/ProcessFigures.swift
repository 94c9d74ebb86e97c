// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What the kernel knows of this process, under the names that Prometheus' own clients use.
enum ProcessFigures {
    static func declare(in metrics: Metrics) {
        let start = startTime
        metrics.gauge("process_resident_memory_bytes", help: "Resident memory.") { residentMemory }
        metrics.gauge("process_open_fds", help: "Open file descriptors.") { openDescriptors }
        metrics.counter("process_cpu_seconds_total", help: "User and system CPU time.") { cpuSeconds }
        metrics.gauge("process_start_time_seconds", help: "Start time since the Unix epoch.") { start }
    }

    static var residentMemory: Double? {
        let pages = text(of: "/proc/self/statm").split(separator: " ").dropFirst().first.flatMap {
            Double($0)
        }
        return pages.map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) }
    }

    static var openDescriptors: Double? {
        // Since Linux 6.2 the directory's size is the number of descriptors. Before, they have to be listed.
        var status = stat()
        if unsafe stat("/proc/self/fd", &status) == 0, status.st_size > 0 { return Double(status.st_size) }
        guard let directory = unsafe opendir("/proc/self/fd") else { return nil }
        defer { _ = unsafe closedir(directory) }
        var entries = 0
        while unsafe readdir(directory) != nil { entries += 1 }
        // Not `.`, `..` and the listing's own descriptor.
        return Double(max(0, entries - 3))
    }

    static var cpuSeconds: Double? {
        var usage = rusage()
        guard unsafe getrusage(Int32(RUSAGE_SELF.rawValue), &usage) == 0 else { return nil }
        let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return Double(seconds) + Double(microseconds) * 1e-6
    }

    /// The boot time and the clock ticks from then; the command's name, in parentheses, may hold anything.
    static var startTime: Double? {
        let stat = text(of: "/proc/self/stat")
        guard let name = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: name)...].split(separator: " ")
        guard fields.count > 19, let ticks = Double(fields[19]) else { return nil }
        let boot = text(of: "/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }
        guard let booted = boot.flatMap({ Double($0.dropFirst(6)) }) else { return nil }
        return booted + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    private static func text(of path: String) -> String {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < 1 << 20 {
            let count = unsafe piece.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            bytes.append(contentsOf: piece[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
