// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
internal import Services
internal import Storage

extension Owner {
    /// Whom what a caller stores belongs to: the organisation and user of its key, or the key itself when it has neither.
    ///
    /// Where no key is asked for, clients say themselves who they are, in `x-org-id` and `x-user-id`, and an EventSource, which
    /// cannot send fields, in the query (`orgId`, `userId`). Throws a 400 when that is not 1 to 128 printable characters.
    init(_ caller: Caller, _ head: RequestHead, asksForKeys: Bool, allowsQuery: Bool) throws(ChatFailure) {
        guard !asksForKeys else {
            let isNobodys = caller.organization == nil && caller.user == nil
            let user = isNobodys ? Owner.keyName(caller, head) : caller.user ?? ""
            self.init(organization: caller.organization ?? "", user: user)
            return
        }
        func said(_ field: String, _ parameter: String, _ otherwise: String) throws(ChatFailure) -> String {
            let text = head.fields[field] ?? (allowsQuery ? head.queryParameter(parameter) : nil) ?? ""
            guard !text.isEmpty else { return otherwise }
            guard text.utf8.count <= 128, text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
                throw BodyFields.wrong(field, "at most 128 printable ASCII characters")
            }
            return text
        }
        self.init(
            organization: try said("x-org-id", "orgId", "default"), user: try said("x-user-id", "userId", "anonymous"))
    }

    /// The key as an owner: by its identifier, or, for the admin key, which has none, by half its digest.
    private static func keyName(_ caller: Caller, _ head: RequestHead) -> String {
        if let id = caller.keyID { return "key:\(id)" }
        let digest = KeyDigest(of: Credential.key(of: head) ?? "").bytes.prefix(16)
        return "key:" + digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
