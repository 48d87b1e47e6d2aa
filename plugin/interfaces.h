/* SPDX-License-Identifier: MIT */

/* The state of each selected interface. A thread of its own attaches, so that
 * neither the start nor a read waits for a card. */
#ifndef PLUGIN_INTERFACES_H
#define PLUGIN_INTERFACES_H

#include "plugin/config.h"
#include "plugin/counts.h"
#include "plugin/datapath.h"

struct interfaces;

/* Visits an interface that is attached. *dscp_seen is the visitor's to keep
 * from one read to the next, see metrics_emit(). */
typedef void interfaces_visitor(void *context, const char *name,
                                const struct counts *counts, __u64 *dscp_seen);

/* Starts to attach what config selects; the datapath must outlive it. Returns 0
 * and sets *ret_interfaces, or -errno. */
int interfaces_start(const struct config *config, struct datapath *datapath,
                     struct interfaces **ret_interfaces);

/* Calls visit() for each interface that is attached, in the order of the
 * configuration. One caller at a time. */
void interfaces_read(struct interfaces *interfaces, interfaces_visitor *visit,
                     void *context);

/* Ends the thread and detaches. Takes NULL, returns NULL. */
struct interfaces *interfaces_stop(struct interfaces *interfaces);

#endif
