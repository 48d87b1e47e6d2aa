/* SPDX-License-Identifier: MIT */

/* The state of each selected interface. A thread of its own attaches, so that
 * neither the start nor a read waits for a card. */
#ifndef PLUGIN_INTERFACES_H
#define PLUGIN_INTERFACES_H

#include <stdbool.h>

#include "plugin/counts.h"
#include "plugin/datapath.h"
#include "plugin/selection.h"

struct interfaces;

/* One direction of an interface, at a read. */
struct side_report {
  unsigned mode;               /* as gauge-rx_mode; 0: not counted */
  const struct counts *counts; /* NULL: not counted */
  __u64 *dscp_seen; /* the visitor's to keep from one read to the next, see
                       metrics_emit() */
};

struct interface_report {
  const char *name;
  bool is_attached; /* all directions that were asked for are counted */
  __u32 groups;     /* that are reported of it, set of GROUP_BIT */
  struct side_report sides[DIRECTION_COUNT];
};

typedef void interfaces_visitor(void *context,
                                const struct interface_report *report);

/* Starts to attach the interfaces whose exact names are selected; selection and
 * datapath must outlive it. Returns 0 and sets *ret_interfaces, or -errno. */
int interfaces_start(const struct selection *selection,
                     struct datapath *datapath,
                     struct interfaces **ret_interfaces);

/* Calls visit() for each interface, in the order of the configuration. One
 * caller at a time. */
void interfaces_read(struct interfaces *interfaces, interfaces_visitor *visit,
                     void *context);

/* Ends the thread and detaches. Takes NULL, returns NULL. */
struct interfaces *interfaces_stop(struct interfaces *interfaces);

#endif
