// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Storage

/// Takes what a virtual key was answered out of a spool.
package enum SpoolEraser {
    /// Removes the files of answers to a virtual key, by its identifier; returns how many. Blocks.
    ///
    /// An answer under way is cut there; one that has no file yet is not found. Throws, after it has done what it can, when it is not
    /// sure that no file is left: the error says so, and how many were removed.
    package static func erase(key: String, from folder: SpoolFolder) throws(StorageError) -> Int {
        var removed = 0
        var left: [StorageError] = []
        for file in try folder.files() {
            do throws(StorageError) {
                guard let head = try folder.firstLine(of: file.name), SpoolFormat.key(inHead: head) == key else { continue }
                guard folder.remove(file.name) else {
                    throw StorageError.readOnly("\(folder.path)/\(file.name) cannot be removed")
                }
                removed += 1
            } catch {
                left.append(error)
            }
        }
        guard let first = left.first else { return removed }
        throw .unavailable("\(removed) spooled answers are removed, but \(left.count) files may be left: \(first)")
    }
}
