// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibevent

// Every callback that libevent makes into the reactor: each finds its object and forwards.

private func owner<Object: AnyObject>(_ context: UnsafeMutableRawPointer?, _: Object.Type) -> Object? {
    guard let context = unsafe context else { return nil }
    return unsafe Unmanaged<Object>.fromOpaque(context).takeUnretainedValue()
}

func runDeferredWork(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    unsafe owner(context, EventLoop.self)?.performDeferred()
}

func fireTimers(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    unsafe owner(context, EventLoop.self)?.performTimers()
}

func socketReady(_: Int32, _ events: Int16, _ context: UnsafeMutableRawPointer?) {
    unsafe owner(context, SocketWatcher.self)?.ready(events)
}

func signalArrived(_ number: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    unsafe owner(context, SignalWatcher.self)?.arrived()
}
