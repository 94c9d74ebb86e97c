// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CProcess
internal import Glibc

/// Why a program gave no output.
package enum ChildProcessError: Error, Equatable, Sendable {
    /// There is no such program, or the system cannot start it.
    case cannotStart
    /// It took too long and was killed.
    case timedOut
    /// It wrote more than is taken and was killed.
    case tooMuchOutput
    /// Nobody wanted its output any more, and it was killed.
    case cancelled
    /// It ended with a status other than 0, or by a signal (128 and its number); with the first of what it said to stderr.
    case failed(status: Int32, message: String)
}

/// A program that turns bytes into bytes: run to its end by a thread that may wait, never by an event loop.
///
/// No shell, no file: input and output are pipes. The child has no descriptor but these, no signal blocked or ignored, and an
/// environment of its own. Its limits are set before it gets the first byte, so that there is nothing it could use up before.
package struct ChildProcess: Sendable {
    /// The program, found by `PATH`, and its arguments.
    package var command: [String]
    /// Bytes of address space it may have.
    package var maxMemory = 1 << 30
    /// Seconds it may take, and as many of processor time.
    package var maxSeconds = 60
    /// Bytes of output that are taken.
    package var maxOutput = 64 << 20
    /// Bytes of complaint that are kept.
    private static let maxMessage = 1000

    package init(_ command: [String]) { self.command = command }

    /// Runs it with `input`; `isCancelled` is asked every 50 ms. The process must ignore `SIGPIPE`, as
    /// `SignalWatcher.ignoreStraySignals` has it: a child may close its input early.
    package func run(_ input: [UInt8], isCancelled: () -> Bool) throws(ChildProcessError) -> [UInt8] {
        var pipes = [Pipe(), Pipe(), Pipe()]
        defer { for index in pipes.indices { pipes[index].closeAll() } }
        guard pipes.allSatisfy(\.isOpen) else { throw .cannotStart }
        for (index, end) in [1, 0, 0].enumerated() { pipes[index].doNotWait(at: end) }
        guard let pid = spawn(pipes) else { throw .cannotStart }
        for (index, end) in [0, 1, 1].enumerated() { pipes[index].close(end) }
        setLimits(of: pid)
        let result = talk(to: pid, input, &pipes, isCancelled)
        // It is dead or about to end: whoever has neither input nor readers left does not live on.
        if result.end != nil { kill(pid, SIGKILL) }
        for index in pipes.indices { pipes[index].closeAll() }
        let status = ChildProcess.reap(pid, until: monotonicNow() &+ 5_000_000_000)
        if let end = result.end { throw end }
        guard status == 0 else {
            throw .failed(status: status, message: String(decoding: result.message, as: UTF8.self))
        }
        return result.output
    }

    private func spawn(_ pipes: [Pipe]) -> pid_t? {
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        guard unsafe posix_spawn_file_actions_init(&actions) == 0 else { return nil }
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        guard unsafe posix_spawnattr_init(&attributes) == 0 else { return nil }
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        unsafe posix_spawn_file_actions_adddup2(&actions, pipes[0].ends[0], 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, pipes[1].ends[1], 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, pipes[2].ends[1], 2)
        unsafe sluice_spawn_close_from(&actions, 3)
        var none = sigset_t()
        var all = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        var arguments = unsafe ChildProcess.copies(of: command)
        var environment = unsafe ChildProcess.copies(of: ["PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8"])
        defer { unsafe (arguments + environment).forEach { unsafe free($0) } }
        var pid = pid_t()
        let status = unsafe posix_spawnp(&pid, command[0], &actions, &attributes, &arguments, &environment)
        return status == 0 ? pid : nil
    }

    /// Texts as C wants them, ended by a null, to be freed.
    private static func copies(of texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        var copies: [UnsafeMutablePointer<CChar>?] = unsafe []
        for text in texts { unsafe copies.append(strdup(text)) }
        unsafe copies.append(nil)
        return unsafe copies
    }

    private func setLimits(of pid: pid_t) {
        let limits = [(RLIMIT_AS, maxMemory), (RLIMIT_CPU, maxSeconds), (RLIMIT_CORE, 0), (RLIMIT_FSIZE, 0)]
        for (resource, most) in limits {
            var limit = rlimit(rlim_cur: rlim_t(most), rlim_max: rlim_t(most))
            _ = unsafe sluice_prlimit(pid, Int32(bitPattern: resource.rawValue), &limit, nil)
        }
    }

    private struct Talk {
        var output: [UInt8] = []
        var message: [UInt8] = []
        var end: ChildProcessError?
    }

    /// Writes the input and reads what it says, until it says no more.
    private func talk(to pid: pid_t, _ input: [UInt8], _ pipes: inout [Pipe], _ isCancelled: () -> Bool) -> Talk {
        var result = Talk()
        var written = 0
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let deadline = monotonicNow() &+ UInt64(maxSeconds) &* 1_000_000_000
        if input.isEmpty { pipes[0].close(1) }
        while pipes[1].ends[0] >= 0 || pipes[2].ends[0] >= 0 {
            if isCancelled() { result.end = .cancelled }
            if monotonicNow() >= deadline { result.end = .timedOut }
            guard result.end == nil else { return result }
            var wanted = [
                pollfd(fd: pipes[0].ends[1], events: Int16(POLLOUT), revents: 0),
                pollfd(fd: pipes[1].ends[0], events: Int16(POLLIN), revents: 0),
                pollfd(fd: pipes[2].ends[0], events: Int16(POLLIN), revents: 0),
            ]
            _ = unsafe poll(&wanted, 3, 50)
            if wanted[0].revents != 0 {
                let count = unsafe input[written...].withUnsafeBytes { unsafe write(pipes[0].ends[1], $0.baseAddress, $0.count) }
                if count > 0 { written += count }
                // It may not want it all, and then says why.
                if written == input.count || (count < 0 && errno != EAGAIN && errno != EINTR) { pipes[0].close(1) }
            }
            for index in [1, 2] where wanted[index].revents != 0 {
                let count = unsafe read(pipes[index].ends[0], &buffer, buffer.count)
                guard count > 0 else {
                    if count == 0 || (errno != EAGAIN && errno != EINTR) { pipes[index].close(0) }
                    continue
                }
                if index == 2 {
                    result.message += buffer[..<min(count, max(0, ChildProcess.maxMessage - result.message.count))]
                } else if result.output.count + count > maxOutput {
                    result.end = .tooMuchOutput
                } else {
                    result.output += buffer[..<count]
                }
            }
        }
        return result
    }

    /// Takes the child's status; one that lives on beyond the deadline is killed.
    private static func reap(_ pid: pid_t, until deadline: UInt64) -> Int32 {
        var status: Int32 = 0
        while true {
            let found = unsafe waitpid(pid, &status, WNOHANG)
            if found == pid { break }
            if found < 0, errno != EINTR { return -1 }
            if monotonicNow() >= deadline { kill(pid, SIGKILL) }
            usleep(2000)
        }
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }

    /// The two ends of a pipe: where is read, where is written; -1 when closed. The gateway's own ends do not wait.
    private struct Pipe {
        var ends: [Int32] = [-1, -1]

        init() {
            if unsafe pipe(&ends) != 0 { ends = [-1, -1] }
            // Another thread's child may be started in between: it closes all that is not its own.
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        }

        /// Whether it was made, with descriptors that the child's own three do not overwrite.
        var isOpen: Bool { ends.allSatisfy { $0 > 2 } }

        func doNotWait(at end: Int) { _ = fcntl(ends[end], F_SETFL, O_NONBLOCK) }

        mutating func close(_ end: Int) {
            if ends[end] >= 0 { _ = Glibc.close(ends[end]) }
            ends[end] = -1
        }

        mutating func closeAll() {
            close(0)
            close(1)
        }
    }
}
