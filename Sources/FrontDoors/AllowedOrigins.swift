// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import HTTPSemantics

/// The web pages of other origins that may use the gateway, and what their browsers are told of it: CORS as the Fetch standard
/// has it.
///
/// The gateway knows a client by a key that the page itself sends, never by what a browser adds, so that no answer allows
/// credentials.
package struct AllowedOrigins: Sendable {
    private let origins: Set<String>

    /// The origins given, as browsers write them (`https://app.example.com`); `*` stands for all. None without any.
    package init(_ origins: [String] = []) {
        self.origins = Set(origins)
    }

    /// Whether a request comes from a page of one of the origins: it says so in one `Origin`, byte for byte.
    package func allows(_ head: RequestHead) -> Bool { name(for: head) != nil }

    /// What every answer to a request has, errors and streams included; nothing where no origin is allowed.
    package func fields(for head: RequestHead) -> HTTPFields {
        guard !origins.isEmpty else { return HTTPFields() }
        // Also where the request names no origin, or a cache could give a page the answer that was made for somebody else.
        var fields: HTTPFields = ["Vary": "Origin"]
        guard let name = name(for: head) else { return fields }
        fields.append("Access-Control-Allow-Origin", name)
        fields.append("Access-Control-Expose-Headers", AllowedOrigins.exposed)
        return fields
    }

    /// What the answer to a preflight adds: that the path takes `methods`, and the fields that the browser asked for.
    ///
    /// Returns `nil` for what is no preflight of an allowed origin.
    package func preflight(_ head: RequestHead, methods: [String]) -> HTTPFields? {
        guard head.method == "OPTIONS", head.fields["access-control-request-method"] != nil, allows(head) else { return nil }
        var fields: HTTPFields = [
            "Access-Control-Allow-Methods": ErrorReply.list(methods), "Access-Control-Max-Age": "600",
        ]
        // Any field may be sent: what it means is between the door and its client. No browser asks for so many names.
        if let asked = head.fields.tokens(of: "access-control-request-headers"), (1...64).contains(asked.count) {
            let list = asked.joined(separator: ", ")
            if list.utf8.count <= 4096 { fields.append("Access-Control-Allow-Headers", list) }
        }
        return fields
    }

    /// The value of `Access-Control-Allow-Origin`, or `nil` when the request is from none of the origins.
    private func name(for head: RequestHead) -> String? {
        guard !origins.isEmpty else { return nil }
        let told = head.fields.values(of: "origin")
        guard told.count == 1 else { return nil }
        if origins.contains("*") { return "*" }
        return origins.contains(told[0]) ? told[0] : nil
    }

    /// The fields of answers that scripts may read: those of the gateway, and those that the vendors' SDKs look at.
    private static let exposed: String = {
        let sluice = ["Provider", "Model", "Attempts", "Dropped", "Estimated", "Stream-Id", "Chat-Id"].map { "X-Sluice-\($0)" }
        let limits = ["requests", "tokens"].flatMap { kind in
            ["limit", "remaining", "reset"].flatMap { ["x-ratelimit-\($0)-\(kind)", "anthropic-ratelimit-\(kind)-\($0)"] }
        }
        let names = ["X-Request-Id", "request-id"] + sluice + ["Retry-After", "x-should-retry"] + limits
        return names.joined(separator: ", ")
    }()
}
