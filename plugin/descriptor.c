// SPDX-License-Identifier: MIT

#include "plugin/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

/* What others keep of a limit below FD_SETSIZE. */
enum { RESERVE = 128 };

/* By no more than is needed soon: programs that collectd runs inherit the
 * limit, and before that each descriptor below it is closed. */
static bool raise_limit(void) {
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
    return false;
  rlim_t wanted =
      2 * (limit.rlim_cur < FD_SETSIZE ? FD_SETSIZE : limit.rlim_cur);
  limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static bool may_stay(int descriptor) {
  struct rlimit limit;

  return getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
         limit.rlim_max <= FD_SETSIZE &&
         descriptor + RESERVE < (int)limit.rlim_max;
}

int descriptor_move_up(int descriptor) {
  int high;

  if (descriptor < 0)
    return descriptor;
  do
    high = fcntl(descriptor, F_DUPFD_CLOEXEC, FD_SETSIZE);
  while (high < 0 && raise_limit());
  if (high < 0 && may_stay(descriptor))
    return descriptor;
  close(descriptor);
  return high < 0 ? -EMFILE : high;
}
