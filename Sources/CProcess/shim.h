#include <spawn.h>
#include <sys/resource.h>
#include <sys/types.h>

// Functions of the C library that its headers show to GNU programs only, which Swift's view of them is not. Names of their own,
// so that a later view that has them does not collide.

// prlimit(2): the limits of another process.
extern int sluice_prlimit(pid_t process, int resource, const struct rlimit *limit, struct rlimit *before) __asm__("prlimit");

// Closes every descriptor from `first` on in the child (glibc 2.34).
extern int sluice_spawn_close_from(posix_spawn_file_actions_t *actions, int first)
    __asm__("posix_spawn_file_actions_addclosefrom_np");

// timerfd_create(2) and timerfd_settime(2). Their header is not included: it would take the types of time out of Swift's view of
// the C library. `times` has the memory of a struct itimerspec: the interval, then the first expiry, each in seconds and nanoseconds.
extern int sluice_timerfd_create(int clock, int flags) __asm__("timerfd_create");
extern int sluice_timerfd_settime(int timer, int flags, const long times[4], void *before) __asm__("timerfd_settime");
enum { SLUICE_TIMER_ABSTIME = 1 };
