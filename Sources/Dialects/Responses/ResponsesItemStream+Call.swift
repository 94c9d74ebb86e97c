// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import JSON

/// Calls of functions and of custom tools.
extension ResponsesItemStream {
    /// Begins a call; `id` and `name` are the insides of strings.
    mutating func beginCall(
        _ number: Int, id: ByteBuffer, name: ByteBuffer, form: CallForm, into buffer: inout ByteBuffer
    ) {
        close(into: &buffer)
        call = (id, name, form)
        if id.isEmpty {
            // Without an id no result could refer to the call.
            call.id.append("call_\(seed)\(itemCount)")
        }
        progress = JSONProgress()
        progressCount = 0
        openItem(.call, prefix: form.isFunction ? "fc" : "ctc", into: &buffer)
        callNumber = number
        setOpening("", nil)
    }

    /// Takes a piece of the input of the open call.
    mutating func addInput(_ slice: Range<Int>, of data: Span<UInt8>, into buffer: inout ByteBuffer) {
        guard !slice.isEmpty else { return }
        keep(slice, of: data)
        switch call.form {
        case .function, .custom: appendInput(slice, of: data, into: &buffer)
        // What is wrapped can be read only whole.
        case .wrapped, .unwrapped: break
        }
    }

    /// Whether nothing can follow the input of the open call: the object of its arguments has been closed.
    ///
    /// Plain text has no end of its own, so that it is as long as nothing else begins.
    var isCallWhole: Bool {
        mutating get {
            switch call.form {
            case .custom, .unwrapped: return true
            case .function, .wrapped: break
            }
            // What was looked at is not looked at again, however often it is asked.
            var progress = progress
            progress.take(text.bytes, min(progressCount, text.count)..<text.count)
            self.progress = progress
            progressCount = text.count
            return progress.isComplete
        }
    }

    mutating func closeCall(into buffer: inout ByteBuffer) {
        completeInput(into: &buffer)
        beginEvent(
            call.form.isFunction ? "response.function_call_arguments.done" : "response.custom_tool_call_input.done",
            into: &buffer)
        buffer.append(place.bytes)
        if call.form.isFunction {
            buffer.append(literal: ",\"name\":\"")
            buffer.append(call.name.bytes)
            buffer.append(ASCII.quote)
        }
        appendInputMember(to: &buffer)
        endEvent(into: &buffer)
    }

    /// Writes what of the input could not be written as it came.
    private mutating func completeInput(into buffer: inout ByteBuffer) {
        // What was cut before it began must not look like input that is whole.
        guard !isCut || !text.isEmpty else { return }
        let whole: String
        switch call.form {
        case .custom: return
        case .function:
            // Clients read arguments as JSON, which nothing is not.
            guard text.isEmpty else { return }
            whole = "{}"
        case .wrapped: whole = CustomTool.input(text.bytes.jsonText(0..<text.count))
        case .unwrapped: whole = CustomTool.arguments(text.bytes.jsonText(0..<text.count))
        }
        text.removeAll()
        text.appendEscaped(whole.utf8.span)
        guard !text.isEmpty else { return }
        beginEvent(
            call.form.isFunction ? "response.function_call_arguments.delta" : "response.custom_tool_call_input.delta",
            into: &buffer)
        buffer.append(opening.bytes)
        buffer.append(text.bytes)
        buffer.append(ASCII.quote)
        endEvent(into: &buffer)
    }

    /// Appends the members of a call behind its status.
    func appendCall(to buffer: inout ByteBuffer) {
        buffer.append(literal: ",\"call_id\":\"")
        buffer.append(call.id.bytes)
        buffer.append(literal: "\",\"name\":\"")
        buffer.append(call.name.bytes)
        buffer.append(ASCII.quote)
        appendInputMember(to: &buffer)
    }

    private func appendInputMember(to buffer: inout ByteBuffer) {
        buffer.append(literal: call.form.isFunction ? ",\"arguments\":\"" : ",\"input\":\"")
        buffer.append(text.bytes)
        buffer.append(ASCII.quote)
    }

    private mutating func appendInput(_ slice: Range<Int>, of data: Span<UInt8>, into buffer: inout ByteBuffer) {
        beginEvent(
            call.form.isFunction ? "response.function_call_arguments.delta" : "response.custom_tool_call_input.delta",
            into: &buffer)
        buffer.append(opening.bytes)
        buffer.append(data, slice)
        buffer.append(ASCII.quote)
        endEvent(into: &buffer)
    }
}
