// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The name of a model as a client gives it.
enum ModelName {
    /// A name travels into logs, paths and headers, so what cannot be a name is refused here.
    ///
    /// Names of models at any vendor need no more than these characters; `//` would make an address of it.
    static func read(from fields: inout JSONFields) throws(DialectError) -> String {
        let model = try fields.requiredString("model")
        try check(model)
        return model
    }

    /// Throws unless a text can be the name of a model.
    static func check(_ model: String) throws(DialectError) {
        let isPlain = model.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"),
                UInt8(ascii: "/"), UInt8(ascii: "@"), UInt8(ascii: "+"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        let climbs = model.split(separator: "/").contains { $0 == "." || $0 == ".." }
        guard isPlain, 1...256 ~= model.utf8.count, !model.contains("//"), !climbs else {
            throw .wrongValue(
                "model",
                expected: "a name of 1 to 256 letters, digits and characters of . _ : / @ + -, without // and dots alone")
        }
    }
}
