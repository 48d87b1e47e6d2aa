// SPDX-License-Identifier: MIT

#include "plugin/privileges.h"

#include <linux/capability.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* See capabilities(7). */
static const struct {
  const char *name;
  unsigned number;
  bool by_admin; /* CAP_SYS_ADMIN includes it */
} needed[] = {
    {"CAP_BPF", CAP_BPF, true},
    {"CAP_NET_ADMIN", CAP_NET_ADMIN, false},
    {"CAP_PERFMON", CAP_PERFMON, true},
};

/* capget(2), which the C library does not declare. */
static bool read_effective(__u32 effective[_LINUX_CAPABILITY_U32S_3]) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

  if (syscall(SYS_capget, &header, data) != 0)
    return false;
  for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
    effective[i] = data[i].effective;
  return true;
}

static bool has(const __u32 *effective, unsigned capability) {
  return effective[CAP_TO_INDEX(capability)] & CAP_TO_MASK(capability);
}

bool privileges_missing(char *text, size_t size) {
  __u32 effective[_LINUX_CAPABILITY_U32S_3] = {0};
  size_t length = 0;

  text[0] = '\0';
  if (!read_effective(effective))
    return false;
  for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
    if (has(effective, needed[i].number) ||
        (needed[i].by_admin && has(effective, CAP_SYS_ADMIN)))
      continue;
    if (length < size)
      length += snprintf(text + length, size - length, "%s%s",
                         length ? ", " : "", needed[i].name);
  }
  return length;
}
