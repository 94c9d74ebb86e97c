// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPSemantics

@Test("field names are compared without regard to case") func names() {
    #expect(HTTPFields([.init("Host", "a")])["hOST"] == "a")
}
