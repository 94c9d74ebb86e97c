// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// A disk that is full, slow or stuck, to be preloaded: the file that FAULTY_DISK names says which. `full` fails every write at an
// offset with ENOSPC, which is how databases write; `stuck` keeps every such write for as long as it says so; `slow MILLISECONDS`
// sleeps in every sync; `kill NUMBER` ends the process by SIGKILL in the middle of its NUMBER-th write at an offset, half of it
// done. Without the file all is well.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int says(char *text, size_t size) {
  const char *path = getenv("FAULTY_DISK");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return 0;
  ssize_t count = read(file, text, size - 1);
  close(file);
  text[count > 0 ? count : 0] = 0;
  return 1;
}

static int is_full(void) {
  char text[32];
  int kept = errno;
  struct timespec moment = {0, 10 * 1000000L};
  while (says(text, sizeof text) && strncmp(text, "stuck", 5) == 0) nanosleep(&moment, NULL);
  int full = says(text, sizeof text) && strncmp(text, "full", 4) == 0;
  errno = full ? ENOSPC : kept;
  return full;
}

static void dawdle(void) {
  char text[32];
  unsigned milliseconds;
  if (!says(text, sizeof text) || sscanf(text, "slow %u", &milliseconds) != 1) return;
  struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
  while (nanosleep(&left, &left)) {}
}

typedef ssize_t (*writer)(int, const void *, size_t, off64_t);

static ssize_t write_at(writer real, int file, const void *bytes, size_t count, off64_t offset) {
  static atomic_uint writes;
  char text[32];
  unsigned last;
  if (is_full()) return -1;
  if (says(text, sizeof text) && sscanf(text, "kill %u", &last) == 1 && atomic_fetch_add(&writes, 1) + 1 == last) {
    real(file, bytes, count / 2, offset);
    kill(getpid(), SIGKILL);
  }
  return real(file, bytes, count, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  return write_at((writer)dlsym(RTLD_NEXT, "pwrite"), file, bytes, count, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
  return write_at((writer)dlsym(RTLD_NEXT, "pwrite64"), file, bytes, count, offset);
}

int fsync(int file) {
  dawdle();
  return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
  dawdle();
  return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}
