// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Dialects

@Test("dialects are named as in the settings") func names() {
    #expect(Dialect(rawValue: "openai-chat") == .openAIChat)
}
