/* SPDX-License-Identifier: MIT */

/* What is told under a name in one direction: the sum of what interfaces
 * counted while they had the name. An interface may give its name away and take
 * another one; so that no series ever falls, a name keeps what was told of
 * it. */
#ifndef PLUGIN_SERIES_H
#define PLUGIN_SERIES_H

#include "plugin/counts.h"

/* All zeros is a new one. */
struct series {
  /* To be added to what the name's interface has counted, cell by cell; NULL:
   * nothing. Modulo 2^64, as the counters are. */
  struct cell *base;
  __u64 dscp_seen; /* see metrics_emit() */
};

/* Adds the counts to the base, as of an interface that has the name no more; or
 * takes them off, as of one that counted them under another name. All counts
 * have the same layout. Returns 0 or -ENOMEM. */
int series_keep(struct series *series, const struct counts *counts);
int series_leave_out(struct series *series, const struct counts *counts);

/* Turns what the name's interface counted into what is told. */
void series_complete(const struct series *series, struct counts *counts);

void series_clear(struct series *series);

#endif
