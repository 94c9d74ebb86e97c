// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
package import HTTPServer
internal import JSON
internal import Services
package import Storage

/// `GET /api/v1/usage`: tokens and cost, summed by day, key, organisation, user, model or provider.
package final class UsageDoor: Door {
    /// Where the door is.
    package static let path = "/api/v1/usage"
    package let methods = ["GET"]
    private let gate: DoorGate
    private let store: AuditStore
    /// More groups than that are not told.
    private static let limit = 10_000

    package init(_ gate: DoorGate, _ store: AuditStore) {
        self.gate = gate
        self.store = store
    }

    package func receive(_ request: ServerRequest, id: String) {
        guard let scope = gate.admitReader(request, id: id, door: UsageDoor.path)?.sight else { return }
        let response = request.response
        do throws(ChatFailure) {
            let query = try QueryParameters(
                request.head,
                allowed: ["group_by", "from", "to", "key", "organization", "user", "model", "provider"])
            let groups = try UsageDoor.groups(query["group_by"] ?? "day")
            var filter = UsageFilter(scope)
            filter.from = try query.day("from")
            filter.to = try query.day("to")
            filter.keyID = query["key"]
            filter.organization = query["organization"]
            filter.user = query["user"]
            filter.model = query["model"]
            filter.provider = query["provider"]
            store.usage(filter, by: groups, limit: UsageDoor.limit + 1) { result in
                guard case .success(let sums) = result else {
                    return ErrorReply.send(ErrorReply.storageUnavailable, .openAIChat, requestID: id, to: response)
                }
                JSONReply.send(requestID: id, to: response) { json in UsageDoor.write(sums, groups, &json) }
            }
        } catch {
            ErrorReply.send(error, .openAIChat, requestID: id, to: response)
        }
    }

    private static func groups(_ text: String) throws(ChatFailure) -> [UsageGroup] {
        var groups: [UsageGroup] = []
        for name in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let group = UsageGroup(rawValue: String(name)), !groups.contains(group) else {
                let names = UsageGroup.allCases.map(\.rawValue).joined(separator: ", ")
                throw QueryParameters.wrong("'group_by' must be some of \(names), with commas between.", "group_by")
            }
            groups.append(group)
        }
        return groups
    }

    private static func write(_ sums: [UsageSum], _ groups: [UsageGroup], _ json: inout JSONWriter) {
        json.object { json in
            json.member("object", "list")
            json.member("group_by", array: { json in for group in groups { json.string(group.rawValue) } })
            json.member(
                "data",
                array: { json in for sum in sums.prefix(limit) { AuditJSON.write(sum, by: groups, &json) } })
            json.member("truncated", sums.count > limit)
        }
    }
}

@available(*, unavailable)
extension UsageDoor: Sendable {}
