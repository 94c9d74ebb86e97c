// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// The callback that libpq makes: notices, which it would write to standard error.

func ignoreNotice(_: UnsafeMutableRawPointer?, _: OpaquePointer?) {}
