/* SPDX-License-Identifier: MIT */

/* The users' own counters: <Counter> blocks. */
#ifndef PLUGIN_COUNTER_H
#define PLUGIN_COUNTER_H

#include "plugin/block.h"
#include "plugin/datapath.h"
#include "plugin/filter.h"

/* Octets; with "counter-" before it it is a type instance of collectd's. */
#define COUNTER_NAME_MAX 100

#define COUNTER_BIT(i) (1ULL << (i))
#define COUNTERS_ALL (~0ULL)

struct counter {
  char *name;
  struct filter *filter;
};

/* Those of all blocks; a counter's index is its bit and its cell. Blocks may
 * have counters of the same name with different filters. */
struct counters {
  size_t count;
  struct counter list[COUNTERS_MAX];
};

/* Returns 0, or -EINVAL and says in `why` what is wrong with the name. */
int counter_check_name(const char *name, char *why, size_t why_size);

/* Adds a counter of such a name, unless one of that name and filter is there,
 * and sets *ret_index. Returns 0; -ENOMEM; or -EINVAL, and says in `why` what
 * is wrong with the filter or the number of counters. */
int counters_add(struct counters *counters, const char *name, const char *text,
                 unsigned *ret_index, char *why, size_t why_size);

/* Leaves none. */
void counters_clear(struct counters *counters);

/* What is known of frames where they are counted. */
struct counter_place {
  enum link link;
  enum entry entry;
  bool strips_tags; /* the card takes VLAN tags off before XDP */
};

/* Why a counter cannot count there, "" where it can. */
const char *counter_why_not(const struct counter *counter,
                            const struct counter_place *place);

/* Those of the set (COUNTER_BIT) that can. */
__u64 counters_available(const struct counters *counters, __u64 wanted,
                         const struct counter_place *place);

/* Whether one of the set looks for VLAN tags. */
bool counters_read_tags(const struct counters *counters, __u64 set);

/* The filters as one block, for programs of an entry. Returns 0; -ENOMEM; or
 * -E2BIG, and says in `why` which counter is too large, and what the limit
 * is. */
int counters_translate(const struct counters *counters, enum entry entry,
                       struct block *ret_block, char *why, size_t why_size);

#endif
