// SPDX-License-Identifier: MIT

#include "plugin/groups.h"

static const struct {
  const char *name;
  size_t members;
} groups[] = {
    [GROUP_TOTAL] = {"total", 1},
    [GROUP_PROTOCOL] = {"protocol", PROTOCOL_COUNT},
    [GROUP_CAST] = {"cast", CAST_COUNT},
    [GROUP_SIZE] = {"size", SIZE_COUNT},
    [GROUP_VLAN] = {"vlan", VLAN_COUNT},
    [GROUP_TCP] = {"tcp", TCP_COUNT},
    [GROUP_DSCP] = {"dscp", DSCP_COUNT},
    [GROUP_QUEUE] = {"queue", QUEUE_COUNT},
    [GROUP_CPU] = {"cpu", 0},
    [GROUP_COUNTER] = {"counter", 0},
    [GROUP_VERDICT] = {"verdict", VERDICT_COUNT},
};

_Static_assert(sizeof(groups) / sizeof(*groups) == GROUP_COUNT,
               "every group has a row");

const char *groups_name(enum group group) { return groups[group].name; }

size_t groups_members(enum group group) { return groups[group].members; }

size_t groups_lay_out(__u32 wanted, unsigned counters,
                      struct layout *ret_layout) {
  enum group total =
      wanted & GROUP_BIT(GROUP_PROTOCOL) ? GROUP_PROTOCOL : GROUP_TOTAL;
  struct layout layout = {0};
  size_t cells = 0;

  layout.groups = (wanted & GROUPS_COUNTED) | GROUP_BIT(total);
  for (enum group g = 0; g < GROUP_COUNT; g++) {
    if (!(layout.groups & GROUP_BIT(g)))
      continue;
    layout.first[g] = cells;
    cells += groups[g].members;
  }
  layout.counters = counters;
  layout.first[GROUP_COUNTER] = cells;
  cells += counters;
  layout.first[GROUP_VERDICT] = cells;
  *ret_layout = layout;
  return cells;
}

enum group groups_of_total(const struct layout *layout) {
  return layout->groups & GROUP_BIT(GROUP_PROTOCOL) ? GROUP_PROTOCOL
                                                    : GROUP_TOTAL;
}
