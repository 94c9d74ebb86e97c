// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

extension HTTPFields {
    /// The members of a field that lists names between commas (RFC 9110, section 5.6.1), as they were sent, over all its lines.
    ///
    /// Empty without the field; `nil` when a member is no token. Empty members are left out.
    package func tokens(of name: String) -> [String]? {
        var tokens: [String] = []
        for value in values(of: name) {
            for part in value.split(separator: ",") {
                let isBlank = { (character: Character) in character == " " || character == "\t" }
                var member = part.drop(while: isBlank)
                while let last = member.last, isBlank(last) { member.removeLast() }
                guard member.utf8.allSatisfy(ByteClass.isToken) else { return nil }
                if !member.isEmpty { tokens.append(String(member)) }
            }
        }
        return tokens
    }
}
