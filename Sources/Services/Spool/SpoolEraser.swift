// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Storage

/// Takes what a virtual key was answered out of a spool.
package enum SpoolEraser {
    /// Removes the files of answers to a virtual key, by its identifier; returns how many. Blocks.
    ///
    /// An answer under way is cut there. Throws `readOnly` when a file cannot be removed.
    package static func erase(key: String, from folder: SpoolFolder) throws(StorageError) -> Int {
        var removed = 0
        for file in folder.files() {
            guard let head = folder.firstLine(of: file.name), SpoolFormat.key(inHead: head) == key else { continue }
            guard folder.remove(file.name) else { throw .readOnly("\(folder.path)/\(file.name) cannot be removed") }
            removed += 1
        }
        return removed
    }
}
