// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import HTTPSemantics

/// The client's side of a request that is handed on. After `refuse`, `finish` or `abort` nothing more is called.
package protocol ProxySink: AnyObject {
    /// Whether so much waits for the client that upstream should pause.
    var isSaturated: Bool { get }
    /// The method and the end of the body are the client's; the head is upstream's, without what was meant for the gateway only.
    func begin(_ head: ResponseHead, _ framing: BodyFraming)
    /// Writes a piece of the body; sent with the next `flush`.
    func write(_ chunk: Span<UInt8>)
    /// Sends what was written.
    func flush()
    /// Ends the answer.
    func finish()
    /// Answers with an error of the gateway's own.
    func refuse(_ failure: ChatFailure)
    /// Ends the answer in its middle, so that the client sees that it did.
    func abort()
    /// Takes no more of the client's body, until `resumeUpload`.
    func pauseUpload()
    /// Undoes `pauseUpload`.
    func resumeUpload()
}
