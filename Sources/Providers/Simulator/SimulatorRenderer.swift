// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import Dialects
internal import JSON

/// Writes a script in a dialect, step by step or whole.
struct SimulatorRenderer {
    private let codec: any DialectCodec
    private let context: AnswerContext
    private var encoder: any StreamEncoder

    init(_ dialect: Dialect, _ context: AnswerContext) {
        codec = dialect.codec
        self.context = context
        encoder = codec.streamEncoder(context)
    }

    /// How a stream begins, of choices numbered from 0.
    mutating func opening(choices: Int, into buffer: inout ByteBuffer) {
        write(choices, into: &buffer) { choice, _ in [.start(choice: choice)] }
    }

    /// A step's event; nothing for the steps that are not events.
    mutating func step(_ step: SimulatorScript.Step, choices: Int, into buffer: inout ByteBuffer) {
        switch step {
        case .malformed: buffer.append(codec.framing == .lines ? "{\"id\": broken\n" : "data: {\"id\": broken\n\n")
        case .failure(let message):
            let failure = ChatFailure(status: 503, message: message, type: "server_error", code: "overloaded")
            encoder.fail(failure, requestID: "", into: &buffer)
        case .cut, .silence: break
        default:
            write(choices, into: &buffer) { choice, text in SimulatorRenderer.deltas(of: step, choice, &text) }
        }
    }

    /// The events after the last step: finish reason, usage, the end.
    mutating func ending(_ script: SimulatorScript, choices: Int, into buffer: inout ByteBuffer) {
        write(choices, into: &buffer) { choice, _ in [.finish(choice: choice, script.finishReason)] }
        var event = DecodedEvent()
        event.deltas = [.usage(script.usage)]
        encoder.encode(event, of: event.ownText.bytes, into: &buffer)
        encoder.finish(into: &buffer)
    }

    /// The whole answer as one body.
    mutating func whole(_ script: SimulatorScript, choices: Int, into buffer: inout ByteBuffer) {
        var answer = ChatAccumulator(limit: 32 << 20)
        for choice in 0..<choices {
            var event = DecodedEvent()
            event.hasOwnText = true
            event.deltas = [.start(choice: choice)]
            for step in script.steps {
                event.deltas += SimulatorRenderer.deltas(of: step, choice, &event.ownText)
            }
            event.deltas.append(.finish(choice: choice, script.finishReason))
            answer.append(event, of: event.ownText.bytes)
        }
        answer.append(.usage(script.usage), from: [UInt8]().span)
        codec.writeAnswer(answer, context, into: &buffer)
    }

    /// An error's body.
    func error(_ failure: ChatFailure, into buffer: inout ByteBuffer) {
        codec.writeError(failure, requestID: "", into: &buffer)
    }

    private mutating func write(
        _ choices: Int, into buffer: inout ByteBuffer, _ deltas: (Int, inout ByteBuffer) -> [ChatDelta]
    ) {
        for choice in 0..<choices {
            var event = DecodedEvent()
            event.hasOwnText = true
            event.deltas = deltas(choice, &event.ownText)
            encoder.encode(event, of: event.ownText.bytes, into: &buffer)
        }
    }

    private static func deltas(
        of step: SimulatorScript.Step, _ choice: Int, _ text: inout ByteBuffer
    ) -> [ChatDelta] {
        func slice(_ piece: String) -> Range<Int> {
            let start = text.count
            text.appendEscaped(piece.utf8.span)
            return start..<text.count
        }
        return switch step {
        case .text(let piece): [.text(choice: choice, slice(piece))]
        case .reasoning(let piece): [.reasoning(choice: choice, slice(piece))]
        case .signature(let piece): [.reasoningSignature(choice: choice, slice(piece))]
        case .toolCall(let number, let id, let name, let signature):
            (signature.map { [.callSignature(choice: choice, slice($0))] } ?? [])
                + [.toolCall(choice: choice, call: number, id: slice(id), name: slice(name))]
        case .toolArguments(let number, let piece):
            [.toolArguments(choice: choice, call: number, slice(piece))]
        case .malformed, .failure, .cut, .silence: []
        }
    }
}
