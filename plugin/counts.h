/* SPDX-License-Identifier: MIT */

/* What one interface counted in one direction up to one moment: the datapath
 * fills it in, the metrics are made of it. */
#ifndef PLUGIN_COUNTS_H
#define PLUGIN_COUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/counters.h"

enum direction { DIRECTION_RX, DIRECTION_TX, DIRECTION_COUNT };

#define DIRECTION_BIT(direction) (1U << (direction))

struct cpu_count {
  struct cell total;
  bool online; /* when collectd started */
};

struct counters;

struct counts {
  struct layout layout;
  const struct counters *counters; /* what they are called; NULL: none */
  struct cell total;
  size_t cells_count;           /* in use */
  struct cell cells[CELLS_MAX]; /* in the order of the layout, all CPUs */
  unsigned queues;              /* receive queues that the interface has */
  size_t cpus_count;
  struct cpu_count cpus[]; /* by the CPU's number */
};

#endif
