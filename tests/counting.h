/* SPDX-License-Identifier: MIT */

/* Two ways to count one frame: with the parser compiled for the host, and with
 * the BPF object in the kernel. */
#ifndef TESTS_COUNTING_H
#define TESTS_COUNTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/counters.h"

/* A selection of groups, ready to count. */
struct counting;

struct counting_way {
  size_t length_min; /* of a frame, octets */
  size_t length_max;
  /* As on a kernel with PREEMPT_RT if `atomic`. NULL, and a line on stderr,
   * where it fails. */
  struct counting *(*open)(__u32 groups, bool atomic,
                           struct layout *ret_layout);
  /* Sets cells to what this frame adds; in the kernel it comes in by queue 0.
   * Returns 0, or -errno where the frame would not have had its way. */
  int (*count)(struct counting *counting, const uint8_t *octets, size_t length,
               unsigned queue, struct cell cells[CELLS_MAX]);
  /* Takes NULL. */
  void (*close)(struct counting *counting);
};

extern const struct counting_way counting_native;
extern const struct counting_way counting_kernel;

#endif
