// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import HTTPClient
import Providers
import Testing

@testable import Services

@Suite("AttemptPlan") struct AttemptPlanTests {
    static func candidate(_ name: String, retries: Int = 0) -> Candidate {
        var configuration = Provider.Configuration(name: name, baseURL: "http://localhost")
        configuration.maxRetries = retries
        return Candidate(Provider(configuration, .openAI, transport: NoTransport()), "m")
    }

    /// Who is asked, in order, when every attempt fails in the same way; a wait is in milliseconds.
    static func asked(
        _ groups: [[Candidate]], _ failureClass: FailureClass, retryAfter: UInt64? = nil, draw: Double = 1
    ) -> [String] {
        var plan = AttemptPlan(groups)
        guard let first = plan.first() else { return [] }
        var asked = [first.provider.name]
        while asked.count < 50 {
            switch plan.next(after: failureClass, retryAfter: retryAfter, draw: draw) {
            case .ask(let candidate, let wait):
                let text = wait == 0 ? "" : "+\(wait / 1_000_000)"
                asked.append(candidate.provider.name + text)
            case .giveUp: return asked
            }
        }
        return asked
    }

    @Test("asks nobody when there is nobody") func nobody() {
        #expect(Self.asked([], .transient).isEmpty)
        #expect(Self.asked([[]], .transient).isEmpty)
    }

    @Test("asks nobody else what the caller did wrong") func callerFault() {
        #expect(Self.asked([[Self.candidate("a", retries: 3), Self.candidate("b")]], .callerFault) == ["a"])
    }

    @Test("asks the same again, with waits that double up to a bound") func backoff() {
        let asked = Self.asked([[Self.candidate("a", retries: 7)]], .transient)
        #expect(asked == ["a", "a+250", "a+500", "a+1000", "a+2000", "a+4000", "a+5000", "a+5000"])
    }

    @Test("spreads the waits over the upper half") func jitter() {
        #expect(Self.asked([[Self.candidate("a", retries: 1)]], .transient, draw: 0) == ["a", "a+125"])
        #expect(Self.asked([[Self.candidate("a", retries: 1)]], .transient, draw: 0.5) == ["a", "a+187"])
    }

    @Test("waits as long as upstream wants, or not at all when that is too long") func retryAfter() {
        let group = [[Self.candidate("a", retries: 1)], [Self.candidate("b")]]
        #expect(Self.asked(group, .rateLimit, retryAfter: 2_000_000_000) == ["a", "a+2000", "b"])
        #expect(Self.asked(group, .rateLimit, retryAfter: 60_000_000_000) == ["a", "b"])
        #expect(Self.asked(group, .rateLimit, retryAfter: .max) == ["a", "b"])
    }

    @Test("tries the other deployments before it waits, and the fallbacks last") func order() {
        let groups = [
            [Self.candidate("a", retries: 1), Self.candidate("b", retries: 1)], [Self.candidate("c")],
        ]
        #expect(Self.asked(groups, .transient) == ["a", "b", "a+250", "b", "c"])
    }

    @Test(
        "does not repeat what would fail again",
        arguments: [
            FailureClass.credential, .quota, .modelGone, .timeout, .unfit,
        ])
    func hopeless(failureClass: FailureClass) {
        let groups = [[Self.candidate("a", retries: 3), Self.candidate("b", retries: 3)], [Self.candidate("c")]]
        #expect(Self.asked(groups, failureClass) == ["a", "b", "c"])
    }

    @Test("goes round again only with those that may do better") func mixed() {
        var plan = AttemptPlan([[Self.candidate("a", retries: 1), Self.candidate("b", retries: 1)]])
        #expect(plan.first()?.provider.name == "a")
        guard case .ask(let second, 0) = plan.next(after: .credential, retryAfter: nil, draw: 0) else {
            return #expect(Bool(false), "the second deployment is asked at once")
        }
        #expect(second.provider.name == "b")
        guard case .ask(let third, let wait) = plan.next(after: .transient, retryAfter: nil, draw: 0) else {
            return #expect(Bool(false), "the one that may do better is asked again")
        }
        #expect(third.provider.name == "b" && wait > 0)
        guard case .giveUp = plan.next(after: .transient, retryAfter: nil, draw: 0) else {
            return #expect(Bool(false), "the retries are used up")
        }
    }
}
