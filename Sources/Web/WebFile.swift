// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A file of the web page, as it is in the binary.
package struct WebFile: Sendable {
    /// The path that it is served at.
    package let path: String
    /// Its media type, with the character set where there is one.
    package let mediaType: String
    /// Its content.
    package let bytes: [UInt8]
    /// A strong entity tag, quotes included: the same for the same bytes, in every process (RFC 9110, section 8.8.3).
    package let entityTag: String

    private init(_ path: String, _ mediaType: String, _ bytes: [UInt8]) {
        self.path = path
        self.mediaType = mediaType
        self.bytes = bytes
        entityTag = WebFile.tag(of: bytes)
    }

    /// Every file: what is not listed is not served.
    package static let all: [WebFile] = {
        let html = "text/html; charset=utf-8"
        let script = "text/javascript; charset=utf-8"
        return [
            WebFile("/", html, PackageResources.index_html),
            WebFile("/assets/style.css", "text/css; charset=utf-8", PackageResources.style_css),
            WebFile("/assets/icon.svg", "image/svg+xml", PackageResources.icon_svg),
            WebFile("/assets/api.js", script, PackageResources.api_js),
            WebFile("/assets/app.js", script, PackageResources.app_js),
            WebFile("/assets/audit.js", script, PackageResources.audit_js),
            WebFile("/assets/chart.js", script, PackageResources.chart_js),
            WebFile("/assets/documents.js", script, PackageResources.documents_js),
            WebFile("/assets/dom.js", script, PackageResources.dom_js),
            WebFile("/assets/history.js", script, PackageResources.history_js),
            WebFile("/assets/keys.js", script, PackageResources.keys_js),
            WebFile("/assets/live.js", script, PackageResources.live_js),
            WebFile("/assets/markdown.js", script, PackageResources.markdown_js),
            WebFile("/assets/message.js", script, PackageResources.message_js),
            WebFile("/assets/play.js", script, PackageResources.play_js),
            WebFile("/assets/sse.js", script, PackageResources.sse_js),
            WebFile("/assets/usage.js", script, PackageResources.usage_js),
        ]
    }()

    /// FNV-1a in 64 bits: it tells versions of our own files apart, and guards nothing.
    private static func tag(of bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return "\"\(String(hash, radix: 16))\""
    }
}
