// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import HTTPSemantics
internal import HTTPServer
internal import JSON

/// Answers of the management and data doors: JSON that no cache keeps.
enum JSONReply {
    /// Sends the object or array that `write` makes.
    static func send(
        status: Int = 200, requestID: String, to response: ResponseWriter, _ write: (inout JSONWriter) -> Void
    ) {
        var body = ByteBuffer()
        body.appendJSON { json in write(&json) }
        response.respond(status: status, fields: fields(requestID), body: body.bytes)
    }

    /// The fields that every such answer carries.
    static func fields(_ requestID: String, type: String = "application/json") -> HTTPFields {
        var fields = HTTPFields()
        fields.append("Content-Type", type)
        fields.append("Cache-Control", "no-store")
        fields.append("X-Content-Type-Options", "nosniff")
        fields.append("X-Request-Id", requestID)
        return fields
    }
}
