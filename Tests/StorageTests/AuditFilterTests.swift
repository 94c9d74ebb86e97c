// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Storage

@Suite("AuditFilter") struct AuditFilterTests {
    @Test(
        "escapes what LIKE would not take literally",
        arguments: [("100%", #"100\%"#), ("a_b", #"a\_b"#), (#"\"#, #"\\"#), ("plain é", "plain é"), (#"%_\"#, #"\%\_\\"#)])
    func like(text: String, escaped: String) {
        #expect(AuditFilter.escaped(text) == escaped)
    }

    @Test("never puts a value into the text of a statement") func bound() {
        var filter = AuditFilter(.member(organization: "'; DROP", user: "'; DROP"))
        filter.keyID = "'; DROP"
        filter.model = "'; DROP"
        filter.status = 200
        filter.from = 1
        filter.text = "'; DROP"
        var conditions = SQLConditions()
        filter.add(to: &conditions)
        conditions.add("<", PageCursor(time: 1, id: "'; DROP"))
        filter.addText(to: &conditions)
        #expect(!conditions.clause.contains("DROP"))
        #expect(conditions.parameters.count == 9)
        // Numbered in the order in which they appear, as both engines count them.
        #expect(
            conditions.clause.hasPrefix(
                " WHERE organization = $1 AND user_id = $2 AND key_id = $3 AND (requested_model = $4 OR model = $4) AND"
                    + " status = $5 AND received_at >= $6 AND (received_at, id) < ($7, $8) AND (LOWER(request_text) LIKE LOWER($9)"
            ))
    }
}
