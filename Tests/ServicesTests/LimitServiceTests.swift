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
        var charged: [String: Int] = [:]
        let unsettled = 0
        var isShared = false
        func claim(_ claim: LimitClaim, _ done: @escaping (LimitVerdict) -> Void) {
            claims += 1
            isReached ? memory.claim(claim, done) : done(.unavailable)
        }
        func settle(_ lease: LimitLease, tokens: Int, cost: Money) {
            settled.append(SpentAmount(tokens: tokens, cost: cost))
            memory.settle(lease, tokens: tokens, cost: cost)
        }
        func charge(_ scope: String, _ used: SpentAmount, began: Int64) { charged[scope, default: 0] += used.tokens }
    }

    private let metrics = GatewayMetrics(log: Log(level: .error))

    private func caller(_ set: (inout LimitRules) -> Void) -> Caller {
        var rules = LimitRules()
        set(&rules)
        return Caller(name: "somebody", scopes: [LimitScope("key:a", rules)])
    }

    private func service(
        _ counters: any LimitCounters, fallback: MemoryLimitCounters? = nil, keys: KeyRing? = nil
    ) -> LimitService {
        LimitService(
            counters, fallback: fallback, pricing: Penny(), reservation: 1000, keys: keys, metrics: metrics,
            log: Log(level: .error))
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

    @Test("where others count too, all that stored keys use is told, as they may know of a budget") func sharedCharges() {
        let distant = Distant()
        distant.isShared = true
        let ring = KeyRing(keys: [], adminKey: nil, expectsStored: true, now: { 1 })
        let service = service(distant, keys: ring)
        var record = AuditRecord()
        record.hasAnswer = true
        record.usage = TokenUsage(input: 30, output: 40)
        for key: String? in ["key_1", "settings_0123456789abcdef", nil] {
            record.caller = Caller(name: "somebody", keyID: key)
            service.settle(nil, record)
        }
        #expect(distant.charged == ["key:key_1": 70])
    }

    @Test("a key that got its budget while an answer ran, or had one before, is charged with it once") func laterBudget() throws {
        let ring = KeyRing(keys: [], adminKey: nil, expectsStored: true, now: { 1 })
        let distant = Distant()
        let service = service(distant, keys: ring)
        var record = AuditRecord()
        record.hasAnswer = true
        record.usage = TokenUsage(input: 30, output: 40)
        record.caller = Caller(name: "somebody", keyID: "key_1")
        func change(_ revision: Int64, _ limits: LimitRules) {
            var row = KeyRingTests.row("sk-slu-1", revision: revision)
            row.limits = limits
            ring.read([row], upTo: revision)
        }
        var rules = LimitRules()
        rules.concurrent = 1
        change(1, rules)
        service.settle(nil, record)
        #expect(distant.charged.isEmpty, "no budget, nothing to charge, nobody to ask")
        rules.tokensPerDay = 100
        change(2, rules)
        service.settle(nil, record)
        #expect(distant.charged == ["key:key_1": 70])
        func lease(_ scope: String) -> LimitLease {
            LimitLease(id: scope, claim: LimitClaim([LimitScope(scope, rules)], tokens: 1, cost: .zero), granted: 0)
        }
        service.settle(lease("key:key_1"), record)
        #expect(distant.charged == ["key:key_1": 70], "its lease has charged it")
        service.settle(lease("org:acme"), record)
        #expect(distant.charged == ["key:key_1": 140], "its organisation's lease has not")
        change(3, LimitRules())
        service.settle(nil, record)
        #expect(distant.charged == ["key:key_1": 210], "it may get a budget again before the day is over")
        service.settle(nil, record, isFree: true)
        record.hasAnswer = false
        service.settle(nil, record)
        #expect(distant.charged == ["key:key_1": 210] && distant.settled.count == 2)
    }
}
