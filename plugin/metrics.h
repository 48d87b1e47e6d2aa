/* SPDX-License-Identifier: MIT */

/* Counts -> values as collectd names them: type (of its stock types.db) and
 * type instance, GROUP-MEMBER. */
#ifndef PLUGIN_METRICS_H
#define PLUGIN_METRICS_H

#include "plugin/counts.h"

struct metric {
  const char *type;
  const char *type_instance;
  __u64 value; /* of the type "gauge" a GAUGE, else a DERIVE */
};

typedef void metrics_sink(void *context, const struct metric *metric);

/* Hands the values of `groups` (a set of GROUP_BIT), of users' counters (a set
 * of COUNTER_BIT), and the total, to the sink. *dscp_seen has a bit for each
 * code point that was handed out before; one that is new begins with a zero,
 * from which its first rate is made, and has its bit set. */
void metrics_emit(__u32 groups, __u64 counters, enum direction direction,
                  const struct counts *counts, __u64 *dscp_seen,
                  metrics_sink *sink, void *context);

/* Hands out the state of an interface: whether it is counted as asked for, and
 * where (0: nowhere) in each direction. */
void metrics_emit_state(bool is_attached,
                        const unsigned modes[static DIRECTION_COUNT],
                        metrics_sink *sink, void *context);

#endif
