// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What the server said went wrong: its five-letter code and its sentence.
///
/// Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html.
struct PostgresFailure: Equatable {
    let code: String
    let message: String

    /// Its rows are more than are taken in; the code is that of a limit of a program.
    static let tooLarge = PostgresFailure(code: "54000", message: "the statement gives more than 64 MiB")

    /// Whether the same transaction may well succeed when it is done again: it met another one.
    var isWorthRepeating: Bool { code == "40001" || code == "40P01" }

    /// What it means to who asked.
    var error: StorageError {
        // The sentences of this class quote the value that was wrong.
        guard self != .tooLarge else { return .tooLarge }
        let text = code.hasPrefix("22") ? "Postgres: a value was refused (\(code))" : "Postgres: \(message) (\(code))"
        return switch code {
        case "25006", "42501": .readOnly(text)
        case "53100": .full(text)
        // A wrong number of parameters, which is said in the words of a broken protocol.
        case "08P01": .statement(text)
        case "57014": .unavailable("the statement took too long and was stopped")
        case "40001", "40P01", "55P03": .unavailable(text)
        case "XX001", "XX002": .corrupt(text)
        default:
            switch code.prefix(2) {
            case "22": .value(text)
            case "23": .conflict(text)
            case "08", "25", "28", "3D", "40", "53", "55", "57", "58", "XX", "": .unavailable(text)
            default: .statement(text)
            }
        }
    }
}
