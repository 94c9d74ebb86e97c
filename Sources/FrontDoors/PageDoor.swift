// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
package import HTTPServer
internal import Web

/// `GET /` and `/assets/...`: the web page, from the binary. It asks for no key, and shows nothing without one.
///
/// Paths are compared whole with those of the files there are: no file system is behind them.
package final class PageDoor: Door {
    package let methods = ["GET"]
    private let files: [String: WebFile]

    /// The page's door at each of its paths.
    package static var doors: [(path: String, door: any Door)] {
        let page = PageDoor()
        return [("/", page), ("/assets/", page)]
    }

    private init() {
        files = Dictionary(WebFile.all.map { ($0.path, $0) }) { first, _ in first }
    }

    package func receive(_ request: ServerRequest, id: String) {
        guard let file = files[String(request.head.path)] else {
            return ErrorReply.send(
                ErrorReply.notFound, .openAIChat, requestID: id, fields: PageDoor.guards, to: request.response)
        }
        var fields = PageDoor.guards
        fields.append("ETag", file.entityTag)
        // Names carry no version, so that each use asks whether it is still the same.
        fields.append("Cache-Control", "no-cache")
        fields.append("X-Content-Type-Options", "nosniff")
        fields.append("X-Request-Id", id)
        if PageDoor.isKnown(file.entityTag, to: request.head) {
            return request.response.respond(status: 304, fields: fields, body: [UInt8]().span)
        }
        fields.append("Content-Type", file.mediaType)
        request.response.respond(status: 200, fields: fields, body: file.bytes.span)
    }

    /// What browsers are told not to do with the page: run or load what is not its own, frame it, send its address elsewhere.
    static let guards: HTTPFields = [
        "Content-Security-Policy":
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            + "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    ]

    /// Whether `If-None-Match` names the tag, which is compared weakly (RFC 9110, section 13.1.2).
    private static func isKnown(_ tag: String, to head: RequestHead) -> Bool {
        head.fields.values(of: "if-none-match").contains { list in
            list.split(separator: ",").contains { entry in
                var name = entry.drop { $0 == " " }
                while name.last == " " { name.removeLast() }
                if name.hasPrefix("W/") { name.removeFirst(2) }
                return name == tag || name == "*"
            }
        }
    }
}

@available(*, unavailable)
extension PageDoor: Sendable {}
