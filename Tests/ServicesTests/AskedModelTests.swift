// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import HTTPSemantics
import Services
import Testing

@Suite struct AskedModelTests {
    /// What is found in a request with every cut of its body.
    private func asked(
        _ target: String, _ body: String = "", type: String? = "application/json", coding: String? = nil
    ) -> [String] {
        var fields = HTTPFields()
        if let type { fields.append("Content-Type", type) }
        if let coding { fields.append("Content-Encoding", coding) }
        let bytes = Array(body.utf8)
        return (0...bytes.count).map { cut in
            var model = AskedModel(target: target, fields: fields)
            model.read(Array(bytes[..<cut]).span)
            model.read(Array(bytes[cut...]).span)
            return model.name
        }
    }

    @Test(arguments: [
        (
            #"{"messages":[{"model":"no"}],"metadata":{"model":"no"},"#
                + #""model":"gpt-\u0034"}"#, "gpt-4"
        ), (#"{"model":null,"x":"no"}"#, ""),
        (#"{"model":"a","x":"no","model":"b","y":{"model":"no"}}"#, "b"),
        (#"{"model":{"model":"no"},"a":"no"}"#, ""), (#"[{"model":"no"}]"#, ""), (#"{"x":["model","no"]}"#, ""), ("model", ""),
    ])
    func isTheModelOfAJSONBodyAtEveryCut(_ body: String, _ model: String) {
        #expect(Set(asked("/v1/x", body)) == [model])
        #expect(Set(asked("/v1/x", body, coding: "gzip")) == [""] && Set(asked("/v1/x", body, type: "text/plain")) == [""])
    }

    @Test(arguments: [
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", "gemini-2.5-pro"), ("/models/a%3Ab:embedContent", "a:b"),
        ("/openai/deployments/my%20gpt/chat/completions?api-version=1", "my gpt"), ("/v1/models/gpt-4", ""), ("/v1/models", ""),
        ("/x?y=/models/a:b", ""), ("/models/%zz:x", ""), ("/deployments", ""),
    ])
    func isTheModelOfThePath(_ target: String, _ model: String) {
        #expect(asked(target, type: nil) == [model])
    }

    @Test func isNoneWhereTheNameIsLongerThanAny() {
        #expect(Set(asked("/x", #"{"model":"\#(String(repeating: "n", count: 600))","x":"y"}"#)) == [""])
    }
}
