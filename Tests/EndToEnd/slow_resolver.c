// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// A resolver that takes its time, to be preloaded: `sleep-MILLISECONDS.test` is this machine, found after so long.
// Each such lookup is told on standard error before it sleeps; every other name goes to the real resolver.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  resolver *real = (resolver *)dlsym(RTLD_NEXT, "getaddrinfo");
  unsigned milliseconds;
  if (!node || sscanf(node, "sleep-%u.test", &milliseconds) != 1) return real(node, service, hints, found);
  dprintf(STDERR_FILENO, "resolving %s\n", node);
  struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
  while (nanosleep(&left, &left)) {}
  return real("127.0.0.1", service, hints, found);
}
