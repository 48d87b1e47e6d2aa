/* SPDX-License-Identifier: MIT */

/* What memory the process, and its maps in the kernel, take. */
#ifndef TESTS_BENCH_FOOTPRINT_H
#define TESTS_BENCH_FOOTPRINT_H

#include "plugin/datapath.h"

/* Octets. */
struct footprint {
  double resident; /* mapped counters included */
  double maps;     /* those to which there is a descriptor */
};

struct footprint footprint_now(void);

/* The map of a port, whose descriptor is given up once it is published. */
double footprint_of_port(const struct datapath *datapath);

#endif
