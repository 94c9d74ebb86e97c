// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

extension HTTPFields {
    /// The fields that are meant for the next hop only, beside those that `Connection` names (RFC 9110, section 7.6.1), and those
    /// that frame a body, which every hop does for itself.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "http2-settings",
    ]

    /// The lines that a proxy hands on: without those of this hop, those that frame the body, and all that begin with `Proxy-`.
    package var endToEnd: HTTPFields {
        let named = Set(connectionOptions)
        return keeping { name in
            !HTTPFields.hopByHop.contains(name) && !name.hasPrefix("proxy-") && !named.contains(name)
        }
    }

    /// What the `Connection` lines name, in lower case.
    package var connectionOptions: [String] {
        values(of: "connection").flatMap { HTTPFields.members($0.lowercased()) }
    }

    /// What stands between the commas of a list, without blanks.
    private static func members(_ list: String) -> [String] {
        let members = list.split(separator: ",").map { member in String(member.filter { $0 != " " && $0 != "\t" }) }
        return members.filter { !$0.isEmpty }
    }

    /// How the body of a message with these fields is framed, as far as they tell: `unknown` for any transfer coding, `none`
    /// without a length.
    ///
    /// Returns `nil` when there are several lengths that differ, or one that is no number.
    package var bodyFraming: BodyFraming? {
        guard self["transfer-encoding"] == nil else { return .unknown }
        let lengths = Set(values(of: "content-length").flatMap { HTTPFields.members($0) })
        guard let text = lengths.first else { return BodyFraming.none }
        guard lengths.count == 1, text.utf8.allSatisfy(ByteClass.isDigit), let length = Int(text) else { return nil }
        return .length(length)
    }
}
