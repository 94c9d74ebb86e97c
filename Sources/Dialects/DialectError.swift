// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Why a request cannot be read in the client's dialect.
package struct DialectError: Error, Equatable, Sendable {
    /// The HTTP status the client deserves, 400 to 422.
    package var status: Int
    /// What is wrong, in one sentence for the client; never quotes the request's content.
    package var message: String
    /// The path of the member at fault, such as `messages[2].role`.
    package var parameter: String?
    /// A word for programs, such as `invalid_value`.
    package var code: String?

    package init(
        status: Int = 400, _ message: String, parameter: String? = nil, code: String? = nil
    ) {
        self.status = status
        self.message = message
        self.parameter = parameter
        self.code = code
    }
}
