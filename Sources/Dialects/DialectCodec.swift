// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat

/// All that one dialect knows: how its requests, answers, streams and errors are read into the hub's form and written from it.
///
/// A codec has no state; it makes a decoder or an encoder for each stream.
package protocol DialectCodec: Sendable {
    /// The dialect.
    var dialect: Dialect { get }
    /// How an upstream of the dialect separates the events of a stream.
    var framing: StreamFraming { get }

    // MARK: The client's side

    /// Reads a request's body. The JSON is strict, and what is known must be of its type.
    ///
    /// Throws an error that names the member at fault.
    func decodeRequest(_ body: Span<UInt8>, _ address: RequestAddress) throws(DialectError) -> DecodedRequest
    /// An encoder for the stream of one answer that comes in another dialect.
    func streamEncoder(_ context: AnswerContext) -> any StreamEncoder
    /// Appends a whole answer as the body of a response.
    func writeAnswer(_ answer: ChatAccumulator, _ context: AnswerContext, into buffer: inout ByteBuffer)
    /// Appends the body of an error response; `requestID` is what the client can quote, empty for none.
    func writeError(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer)
    /// Appends the events that end a stream with a failure; `sequence` counts the events before them.
    func appendFailure(_ failure: ChatFailure, requestID: String, sequence: Int, to buffer: inout ByteBuffer)
    /// The HTTP status that the dialect's vendor gives to a failure.
    func status(of failure: ChatFailure) -> Int

    // MARK: The upstream's side

    /// Appends the body of a request, and returns the paths of the members that were left out because the dialect cannot say
    /// them and a rule of docs/dialects.md says that they may be.
    ///
    /// Throws an error that names, in the words of the request's own dialect, what the dialect cannot say and no rule lets go.
    func encodeRequest(
        _ chat: ChatRequest, _ target: RequestTarget, into buffer: inout ByteBuffer
    ) throws(DialectError) -> [String]
    /// A decoder for the stream of one answer.
    func streamDecoder() -> any StreamDecoder
    /// Reads a whole answer as one event: everything that it says, its usage and its finish; a failure when it is one.
    ///
    /// Sets `modelRange` to the inside of the model's name in `body`. Throws when the body is no answer of the dialect.
    func decodeWhole(_ body: Span<UInt8>, into event: inout DecodedEvent) throws(MalformedEvent)
    /// Reads the body of an error response, whatever it is; never fails.
    func readError(_ body: Span<UInt8>, status: Int) -> ChatFailure
}

extension DialectCodec {
    /// One event with the error's body, as the dialects without events of their own for it have it.
    package func appendFailure(
        _ failure: ChatFailure, requestID: String, sequence _: Int, to buffer: inout ByteBuffer
    ) {
        buffer.append(literal: "data: ")
        writeError(failure, requestID: requestID, into: &buffer)
        buffer.append(literal: "\n\n")
    }

    /// The failure's own status; 529 is known to Anthropic alone.
    package func status(of failure: ChatFailure) -> Int { failure.status == 529 ? 503 : failure.status }
}

/// How an upstream separates the events of a stream.
package enum StreamFraming: Sendable {
    /// As an event stream (WHATWG HTML, section 9.2.6).
    case eventStream
    /// As lines of JSON.
    case lines
}

/// What the address of a request says about it, in dialects that put it there.
package struct RequestAddress: Equatable, Sendable {
    /// The model; `nil` when the body names it.
    package var model: String?
    /// Whether a stream is asked for; `nil` when the body says so.
    package var streams: Bool?
    /// Whether an answer is asked for at all, rather than a count of the request's tokens.
    package var asksAnswer = true

    package init(model: String? = nil, streams: Bool? = nil) {
        self.model = model
        self.streams = streams
    }
}

/// A request as a door read it.
package struct DecodedRequest: Sendable {
    /// What the client asks.
    package var chat: ChatRequest
    /// How its bytes are handed on to an upstream of the same dialect.
    package var outline: RequestOutline

    package init(chat: ChatRequest, outline: RequestOutline) {
        self.chat = chat
        self.outline = outline
    }
}

/// What a request is written for.
package struct RequestTarget: Sendable {
    /// The model, as the provider calls it.
    package var model: String
    /// Whether a stream is to be asked for.
    package var streams: Bool
    /// Whose signatures the provider takes: those of another maker are left out.
    package var maker: String
    /// How the provider departs from its dialect.
    package var quirks: DialectQuirks

    package init(model: String, streams: Bool, maker: String, quirks: DialectQuirks = DialectQuirks()) {
        self.model = model
        self.streams = streams
        self.maker = maker
        self.quirks = quirks
    }
}

/// What an answer is written for.
package struct AnswerContext: Sendable {
    /// The client's request, in whose terms it is answered.
    package var chat: ChatRequest
    /// Letters and digits, at least 24, that make the answer's ids its own.
    package var seed: String
    /// When the answer began, in seconds since 1970.
    package var created: Int
    /// Who signed the reasoning and the calls of the answer.
    package var maker: String
    /// The tokens of the request as the gateway estimates them, for dialects that tell them before the upstream does.
    package var estimatedInput: Int
    /// Whether a Gemini client wants its stream as an array of JSON rather than as events.
    package var wantsArray: Bool

    package init(
        chat: ChatRequest, seed: String, created: Int, maker: String, estimatedInput: Int = 0,
        wantsArray: Bool = false
    ) {
        self.chat = chat
        self.seed = seed
        self.created = created
        self.maker = maker
        self.estimatedInput = estimatedInput
        self.wantsArray = wantsArray
    }
}

extension Dialect {
    /// What knows the dialect.
    package var codec: any DialectCodec {
        switch self {
        case .openAIChat: OpenAIChatCodec()
        case .openAIResponses: ResponsesCodec()
        case .anthropic: AnthropicCodec()
        case .gemini: GeminiCodec()
        case .antigravity: AntigravityCodec()
        case .ollama: OllamaCodec()
        case .straico: StraicoCodec()
        }
    }
}
