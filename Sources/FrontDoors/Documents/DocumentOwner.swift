// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
internal import Services
internal import Storage

extension ChatOwner {
    /// Whom what a caller stores belongs to: the organisation and user of its key, or the key itself when it has neither.
    ///
    /// Where no key is asked for, clients say themselves who they are, in `x-org-id` and `x-user-id`, and an EventSource, which
    /// cannot send fields, in the query (`orgId`, `userId`). Throws a 400 when that is not 1 to 128 printable characters.
    init(_ caller: Caller, _ head: RequestHead, asksForKeys: Bool, allowsQuery: Bool) throws(ChatFailure) {
        guard !asksForKeys else {
            let isNobodys = caller.organization == nil && caller.user == nil
            self.init(
                organization: caller.organization ?? "",
                user: isNobodys ? "key:\(caller.keyID ?? caller.name)" : caller.user ?? "")
            return
        }
        func said(_ field: String, _ parameter: String, _ otherwise: String) throws(ChatFailure) -> String {
            let text = head.fields[field] ?? (allowsQuery ? head.queryParameter(parameter) : nil) ?? ""
            guard !text.isEmpty else { return otherwise }
            guard text.utf8.count <= 128, text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
                throw ChatFailure(
                    status: 400, message: "'\(field)' must be at most 128 printable ASCII characters.",
                    type: "invalid_request_error", code: "invalid_value", parameter: field)
            }
            return text
        }
        self.init(
            organization: try said("x-org-id", "orgId", "default"), user: try said("x-user-id", "userId", "anonymous"))
    }
}
