// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Gateway
internal import Glibc

let code = CommandLineInterface.run(Array(CommandLine.arguments.dropFirst()))
exit(code)
