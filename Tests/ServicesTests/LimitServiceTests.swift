// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Storage
import Telemetry
import Testing

@testable import Services

@Suite("LimitService") struct LimitServiceTests {
    /// A billionth for each token of the models whose name begins with `priced`.
    struct Penny: Pricing {
        func cost(of usage: TokenUsage, model: String) -> Money? {
            model.hasPrefix("priced") ? Money(nanos: Int64(clamping: usage.total)) : nil
        }
    }

    /// Counters that cannot be reached until told, and remember what they were asked.
    final class Distant: LimitCounters {
        let memory = MemoryLimitCounters()
        var isReached = false
        var claims = 0
        var settled: [SpentAmount] = []
        let unsettled = 0
        func claim(_ claim: LimitClaim, _ done: @escaping (LimitVerdict) -> Void) {
            claims += 1
            isReached ? memory.claim(claim, done) : done(.unavailable)
        }
        func settle(_ lease: LimitLease, tokens: Int, cost: Money) {
            settled.append(SpentAmount(tokens: tokens, cost: cost))
            memory.settle(lease, tokens: tokens, cost: cost)
        }
    }

    private let metrics = GatewayMetrics(log: Log(level: .error))

    private func caller(_ set: (inout LimitRules) -> Void) -> Caller {
        var rules = LimitRules()
        set(&rules)
        return Caller(name: "somebody", scopes: [LimitScope("key:a", rules)])
    }

    private func service(_ counters: any LimitCounters, fallback: MemoryLimitCounters? = nil) -> LimitService {
        LimitService(
            counters, fallback: fallback, pricing: Penny(), reservation: 1000, metrics: metrics, log: Log(level: .error))
    }

    private func need(_ model: String = "priced", _ change: (inout ChatRequest) -> Void = { _ in }) -> LimitNeed {
        var chat = ChatRequest(model: model, messages: [ChatMessage(role: .user, content: .text("eight by"))])
        change(&chat)
        return LimitNeed(chat, .chat, reservation: 1000, pricing: Penny())
    }

    private func admit(_ service: LimitService, _ caller: Caller, _ need: LimitNeed) -> LimitAdmission? {
        var admission: LimitAdmission?
        service.admit(caller, need, model: "m") { admission = $0 }
        return admission
    }

    private func lease(_ admission: LimitAdmission?) -> LimitLease? {
        if case .granted(let lease, _)? = admission { lease } else { nil }
    }

    private func failure(_ admission: LimitAdmission?) -> ChatFailure? {
        if case .refused(let failure, _)? = admission { failure } else { nil }
    }

    @Test("what is set aside is the input and, for each answer, the client's bound or the default")
    func needs() {
        #expect(need().tokens == 6 + 1000)
        #expect(need { $0.outputLimit = OutputLimit(tokens: 50, countsReasoning: true) }.tokens == 56)
        let many = need {
            $0.outputLimit = OutputLimit(tokens: 50, countsReasoning: true)
            $0.choiceCount = 3
        }
        #expect(many.tokens == 156 && many.cost == Money(nanos: 156))
        let absurd = need {
            $0.outputLimit = OutputLimit(tokens: .max, countsReasoning: true)
            $0.choiceCount = 128
        }
        #expect(absurd.tokens == .max)
        let negative = need { $0.outputLimit = OutputLimit(tokens: -5000, countsReasoning: true) }
        #expect(negative.tokens == 6, "no credit")
        #expect(need("free").cost == nil)
        let chat = ChatRequest(model: "free", messages: [])
        #expect(LimitNeed(chat, .countTokens, reservation: 9, pricing: Penny()) == .request)
    }

    @Test("a model without a price is refused where money is limited, and nowhere else")
    func unpriced() {
        let service = service(MemoryLimitCounters())
        let limited = failure(admit(service, caller { $0.moneyPerDay = Money(nanos: 1 << 40) }, need("free")))
        #expect(limited?.status == 403 && limited?.code == "model_unpriced")
        #expect(lease(admit(service, caller { $0.tokensPerDay = 1 << 40 }, need("free"))) != nil)
        #expect(lease(admit(service, caller { $0.moneyPerDay = Money(nanos: 1 << 40) }, .request)) != nil)
    }

    @Test("counts that cannot be reached: closed refuses with 503, open counts here and claims nothing of the limits")
    func policies() throws {
        let somebody = caller { $0.requestsPerMinute = 2 }
        let closed = failure(admit(service(Distant()), somebody, .request))
        #expect(closed?.status == 503 && closed?.code == "limits_unavailable" && closed?.retryAfter == 1)
        let distant = Distant()
        let open = service(distant, fallback: MemoryLimitCounters())
        for _ in 0..<2 {
            guard case .granted(_, let statuses)? = admit(open, somebody, .request) else { return #expect(Bool(false)) }
            #expect(statuses.isEmpty)
        }
        #expect(failure(admit(open, somebody, .request))?.status == 429)
        distant.isReached = true
        guard case .granted(_, let statuses)? = admit(open, somebody, .request) else { return #expect(Bool(false)) }
        #expect(statuses.first?.remaining == 1)
    }

    @Test("what was granted here meanwhile is told to the shared counts too")
    func toldLater() throws {
        let distant = Distant()
        let service = service(distant, fallback: MemoryLimitCounters())
        let granted = try #require(lease(admit(service, caller { $0.tokensPerDay = 10_000 }, need())))
        service.settle(granted, tokens: 70, cost: Money(nanos: 70))
        #expect(distant.settled == [SpentAmount(tokens: 70, cost: Money(nanos: 70))])
    }

    @Test("a record is charged by its usage, without credit, and by nothing when nobody answered")
    func settling() throws {
        let distant = Distant()
        distant.isReached = true
        let service = service(distant)
        let somebody = caller { $0.tokensPerDay = 1 << 40 }
        var record = AuditRecord()
        record.usage = TokenUsage(input: 30, output: -50)
        for hasAnswer in [false, true] {
            record.hasAnswer = hasAnswer
            record.cost = Money(nanos: 30)
            service.settle(try #require(lease(admit(service, somebody, need()))), record)
        }
        #expect(distant.settled == [SpentAmount(), SpentAmount(tokens: 30, cost: Money(nanos: 30))])
    }
}
