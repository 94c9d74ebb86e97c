// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// The status line and the fields of an answer.
package struct ResponseHead: Sendable, Equatable {
    /// The status code, 100 to 599.
    package var status: Int
    /// The header fields in the order they are sent; the caller gives the body's framing too.
    package var fields: HTTPFields
    /// The reason phrase; `nil` for the one that is registered for the status.
    package var reason: String?

    /// An answer's head.
    package init(status: Int, fields: HTTPFields = HTTPFields(), reason: String? = nil) {
        self.status = status
        self.fields = fields
        self.reason = reason
    }

    /// Writes the head with the blank line, as HTTP/1.1.
    ///
    /// Returns false when something could not be written as given: a field whose name is no token or whose
    /// value holds a control byte (CR, LF and NUL among them) is left out, as is such a reason; a status out of range becomes 500.
    package func append(to buffer: inout ByteBuffer) -> Bool {
        let valid = (100...599).contains(status)
        let code = valid ? status : 500
        let given = reason.flatMap { $0.utf8.allSatisfy(ByteClass.isValue) ? $0 : nil }
        buffer.append("HTTP/1.1 \(code) \(given ?? HTTPStatus.phrase(for: code))\r\n")
        let complete = fields.append(to: &buffer)
        buffer.append("\r\n")
        return valid && complete && (reason == nil || given != nil)
    }
}
