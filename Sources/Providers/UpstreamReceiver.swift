// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import HTTPClient

/// Who gets what a provider answers, in meaning. One of `finish`, `fail` and the two that take a whole answer is the last call.
package protocol UpstreamReceiver: AnyObject {
    /// The head of the answer, ahead of everything else.
    func receive(_ head: TransferHead)
    /// One event of a stream, in the provider's dialect: its bytes, and what they mean.
    func receive(_ event: borrowing DecodedEvent, named name: Span<UInt8>, _ data: Span<UInt8>)
    /// The whole answer in the provider's dialect, read as one event; also when a stream was asked for.
    func receive(whole body: Span<UInt8>, _ event: borrowing DecodedEvent)
    /// The whole answer, put together from a stream that the client does not want as one.
    func receive(answer: ChatAccumulator)
    /// Upstream gave a sign of life that means nothing else.
    func receivedComment()
    /// An event was not understood, and skipped.
    func receivedMalformedEvent()
    /// Whether the next chunk should wait until `resume`.
    var isSaturated: Bool { get }
    /// All that one read brought has been delivered.
    func flush()
    /// The stream came to its orderly end.
    func finish()
    /// The answer will not come, or not whole.
    func fail(_ failure: UpstreamFailure)
}

extension UpstreamReceiver {
    /// Most take no interest in it.
    package func receive(_ head: TransferHead) {}
}
