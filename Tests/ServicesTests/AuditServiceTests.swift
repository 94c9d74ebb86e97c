// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Telemetry
import Testing

@testable import Services

@Suite("AuditService") struct AuditServiceTests {
    private func record(_ number: Int, text: Int = 0) -> AuditRecord {
        var record = AuditRecord()
        record.requestID = "req_\(number)"
        let bytes = [UInt8](repeating: 0x61, count: text)
        record.capture = ChatAccumulator(limit: 1 << 20)
        if text > 0 { record.capture.append(.text(choice: 0, 0..<text), from: bytes.span) }
        return record
    }

    private func service(limit: Int, bytes: Int = 1 << 20) -> AuditService {
        let log = Log(descriptor: 9999, level: .error)
        return AuditService(log: log, metrics: GatewayMetrics(log: log), limit: limit, byteLimit: bytes)
    }

    @Test("keeps the latest records in order, however many came", arguments: [0, 1, 3, 4, 5, 8, 9, 40])
    func keepsLatest(_ count: Int) {
        let audit = service(limit: 4)
        for number in 0..<count { audit.record(record(number)) }
        #expect(audit.recent.map(\.requestID) == (max(0, count - 4)..<count).map { "req_\($0)" })
    }

    @Test("drops the oldest when their text is too much, and a record that is too much by itself") func bounded() {
        let audit = service(limit: 10, bytes: 1000)
        for number in 0..<6 { audit.record(record(number, text: 300)) }
        #expect(audit.recent.allSatisfy { $0.text.count == 300 } && (2...3).contains(audit.recent.count))
        audit.record(record(6, text: 2000))
        #expect(audit.recent.isEmpty)
        audit.record(record(7, text: 10))
        #expect(audit.recent.map(\.requestID) == ["req_7"])
    }
}
