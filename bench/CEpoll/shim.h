// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

// Swift's Glibc module leaves epoll out.
#include <sys/epoll.h>
