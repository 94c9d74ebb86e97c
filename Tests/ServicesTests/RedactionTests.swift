// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import HTTPSemantics
import Telemetry
import Testing

@testable import Services

@Suite("Redaction") struct RedactionTests {
    @Test(
        "takes the value of a field out whose name says that it is a credential",
        arguments: [
            "Authorization", "x-api-key", "X-Goog-Api-Key", "api-key", "Cookie", "Proxy-Authorization", "X-Auth-Request",
            "x-amz-security-token", "X-Client-Secret", "Set-Cookie", "X-Access-Token", "X-Pwd", "X-JWT", "X-CSRF", "Sig",
        ])
    func headers(name: String) {
        let text = Redaction.headers([(name, "zq81"), ("accept", "*/*")].reduce(into: HTTPFields()) { $0.append($1.0, $1.1) })
        #expect(text == "\(name): [redacted]\naccept: */*")
    }

    @Test(
        "keeps what counts tokens of another kind",
        arguments: [
            "anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-input-tokens-remaining", "x-ratelimit-tokens-query-cost",
            "x-token_limit", "tokenizer",
        ])
    func counts(name: String) { #expect(!Redaction.isSecret(name: name)) }

    @Test("keeps the fields that hold none") func plain() {
        let fields: HTTPFields = ["content-type": "application/json", "anthropic-version": "2023-06-01", "user-agent": "x/1"]
        #expect(
            Redaction.headers(fields) == "content-type: application/json\nanthropic-version: 2023-06-01\nuser-agent: x/1")
    }

    @Test("takes in no more header text than its bound") func bounded() {
        var fields = HTTPFields()
        for number in 0..<1000 { fields.append("x-\(number)", String(repeating: "a", count: 100)) }
        #expect(Redaction.headers(fields).utf8.count <= 8192)
    }

    @Test(
        "takes credentials out of text and leaves the rest",
        arguments: [
            (
                "Incorrect API key provided: sk-proj-abcdEFGH12345678. See docs",
                "Incorrect API key provided: [redacted]. See docs"
            ),
            ("sent 'Authorization: Bearer abc.def-ghi_jkl'", "sent 'Authorization: Bearer [redacted]'"),
            ("bearer ABCDEFGHIJKLMNOP", "bearer [redacted]"),
            ("GET https://x.example/v1?key=AbC123&alt=sse failed", "GET https://x.example/v1?key=[redacted]&alt=sse failed"),
            ("api_key=hunter2secret, retry", "api_key=[redacted], retry"),
            ("key AIzaSyA1234567890abcdefg is bad", "key [redacted] is bad"),
            ("sk-learn and max_tokens=100 are fine", "sk-learn and max_tokens=100 are fine"),
            ("api_key=\"secret\" api_key='secret'", "api_key=\"[redacted]\" api_key='[redacted]'"),
            (#"{"api_key": "secret","token":"hunter2"}"#, #"{"api_key": "[redacted]","token":"[redacted]"}"#),
            (#"{"message":"sent {\"api_key\": \"secret\"}"}"#, #"{"message":"sent {\"api_key\": \"[redacted]\"}"}"#),
            (#"{"authorization": "Bearer abcdefghijklm"}"#, #"{"authorization": "Bearer [redacted]"}"#),
            ("x-api-key: 0123456789abcdef", "x-api-key: [redacted]"),
            ("token = 0123456789abcdef, and on", "token = [redacted], and on"),
            ("hf_token=Zm9vYmFyMTIzNDU2", "hf_token=[redacted]"),
            ("sk_live_secret=hunter2hunter2", "[redacted]"),
            (
                "token: the token is wrong, key: authentication-is-missing",
                "token: the token is wrong, key: authentication-is-missing"
            ),
            ("Unknown key: 'top' at token: \"}\"", "Unknown key: 'top' at token: \"}\""),
            (
                #"{"error":{"message":"No.","type":"authentication_error","code":"invalid_api_key"}}"#,
                #"{"error":{"message":"No.","type":"authentication_error","code":"invalid_api_key"}}"#
            ),
            (#"{"key": "is not valid", "tokens": {"a": 1}}"#, #"{"key": "is not valid", "tokens": {"a": 1}}"#),
            ("Referer: https://user:hunter2@host/x", "Referer: https://[redacted]@host/x"),
            (
                "postgres://u:p@ss@h:1/d and https://b?@c, https://d/@e, a://, ://@",
                "postgres://[redacted]@h:1/d and https://b?@c, https://d/@e, a://, ://@"
            ),
            (
                #"{"author": "John", "authority": "x", "authorization": "John"}"#,
                #"{"author": "John", "authority": "x", "authorization": "[redacted]"}"#
            ),
            ("a bearer of bad news", "a bearer of bad news"),
            ("task-force sk-", "task-force sk-"),
            ("", ""),
        ])
    func text(given: String, shown: String) {
        // The full stop behind a key may go with it: a JWT holds some.
        #expect(Redaction.text(given).replacing("[redacted] See", with: "[redacted]. See") == shown)
    }

    @Test("takes a key out of a target's query") func target() {
        #expect(Redaction.target("/v1beta/models/x?alt=sse&key=abc&a=b") == "/v1beta/models/x?alt=sse&key=[redacted]&a=b")
        #expect(Redaction.target("/v1/models") == "/v1/models")
        #expect(Redaction.target("/x?access_token=1&&=") == "/x?access_token=[redacted]&&=")
        #expect(Redaction.target("/x?k%65y=a&p%61ssword=b&a=%ff") == "/x?k%65y=[redacted]&p%61ssword=[redacted]&a=%ff")
        #expect(Redaction.target("/x?%ff=c") == "/x?%ff=[redacted]", "a name that cannot be read")
        #expect(Redaction.target("/x?sig=a&code=b&Pass=d") == "/x?sig=[redacted]&code=[redacted]&Pass=[redacted]")
        #expect(Redaction.target("/x?design=c&passage=d&encoder=e") == "/x?design=c&passage=d&encoder=e")
        #expect(Redaction.target("/q/sk-proj-0123456789/x") == "/q/[redacted]")
        #expect(Redaction.target("/q?x=sk-proj-0123456789&y=1") == "/q?x=[redacted]&y=1")
    }

    @Test("takes known credentials out, whatever they look like") func known() {
        let secrets = KnownSecrets([Secret(""), Secret("none"), Secret("horse-battery"), Secret("horse-battery-staple")])
        #expect(Redaction.text("ahorse-batteryb", without: secrets) == "a[redacted]b")
        #expect(Redaction.text("horse-battery-staple", without: secrets) == "[redacted]", "not the shorter alone")
        #expect(Redaction.text("none of horse-ba", without: secrets) == "none of [redacted]", "a beginning, at the end")
        #expect(Redaction.text("none of horse-b", without: secrets) == "none of horse-b", "a word")
        #expect(Redaction.text("none of horse-bat, no", without: secrets) == "none of horse-bat, no")
        #expect(Redaction.text("é horse-batteryhorse-battery é", without: secrets) == "é [redacted][redacted] é")
    }

    @Test("knows them as JSON may have them, and long ones by their beginning") func knownForms() {
        let long = String(repeating: "0123456789", count: 10)
        let secrets = KnownSecrets([Secret("a/b+c/d==="), Secret(long), Secret("a/b+c/d===")])
        #expect(Redaction.text(#"x a\/b+c\/d=== a/b+c/d=== a/b"#, without: secrets) == #"x [redacted] [redacted] a/b"#)
        #expect(Redaction.text("\(long.prefix(40))x \(long)", without: secrets) == "[redacted]x [redacted]")
        #expect(Redaction.text("\(long.prefix(20))x", without: secrets) == "\(long.prefix(20))x")
    }

    @Test("shows nothing of a text beside more credentials than anybody has") func tooMany() {
        func secrets(_ count: Int) -> KnownSecrets { KnownSecrets((0..<count).map { Secret("\($0)-abcdefgh") }) }
        #expect(Redaction.text("plain", without: secrets(256)) == "plain")
        #expect(Redaction.text("plain", without: secrets(257)) == "[redacted]")
        let alike = KnownSecrets((0..<17).map { Secret("01234567\($0)") })
        #expect(Redaction.text("plain", without: alike) == "[redacted]")
        #expect(alike.byteCount > 17 * 9)
    }

    @Test("is quick on a long text that looks like the credentials all over") func quickKnown() {
        let secrets = KnownSecrets((0..<16).map { Secret(String(repeating: "A", count: 60_000) + "\($0)") })
        let text = String(repeating: String(repeating: "A", count: 31) + "B", count: 30_000)
        let begin = ContinuousClock.now
        #expect(Redaction.text(text, without: secrets) == text)
        #expect(ContinuousClock.now - begin < .seconds(20), "linear: some tenths of a second where nothing is optimized")
    }

    @Test("leaves out the last word of what was cut") func cut() {
        #expect(Redaction.text("key 01234", isCut: true) == "key ")
        #expect(Redaction.text(#"{"message":"01234"#, isCut: true) == #"{"message":""#)
        #expect(Redaction.text("01234", isCut: true) == "" && Redaction.text("", isCut: true) == "")
        let fields = HTTPFields([HTTPFields.Field("x-long", String(repeating: "a ", count: 1020) + " 0123456789abcdef")])
        #expect(!Redaction.headers(fields).contains("0123"))
    }

    @Test("finds what a client shows of its own") func ofClient() {
        let fields = HTTPFields([
            HTTPFields.Field("Authorization", "Bearer 0123456789abcdef"), HTTPFields.Field("X-Api-Key", "fedcba9876543210"),
            HTTPFields.Field("Cookie", "id=abcdefgh12; a=b"), HTTPFields.Field("Accept", "not-a-secret"),
        ])
        let found = Redaction.credentials(in: fields, target: "/v1?alt=sse-sse-sse&key=queryquery12")
        let text = "0123456789abcdef fedcba9876543210 abcdefgh12 queryquery12 not-a-secret sse-sse-sse"
        let shown = "[redacted] [redacted] [redacted] [redacted] not-a-secret sse-sse-sse"
        #expect(Redaction.text(text, without: KnownSecrets(found)) == shown)
    }

    @Test("is quick on a long text of many words") func quick() {
        let text = String(repeating: "key Bearer sk- =a \"token\":   \\\\ ", count: 5000)
        #expect(Redaction.text(text).utf8.count == text.utf8.count)
    }
}
