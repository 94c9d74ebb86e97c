// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CCrypto
internal import Glibc
internal import Synchronization

/// Finds the addresses of a host on a thread of its own, as getaddrinfo(3) blocks; whoever waits looks now and then.
final class NameLookup: Sendable {
    /// What was found: addresses in numbers, the best one first, at most `limit` of them and at least one.
    enum Answer: Sendable, Equatable {
        case pending, failed
        case found([String])
    }

    /// How many addresses are told.
    private static let limit = 16

    private let host: String
    private let state = Mutex(Answer.pending)

    /// What is known by now.
    var answer: Answer { state.withLock { $0 } }

    /// Begins to look.
    init(_ host: String) {
        self.host = host
        var attributes = pthread_attr_t()
        _ = unsafe pthread_attr_init(&attributes)
        defer { _ = unsafe pthread_attr_destroy(&attributes) }
        _ = unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let context = unsafe Unmanaged.passRetained(self)
        var thread = pthread_t()
        let failed = unsafe pthread_create(&thread, &attributes, lookUpName, context.toOpaque())
        guard failed != 0 else { return }
        unsafe context.release()
        state.withLock { $0 = .failed }
    }

    fileprivate func run() {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, nil, &hints, &list) == 0, let first = unsafe list else {
            return state.withLock { $0 = .failed }
        }
        defer { unsafe freeaddrinfo(first) }
        var texts: [String] = []
        var next: UnsafeMutablePointer<addrinfo>? = unsafe first
        while let entry = unsafe next, texts.count < NameLookup.limit {
            unsafe next = entry.pointee.ai_next
            var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let failed = unsafe getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST)
            guard failed == 0 else { continue }
            let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if !texts.contains(text) { texts.append(text) }
        }
        state.withLock { [texts] in $0 = texts.isEmpty ? .failed : .found(texts) }
    }
}

private func lookUpName(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    unsafe Unmanaged<NameLookup>.fromOpaque(context).takeRetainedValue().run()
    return nil
}
