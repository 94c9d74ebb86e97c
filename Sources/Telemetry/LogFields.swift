// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The fields of a log line, in the order written: `["door": .text(name), "status": 200]`.
package typealias LogFields = KeyValuePairs<StaticString, LogValue>
