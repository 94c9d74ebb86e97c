// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

let usage = """
    usage: relay-load upstream --port P
           relay-load client paced|renew|burst|unary|hold|stall|cancel --port P --model M [--streams N]
                             [--seconds S] [--length MS] [--connections N] [--upstream-port P] [--answers DIALECT]
    """

let arguments = Arguments(Array(CommandLine.arguments.dropFirst()))
switch (arguments.words.first, arguments.words.count) {
case ("upstream", 1): Upstream(port: arguments.port("port")).run()
case ("client", 2): Scenarios(arguments).run(arguments.words[1])
default: fail("what to do?\n" + usage)
}
