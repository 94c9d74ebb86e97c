// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Asks the mock upstream, past the gateway, what it saw.
struct UpstreamControl {
    let port: UInt16

    func forgetCloses() { _ = ask("DELETE") }

    /// The streams that were closed before their end, with the times at which upstream saw it.
    func closes() -> [(tag: Int, time: Int64)] {
        // {"open":0,"closes":[[1,200],[2,300]]}
        ask("GET").split(separator: "[").dropFirst().compactMap { pair in
            let numbers = pair.split(whereSeparator: { !$0.isNumber && $0 != "-" })
            guard numbers.count == 2, let tag = Int(numbers[0]), let time = Int64(numbers[1]) else {
                return nil
            }
            return (tag, time)
        }
    }

    private func ask(_ method: String) -> String {
        let descriptor = connectTo(port: port, blocking: true)
        defer { closeDescriptor(descriptor) }
        writeAll(to: descriptor, "\(method) /closes HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        var reader = ResponseReader()
        var buffer = ReceiveBuffer()
        var body: [UInt8] = []
        while !reader.isComplete, case .received(let count) = buffer.receive(descriptor) {
            buffer.withBytes(count) { bytes in
                reader.feed(bytes) { piece in for index in piece.indices { body.append(piece[index]) } }
            }
        }
        return String(decoding: body, as: UTF8.self)
    }
}
