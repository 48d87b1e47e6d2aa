/* SPDX-License-Identifier: MIT */

/* The groups of bpf/counters.h: their names, their sizes, their place. */
#ifndef PLUGIN_GROUPS_H
#define PLUGIN_GROUPS_H

#include <stddef.h>

#include "bpf/counters.h"

#define GROUPS_ALL (GROUP_BIT(GROUP_COUNT) - 1)
#define GROUPS_DEFAULT GROUP_BIT(GROUP_PROTOCOL)

/* As in Report and in the values, "protocol". */
const char *groups_name(enum group group);

/* Cells of a group; of GROUP_COUNTER there are as many as counters. */
size_t groups_members(enum group group);

/* Sets *ret_layout so that all of `groups` (a set of GROUP_BIT), the total and
 * so many counters can be told. Returns the number of cells of an element,
 * without those of GROUP_VERDICT, which come behind them; with these at most
 * CELLS_MAX. */
size_t groups_lay_out(__u32 groups, unsigned counters,
                      struct layout *ret_layout);

/* The group, at index 0, whose cells add up to the total. */
enum group groups_of_total(const struct layout *layout);

#endif
