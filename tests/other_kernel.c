// SPDX-License-Identifier: MIT

/* For LD_PRELOAD: another kernel, as these variables of the environment say.
 *   KERNEL_LACKS=tcx     as before Linux 6.6
 *   KERNEL_LACKS=batch   several elements of a map at once, as before 5.13 with
 *                        maps of maps; each refusal is a line of stderr
 *   KERNEL_LACKS=links   memory for them
 *   KERNEL_HOLDS=IFINDEX:FILE
 *                        a slow card: to attach there takes as long as the file
 *                        exists */
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TCX_INGRESS = 46, TCX_EGRESS = 47 };
enum { ENOTSUPP = 524 }; /* the kernel's own, which comes to userspace */

typedef long syscall_function(long number, ...);

static bool lacks(const char *what) {
  const char *list = getenv("KERNEL_LACKS");

  return list && strcmp(list, what) == 0;
}

static void wait_for_card(unsigned ifindex) {
  const char *held = getenv("KERNEL_HOLDS");
  char *file;

  if (held && strtoul(held, &file, 10) == ifindex)
    while (access(file + 1, F_OK) == 0)
      usleep(10000);
}

static bool is_of_tcx(const union bpf_attr *attributes) {
  unsigned type = attributes->link_create.attach_type;

  return type == TCX_INGRESS || type == TCX_EGRESS;
}

/* Returns the error, 0: the kernel itself is to answer. */
static int answer(long command, const union bpf_attr *attributes) {
  switch (command) {
  case BPF_LINK_CREATE:
    wait_for_card(attributes->link_create.target_ifindex);
    if (lacks("links"))
      return ENOMEM;
    return lacks("tcx") && is_of_tcx(attributes) ? EINVAL : 0;
  case BPF_MAP_UPDATE_BATCH:
  case BPF_MAP_DELETE_BATCH:
    if (!lacks("batch"))
      return 0;
    fprintf(stderr, "batch of %u refused\n", attributes->batch.count);
    return ENOTSUPP;
  default:
    return 0;
  }
}

/* Replaces the C library's, by which libbpf calls bpf(2). */
long syscall(long number, ...) {
  syscall_function *next = (syscall_function *)dlsym(RTLD_NEXT, "syscall");
  long arguments[6];
  va_list list;

  va_start(list, number);
  for (int i = 0; i < 6; i++)
    arguments[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_bpf) {
    int error = answer(arguments[0], (const void *)arguments[1]);
    if (error) {
      errno = error;
      return -1;
    }
  }
  return next(number, arguments[0], arguments[1], arguments[2], arguments[3],
              arguments[4], arguments[5]);
}
