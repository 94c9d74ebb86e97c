// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A `data:` URL in base64 (RFC 2397), taken apart.
struct DataURL {
    /// What the data is, such as `image/png`; parameters are left out.
    var mediaType: String
    /// The data.
    var base64: String

    /// Takes a URL apart; `nil` when it is not a `data:` URL in base64.
    init?(_ url: String) {
        guard url.utf8.count > 5, url.prefix(5).lowercased() == "data:" else { return nil }
        let rest = url.dropFirst(5)
        guard let comma = rest.utf8.firstIndex(of: UInt8(ascii: ",")) else { return nil }
        let fields = rest[..<comma].split(separator: ";", omittingEmptySubsequences: false)
        guard fields.last?.lowercased() == "base64" else { return nil }
        let type = fields.first.map(String.init) ?? ""
        mediaType = type.isEmpty || type == "base64" ? "text/plain" : type
        base64 = String(rest[rest.utf8.index(after: comma)...])
    }

    init(mediaType: String, base64: String) {
        self.mediaType = mediaType
        self.base64 = base64
    }

    /// The URL.
    var text: String { "data:\(mediaType);base64,\(base64)" }
}
