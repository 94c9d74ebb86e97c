// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibevent
internal import Synchronization

// Every callback that libevent makes into the server: each finds its object and forwards.

private func connection(_ context: UnsafeMutableRawPointer?) -> Connection? {
    guard let context = unsafe context else { return nil }
    return unsafe Unmanaged<Connection>.fromOpaque(context).takeUnretainedValue()
}

private func server(_ context: UnsafeMutableRawPointer?) -> HTTPServer? {
    guard let context = unsafe context else { return nil }
    return unsafe Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
}

func connectionWanted(_: OpaquePointer?, _ context: UnsafeMutableRawPointer?) -> OpaquePointer? {
    unsafe server(context)?.makeBufferevent()
}

func requestArrived(_ request: OpaquePointer?, _ context: UnsafeMutableRawPointer?) {
    guard let request = unsafe request else { return }
    unsafe server(context)?.requestAnnounced(request)
}

/// The servers by the address of their listener: evhttp owns the listener's context, so that its error callback
/// is not told whose it is.
let listeners = Mutex<[UInt: UInt]>([:])

func acceptError(_ listener: OpaquePointer?, _: UnsafeMutableRawPointer?) {
    let address = listeners.withLock { $0[UInt(bitPattern: listener)] } ?? 0
    unsafe server(UnsafeMutableRawPointer(bitPattern: address))?.acceptFailed()
}

func inputArrived(
    _: OpaquePointer?, _ change: UnsafePointer<evbuffer_cb_info>?, _ context: UnsafeMutableRawPointer?
) {
    guard let change = unsafe change, unsafe change.pointee.n_added > 0 else { return }
    unsafe connection(context)?.receiveInput()
}

func outputWritten(_: OpaquePointer?, _ context: UnsafeMutableRawPointer?) {
    unsafe connection(context)?.outputDrained()
}

func connectionEvent(_: OpaquePointer?, _: Int16, _ context: UnsafeMutableRawPointer?) {
    unsafe connection(context)?.peerLeft()
}

func connectionClosed(_: OpaquePointer?, _ context: UnsafeMutableRawPointer?) {
    unsafe connection(context)?.closed()
}
