/* SPDX-License-Identifier: MIT */

/* Two ways to count one frame, by all groups: with the parser compiled for the
 * host, and with the BPF object in the kernel. */
#ifndef TESTS_COUNTING_H
#define TESTS_COUNTING_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/counters.h"

struct counting {
  size_t length_min; /* of a frame, octets */
  size_t length_max;
  int (*open)(struct layout *ret_layout);
  /* Sets cells to what this frame adds. Returns 0, or -errno where the frame
   * would not have had its way. */
  int (*count)(const uint8_t *octets, size_t length, unsigned queue,
               struct cell cells[CELLS_MAX]);
  void (*close)(void);
};

extern const struct counting counting_native;
extern const struct counting counting_kernel;

#endif
