// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat

/// The client's side of an exchange, in its own dialect. After one of the `respond`s, `refuse`, `fail` or `finish`
/// nothing more is called.
package protocol ClientSink: AnyObject {
    /// Whether so much waits for the client that upstream should pause.
    var isSaturated: Bool { get }
    /// Sends the head of a stream; unless `isAnswering`, it is not certain yet that `attribution` names who will answer.
    func begin(_ attribution: Attribution, isAnswering: Bool)
    /// The events to come are of whom `attribution` names: of a stream in the provider's dialect, or of a whole answer that is
    /// told as one.
    func choose(_ attribution: Attribution, isStream: Bool)
    /// Writes one event, after `choose`; sent with the next `flush`.
    func write(_ event: DecodedEvent, named name: Span<UInt8>, _ data: Span<UInt8>)
    /// Writes what keeps a silent stream alive, and sends it.
    func heartbeat()
    /// Sends what was written.
    func flush()
    /// Sends the whole answer, which came as `body` in the dialect that `attribution` names.
    func respond(whole body: Span<UInt8>, _ event: borrowing DecodedEvent, _ attribution: Attribution)
    /// Sends the whole answer, which was put together.
    func respond(_ answer: ChatAccumulator, _ attribution: Attribution)
    /// Answers with an error status.
    func refuse(_ failure: ChatFailure, retryAfter: String?, _ attribution: Attribution?)
    /// Ends a stream with an error event.
    func fail(_ failure: ChatFailure)
    /// Ends a stream with its terminal event.
    func finish()
}

/// Who answered a request, for the response's header fields.
package struct Attribution: Equatable, Sendable {
    /// The provider's name.
    package var provider: String
    /// The model, as the provider calls it.
    package var model: String
    /// How many times a provider was asked, from 1.
    package var attempts: Int
    /// The stream's own identifier.
    package var streamID: String
    /// The dialect that the provider was asked in.
    package var dialect: Dialect
    /// Whose signatures its models make.
    package var maker: String
    /// The members of the request that the provider was not told, because its dialect cannot say them.
    package var dropped: [String] = []

    package init(
        provider: String, model: String, attempts: Int, streamID: String, dialect: Dialect, maker: String
    ) {
        self.provider = provider
        self.model = model
        self.attempts = attempts
        self.streamID = streamID
        self.dialect = dialect
        self.maker = maker
    }
}
