// SPDX-License-Identifier: MIT

/* For LD_PRELOAD: a kernel that does not know tcx, as before Linux 6.6. */
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <sys/syscall.h>

enum { TCX_INGRESS = 46, TCX_EGRESS = 47 };

typedef long syscall_function(long number, ...);

/* Replaces the C library's, by which libbpf calls bpf(2). */
long syscall(long number, ...) {
  syscall_function *next = (syscall_function *)dlsym(RTLD_NEXT, "syscall");
  long arguments[6];
  va_list list;

  va_start(list, number);
  for (int i = 0; i < 6; i++)
    arguments[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_bpf && arguments[0] == BPF_LINK_CREATE) {
    const union bpf_attr *attributes = (const void *)arguments[1];
    unsigned type = attributes->link_create.attach_type;
    if (type == TCX_INGRESS || type == TCX_EGRESS) {
      errno = EINVAL;
      return -1;
    }
  }
  return next(number, arguments[0], arguments[1], arguments[2], arguments[3],
              arguments[4], arguments[5]);
}
