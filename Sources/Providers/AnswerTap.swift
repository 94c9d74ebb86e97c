// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import HTTPClient

/// How what was read of a provider's answer came to its end.
package enum AnswerEnd: Equatable, Sendable {
    /// By the orderly end of the body, or by the event that ends an answer: what comes after that is not read.
    case complete
    /// The gateway let go of it first, as its client left or the process ended.
    case cancelled
    /// The gateway had read as much of an error's body as it reads.
    case limited
    /// Upstream broke off, fell silent or said what was not understood; with the code of the error that a client is told.
    case failed(String)
}

/// Who is shown a provider's answer as it comes, before anything is made of it. Calls come in the order head, chunks, finish.
package protocol AnswerTap: AnyObject {
    /// The answer's head.
    func receive(_ head: TransferHead)
    /// A chunk that is being taken; the bytes are valid only during the call. One that has to wait is shown when it is taken.
    func receive(_ chunk: Span<UInt8>)
    /// The last call; further ones mean nothing.
    func finish(_ end: AnswerEnd)
}
