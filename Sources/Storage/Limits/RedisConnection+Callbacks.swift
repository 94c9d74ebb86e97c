// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CHiredis
internal import Reactor

// Every callback that hiredis makes: each finds its object and forwards.

/// Lets a connection hear of all that happens to a context.
func attach(_ context: UnsafeMutablePointer<redisAsyncContext>, _ connection: RedisConnection) {
    let pointer = unsafe Unmanaged.passUnretained(connection).toOpaque()
    unsafe context.pointee.data = pointer
    unsafe context.pointee.ev.data = pointer
    unsafe context.pointee.ev.addRead = { unsafe owner(of: $0)?.watch(.read, true) }
    unsafe context.pointee.ev.delRead = { unsafe owner(of: $0)?.watch(.read, false) }
    unsafe context.pointee.ev.addWrite = { unsafe owner(of: $0)?.watch(.write, true) }
    unsafe context.pointee.ev.delWrite = { unsafe owner(of: $0)?.watch(.write, false) }
    unsafe context.pointee.ev.cleanup = { unsafe owner(of: $0)?.stopWatching() }
    _ = unsafe redisAsyncSetConnectCallback(context) { context, status in
        unsafe owner(of: context?.pointee.data)?.connected(status == REDIS_OK)
    }
    _ = unsafe redisAsyncSetDisconnectCallback(context) { context, _ in
        unsafe owner(of: context?.pointee.data)?.disconnected()
    }
}

private func owner(of context: UnsafeMutableRawPointer?) -> RedisConnection? {
    guard let context = unsafe context else { return nil }
    return unsafe Unmanaged<RedisConnection>.fromOpaque(context).takeUnretainedValue()
}

/// An answer, or none when the connection ends; what was retained for it is let go of.
func redisReplied(
    _: UnsafeMutablePointer<redisAsyncContext>?, _ reply: UnsafeMutableRawPointer?, _ pending: UnsafeMutableRawPointer?
) {
    guard let pending = unsafe pending else { return }
    let found = unsafe Unmanaged<RedisConnection.Pending>.fromOpaque(pending).takeRetainedValue()
    let answer = unsafe reply.map { unsafe RedisReply($0.assumingMemoryBound(to: redisReply.self)) }
    if let connection = found.connection { connection.answered(found, answer) } else { found.finish(.lost) }
}
