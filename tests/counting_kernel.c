// SPDX-License-Identifier: MIT

#include "tests/counting.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/datapath.h"
#include "plugin/groups.h"
#include "plugin/log.h"

/* Test runs come in through the loopback interface, queue 0, which has this
 * index in every network namespace. */
enum { IFINDEX_LOOPBACK = 1 };

static struct datapath *datapath;
static struct port *port;
static struct counts *before, *after;

void log_write(int severity, const char *format, ...) {
  va_list arguments;

  if (severity >= LOG_DEBUG)
    return;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
}

static int kernel_open(struct layout *ret_layout) {
  char why[512] = "";
  int error = datapath_open(GROUPS_ALL, &datapath, why, sizeof(why));

  if (!error)
    error = port_open(datapath, IFINDEX_LOOPBACK, HOOK_NONE, &port);
  if (error) {
    fprintf(stderr, "cannot load: %s %s\n", strerror(-error), why);
    return error;
  }
  before = datapath_new_counts(datapath);
  after = datapath_new_counts(datapath);
  *ret_layout = after->layout;
  return before && after ? 0 : -ENOMEM;
}

/* `queue` is what test runs have: 0. */
static int kernel_count(const uint8_t *octets, size_t length, unsigned queue,
                        struct cell cells[CELLS_MAX]) {
  uint8_t out[length + 1];
  LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = octets, .data_size_in = length,
              .data_out = out, .data_size_out = sizeof(out), .repeat = 1);

  port_read(port, before);
  int error = bpf_prog_test_run_opts(datapath_program(datapath), &run);
  if (error)
    return error;
  port_read(port, after);
  for (size_t i = 0; i < CELLS_MAX; i++)
    cells[i] = (struct cell){after->cells[i].packets - before->cells[i].packets,
                             after->cells[i].octets - before->cells[i].octets};
  bool untouched = run.retval == XDP_PASS && run.data_size_out == length &&
                   memcmp(out, octets, length) == 0;
  return queue == 0 && untouched ? 0 : -EINVAL;
}

static void kernel_close(void) {
  free(after);
  free(before);
  port = port_close(port);
  datapath = datapath_close(datapath);
}

const struct counting counting_kernel = {
    .length_min = 14,   /* shorter ones are refused */
    .length_max = 3500, /* longer ones come in several buffers */
    .open = kernel_open,
    .count = kernel_count,
    .close = kernel_close,
};
