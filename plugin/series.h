/* SPDX-License-Identifier: MIT */

/* What is told under one name: the sum of what interfaces counted while they
 * had it. An interface may give its name away and take another one; so that no
 * series ever falls, a name keeps what was told of it. */
#ifndef PLUGIN_SERIES_H
#define PLUGIN_SERIES_H

#include <net/if.h>

#include "plugin/datapath.h"

struct series {
  char name[IF_NAMESIZE];
  bool is_named; /* in the configuration, by this name */
  /* What is to be added to what the name's interface has counted; NULL:
   * nothing. Modulo 2^64, as the counters are. */
  struct counts *bases[DIRECTION_COUNT];
  __u64 dscp_seen[DIRECTION_COUNT];
};

/* Without an interface. Freed by series_free(); NULL: ENOMEM. */
struct series *series_new(const char *name, bool is_named);

/* Takes NULL, returns NULL. */
struct series *series_free(struct series *series);

/* Adds the counts to the name's base, as of an interface that has it no more;
 * or takes them off, as of one that counted them under another name. Returns 0
 * or -ENOMEM. */
int series_keep(struct series *series, enum direction direction,
                const struct datapath *datapath, const struct counts *counts);
int series_leave_out(struct series *series, enum direction direction,
                     const struct datapath *datapath,
                     const struct counts *counts);

/* Turns what the name's interface counted into what is told. */
void series_complete(const struct series *series, enum direction direction,
                     struct counts *counts);

#endif
