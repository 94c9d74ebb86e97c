// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Writes one line per record to a file descriptor, from any thread, and never waits for its reader.
///
/// A line that cannot be written at once is dropped and counted; when writing works again, a line says how
/// many were. The process must ignore `SIGPIPE`. A value that holds control bytes, line ends or terminal
/// commands is escaped, so that no value can forge a line; a value is cut at 1 KiB and a line at 8 KiB.
package final class Log: Sendable {
    /// What is written under the lock.
    private struct State: ~Copyable {
        let output: LogOutput
        /// The end of a line whose beginning the descriptor has taken.
        var rest: [UInt8] = []
        /// Lines dropped and not yet reported.
        var unreported = 0
    }

    private let line: LogLine
    private let threshold: Atomic<Int>
    private let lost = Atomic<Int>(0)
    private let state: Mutex<State>

    /// A log on a descriptor, which stays the caller's and must stay open as long as the log is used.
    package init(descriptor: Int32 = 2, level: LogLevel = .info, format: LogFormat = .text) {
        line = LogLine(format: format)
        threshold = Atomic(level.rawValue)
        state = Mutex(State(output: LogOutput(descriptor: descriptor)))
    }

    init(output: consuming LogOutput, level: LogLevel, format: LogFormat) {
        line = LogLine(format: format)
        threshold = Atomic(level.rawValue)
        state = Mutex(State(output: output))
    }

    /// The lowest level written; may be changed at any time.
    package var level: LogLevel {
        get { LogLevel(rawValue: threshold.load(ordering: .relaxed)) ?? .info }
        set { threshold.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// How a line is written.
    package var format: LogFormat { line.format }

    /// Lines dropped since the start because nobody read them.
    package var dropped: Int { lost.load(ordering: .relaxed) }

    /// Whether lines of this level are written.
    package func isEnabled(_ level: LogLevel) -> Bool {
        level.rawValue >= threshold.load(ordering: .relaxed)
    }

    /// Writes what helps to find a fault; costs one load when the level is off.
    package func debug(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        if isEnabled(.debug) { write(.debug, message(), fields()) }
    }

    /// Writes what an operator reads in normal running.
    package func info(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        if isEnabled(.info) { write(.info, message(), fields()) }
    }

    /// Writes what is not as it should be and was survived.
    package func warning(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        if isEnabled(.warning) { write(.warning, message(), fields()) }
    }

    /// Writes what failed and needs somebody's attention.
    package func error(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        if isEnabled(.error) { write(.error, message(), fields()) }
    }

    /// Formatting is done before the lock is taken, so that threads meet only over the write itself.
    private func write(_ level: LogLevel, _ message: String, _ fields: LogFields) {
        let time = LogTime.now
        let bytes = line.bytes(time: time, level: level, message: message, fields: fields)
        state.withLock { state in
            guard catchUp(&state, at: time), put(bytes, &state) else {
                state.unreported += 1
                lost.add(1, ordering: .relaxed)
                return
            }
        }
    }

    /// Writes what earlier calls left over, and says how much they lost.
    /// - Returns: whether a new line can follow.
    private func catchUp(_ state: inout State, at time: LogTime) -> Bool {
        if !state.rest.isEmpty {
            state.rest.removeFirst(state.output.write(state.rest.span))
            guard state.rest.isEmpty else { return false }
        }
        guard state.unreported > 0 else { return true }
        let fields: LogFields = ["lines": .integer(state.unreported)]
        let report = line.bytes(
            time: time, level: .warning, message: "log lines were dropped", fields: fields)
        guard put(report, &state) else { return false }
        state.unreported = 0
        return state.rest.isEmpty
    }

    /// Writes a line, keeping the end that was not taken: a line once begun is always finished.
    /// - Returns: whether the line was begun.
    private func put(_ bytes: [UInt8], _ state: inout State) -> Bool {
        let written = state.output.write(bytes.span)
        guard written > 0 else { return false }
        if written < bytes.count { state.rest = Array(bytes[written...]) }
        return true
    }
}
