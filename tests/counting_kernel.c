// SPDX-License-Identifier: MIT

#include "tests/counting.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "plugin/datapath.h"
#include "plugin/groups.h"
#include "plugin/log.h"

/* Test runs come in through the loopback interface, queue 0, which has this
 * index in every network namespace. */
enum { IFINDEX_LOOPBACK = 1 };

struct counting {
  struct datapath *datapath;
  struct port *port;
  struct counts *before, *after;
};

static bool pretend_preempt_rt;

/* Replaces the C library's, which the datapath asks for the kernel's version.
 */
int uname(struct utsname *name) {
  int status = syscall(SYS_uname, name);

  if (pretend_preempt_rt)
    strcpy(name->version, "#1 SMP PREEMPT_RT");
  return status;
}

void log_write(int severity, const char *format, ...) {
  va_list arguments;

  if (severity >= LOG_DEBUG)
    return;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
}

static void kernel_close(struct counting *counting) {
  if (!counting)
    return;
  free(counting->after);
  free(counting->before);
  port_close(counting->port);
  datapath_close(counting->datapath);
  free(counting);
}

/* Whether the loaded program has an atomic addition. */
static bool is_atomic(int program) {
  struct bpf_insn instructions[8192];
  struct bpf_prog_info info = {
      .xlated_prog_insns = (uintptr_t)instructions,
      .xlated_prog_len = sizeof(instructions),
  };
  __u32 size = sizeof(info);

  if (bpf_obj_get_info_by_fd(program, &info, &size) != 0)
    return false;
  for (size_t i = 0; i < info.xlated_prog_len / sizeof(*instructions); i++)
    if (instructions[i].code == (BPF_STX | BPF_DW | BPF_ATOMIC))
      return true;
  return false;
}

static struct counting *kernel_open(__u32 groups, bool atomic,
                                    struct layout *ret_layout) {
  struct counting *counting = calloc(1, sizeof(*counting));
  char why[512] = "";

  pretend_preempt_rt = atomic;
  int error = datapath_open(groups, &counting->datapath, why, sizeof(why));
  if (!error)
    error = port_open(counting->datapath, IFINDEX_LOOPBACK, HOOK_NONE,
                      &counting->port);
  if (!error && is_atomic(datapath_program(counting->datapath)) != atomic)
    error = -EPROTO;
  if (error) {
    fprintf(stderr, "cannot load: %s %s\n", strerror(-error), why);
    kernel_close(counting);
    return NULL;
  }
  counting->before = datapath_new_counts(counting->datapath);
  counting->after = datapath_new_counts(counting->datapath);
  *ret_layout = counting->after->layout;
  return counting;
}

static int kernel_count(struct counting *counting, const uint8_t *octets,
                        size_t length, unsigned queue,
                        struct cell cells[CELLS_MAX]) {
  const struct cell *before = counting->before->cells;
  const struct cell *after = counting->after->cells;
  uint8_t out[length + 1];
  LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = octets, .data_size_in = length,
              .data_out = out, .data_size_out = sizeof(out), .repeat = 1);

  if (queue != 0)
    return -EINVAL;
  port_read(counting->port, counting->before);
  int error =
      bpf_prog_test_run_opts(datapath_program(counting->datapath), &run);
  if (error)
    return error;
  port_read(counting->port, counting->after);
  for (size_t i = 0; i < CELLS_MAX; i++)
    cells[i] = (struct cell){after[i].packets - before[i].packets,
                             after[i].octets - before[i].octets};
  bool untouched = run.retval == XDP_PASS && run.data_size_out == length &&
                   memcmp(out, octets, length) == 0;
  return untouched ? 0 : -EINVAL;
}

const struct counting_way counting_kernel = {
    .length_min = 14,   /* shorter ones are refused */
    .length_max = 3500, /* longer ones come in several buffers */
    .open = kernel_open,
    .count = kernel_count,
    .close = kernel_close,
};
