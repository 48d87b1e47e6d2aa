/* SPDX-License-Identifier: MIT */

/* The state of each selected interface. A thread of its own follows what comes
 * and goes, attaches and detaches, so that neither the start nor a read waits
 * for a card. */
#ifndef PLUGIN_INTERFACES_H
#define PLUGIN_INTERFACES_H

#include <stdbool.h>

#include <net/if.h>

#include "plugin/counts.h"
#include "plugin/datapath.h"
#include "plugin/selection.h"

struct interfaces;

/* One direction of an interface, at a read. */
struct side_report {
  unsigned mode;               /* as gauge-rx_mode; 0: not counted */
  __u32 groups;                /* to be told, set of GROUP_BIT */
  __u64 counters;              /* the same of users' own, of COUNTER_BIT */
  const struct counts *counts; /* NULL: not counted */
  __u64 dscp_seen; /* the visitor's to keep from one read to the next, see
                      metrics_emit() */
};

struct interface_report {
  char name[IF_NAMESIZE];
  bool is_attached; /* all directions that were asked for are counted */
  struct side_report sides[DIRECTION_COUNT];
};

typedef void interfaces_visitor(void *context, struct interface_report *report);

struct counters;

/* Starts to attach what is selected; all must outlive it. Returns 0 and sets
 * *ret_interfaces, or -errno. */
int interfaces_start(struct selection *selection,
                     const struct counters *counters, struct datapath *datapath,
                     struct interfaces **ret_interfaces);

/* Calls visit() for each interface that is there, and for those that are not
 * but are configured by name. One caller at a time. */
void interfaces_read(struct interfaces *interfaces, interfaces_visitor *visit,
                     void *context);

/* Ends the thread and detaches. Takes NULL, returns NULL. */
struct interfaces *interfaces_stop(struct interfaces *interfaces);

#endif
