// swift-tools-version: 6.2
// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// One set of rules for every target: Swift 6, each unsafe expression marked, no warning tolerated,
/// and imports that do not leak into a target's interface.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // Loop-bound classes are touched by one thread, and debug builds (so the unit tests) keep the dynamic check, which took 8 % of
    // the time of a stream at full speed (bench/relay, burst).
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// Tests may use Foundation and need not mark what they do with raw memory.
let testSettings: [SwiftSetting] = [.swiftLanguageMode(.v6)]

func floor(_ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil) -> Target {
    .target(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

func tests(of name: String, _ more: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.target(name: name)] + more,
        swiftSettings: testSettings
    )
}

// Floors from the bottom up; scripts/check-floors fails when a target imports its own floor or a higher one.
let package = Package(
    name: "sluice",
    products: [.executable(name: "sluice", targets: ["sluice"])],
    targets: [
        // 0: the C libraries
        .systemLibrary(name: "CLibevent", path: "CLibevent"),
        .systemLibrary(name: "CProcess"),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1"),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3"),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq"),
        .systemLibrary(name: "CHiredis", pkgConfig: "hiredis"),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto"),
        // 1-4: the pure tower
        .target(name: "Bytes", swiftSettings: settings + [.enableExperimentalFeature("Lifetimes")]),
        floor("JSON", ["Bytes"]),
        floor("SSE", ["Bytes"]),
        // The web page's files, each an array of bytes in the binary: nothing is looked for on disk.
        .target(name: "Web", resources: [.embedInCode("Files")], swiftSettings: settings),
        floor("HTTPSemantics", ["Bytes"]),
        floor("Chat", ["Bytes", "JSON"]),
        floor("Dialects", ["Bytes", "JSON", "SSE", "Chat"]),
        // 2-4: the I/O tower
        floor("Telemetry", ["Bytes"]),
        floor("Reactor", ["CLibevent", "CProcess"]),
        floor("HTTPServer", ["CLibevent", "Bytes", "HTTPSemantics", "Reactor"]),
        floor("HTTPClient", ["CLibevent", "HTTPSemantics", "Reactor"]),
        // 5-9: where they meet
        floor("Settings", ["CYAML", "Bytes", "Telemetry"]),
        floor(
            "Providers",
            ["Bytes", "Chat", "Dialects", "HTTPClient", "HTTPSemantics", "JSON", "Reactor", "SSE", "Telemetry"]
        ),
        floor("Storage", ["CSQLite", "CPostgres", "CHiredis", "CCrypto", "CLibevent", "Bytes", "JSON", "Reactor", "Telemetry"]),
        floor(
            "Services",
            ["Bytes", "Chat", "HTTPClient", "HTTPSemantics", "JSON", "Providers", "Reactor", "SSE", "Storage", "Telemetry"]),
        floor(
            "FrontDoors",
            [
                "Bytes", "Chat", "Dialects", "HTTPSemantics", "HTTPServer", "JSON", "Providers", "Services", "Storage",
                "Telemetry", "Web",
            ]),
        floor(
            "Gateway",
            [
                "Bytes", "Chat", "Dialects", "FrontDoors", "HTTPClient", "HTTPSemantics", "HTTPServer", "JSON", "Providers",
                "Reactor", "Services", "Settings", "Storage", "Telemetry",
            ]),
        .executableTarget(name: "sluice", dependencies: ["Gateway"], swiftSettings: settings),
        // Tests
        tests(of: "Bytes"),
        tests(of: "JSON", ["Bytes"]),
        tests(of: "SSE", ["Bytes"]),
        tests(of: "HTTPSemantics", ["Bytes"]),
        tests(of: "Chat", ["Bytes", "JSON"]),
        tests(of: "Dialects", ["Bytes", "JSON", "SSE", "Chat"]),
        tests(of: "Telemetry", ["Bytes"]),
        tests(of: "Reactor"),
        tests(of: "Settings", ["Telemetry"]),
        tests(of: "Providers", ["Bytes", "Chat", "Dialects", "HTTPClient", "JSON", "Reactor"]),
        tests(of: "Storage", ["JSON", "Reactor", "Telemetry"]),
        tests(
            of: "Services",
            ["Bytes", "Chat", "Dialects", "HTTPClient", "HTTPSemantics", "JSON", "Providers", "Reactor", "Storage", "Telemetry"]),
        tests(of: "FrontDoors", ["Bytes", "HTTPSemantics", "Chat", "Storage"]),
        // Benchmarks: epoll, which Swift's Glibc leaves out, and the load generator that uses it
        .systemLibrary(name: "CEpoll", path: "bench/CEpoll"),
        .executableTarget(
            name: "relay-load",
            dependencies: ["CEpoll"],
            path: "bench/relay",
            exclude: ["run"],
            swiftSettings: Array(settings.dropLast())
        ),
        .executableTarget(
            name: "translate-bench",
            dependencies: ["Bytes", "Chat", "Dialects", "SSE"],
            path: "bench/translate",
            exclude: ["run", "allocations.c"],
            swiftSettings: testSettings
        ),
    ]
)
