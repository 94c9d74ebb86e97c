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

    /// The same error seen from outside the member or element at `path`.
    func inside(_ path: String) -> DialectError {
        var error = self
        if let parameter {
            error.parameter = parameter.hasPrefix("[") ? path + parameter : "\(path).\(parameter)"
        } else {
            error.parameter = path
        }
        return error
    }

    static func missing(_ name: String) -> DialectError {
        DialectError(
            "The required member '\(name)' is missing.", parameter: name, code: "missing_required_parameter")
    }

    static func wrongType(_ name: String?, expected: String) -> DialectError {
        DialectError(
            "\(name.map { "'\($0)'" } ?? "The value") must be \(expected).", parameter: name,
            code: "invalid_type")
    }

    static func wrongValue(_ name: String, expected: String) -> DialectError {
        DialectError("'\(name)' must be \(expected).", parameter: name, code: "invalid_value")
    }
}
