// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat

extension Caller {
    /// Whether it may ask for a model by this name: the name that a client says, before any route or fallback.
    ///
    /// Bytes are compared, so that neither another case nor a blank nor another spelling of an accent gets past a scope.
    package func mayUse(_ model: String) -> Bool {
        guard let models else { return true }
        return models.contains { pattern in
            guard pattern.utf8.last == UInt8(ascii: "*") else { return pattern.utf8.elementsEqual(model.utf8) }
            let prefix = pattern.utf8.dropLast()
            return model.utf8.count > prefix.count && model.utf8.starts(with: prefix)
        }
    }
}

extension ChatFailure {
    /// The key is not for this model, whether or not there is such a model.
    package static func modelNotAllowed(_ model: String) -> ChatFailure {
        ChatFailure(
            status: 403, message: "This API key may not use the model '\(model.prefix(256))'.", type: "permission_error",
            code: "model_not_allowed")
    }
}
