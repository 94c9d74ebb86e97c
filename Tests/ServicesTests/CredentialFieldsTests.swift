// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import HTTPSemantics
import Services
import Testing

@Suite struct CredentialFieldsTests {
    private let sent: HTTPFields = [
        "Host": "gateway", "Authorization": "Bearer gate", "X-Api-Key": "own", "Api-Key": "gate", "X-Goog-Api-Key": "other",
        "Connection": "authorization", "Expect": "100-continue", "Accept": "a/b",
    ]

    private func names(_ gatewayKey: String?, replaces: Bool, _ fields: HTTPFields? = nil) -> [String] {
        CredentialFields.handedOn(fields ?? sent, gatewayKey: gatewayKey, replaces: replaces).map(\.name)
    }

    @Test func aKeyOfTheGatewaysOwnTakesThePlaceOfAll() {
        #expect(names("gate", replaces: true) == ["Accept"])
        #expect(names(nil, replaces: true) == ["Accept"])
    }

    @Test func theKeyThatAdmittedIsKeptBackWhereverItIsShown() {
        #expect(names("gate", replaces: false) == ["X-Api-Key", "X-Goog-Api-Key", "Accept"])
    }

    @Test func withoutKeysTheClientsOwnCredentialsPass() {
        let fields: HTTPFields = ["Authorization": "Bearer mine", "X-Api-Key": "own", "Host": "h"]
        #expect(names(nil, replaces: false, fields) == ["Authorization", "X-Api-Key"])
    }
}
