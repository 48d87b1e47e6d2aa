/* SPDX-License-Identifier: MIT */

/* The BPF side as seen from the plugin: load once, attach (port.h), read,
 * detach. */
#ifndef PLUGIN_DATAPATH_H
#define PLUGIN_DATAPATH_H

#include <linux/types.h>
#include <stddef.h>

#include "plugin/counts.h"

/* Where frames are counted. */
enum entry {
  ENTRY_NATIVE,       /* received: XDP in the driver */
  ENTRY_NATIVE_FRAGS, /* the same, for frames of several buffers */
  ENTRY_GENERIC,      /* XDP on the skb */
  ENTRY_TC_RX,        /* tc ingress */
  ENTRY_TC_TX,        /* sent: tc egress */
  ENTRY_OBSERVE, /* received: what somebody else's XDP program sees; loaded for
                    each such program */
  ENTRY_COUNT,
  ENTRIES_LOADED = ENTRY_OBSERVE /* with the datapath */
};

#define ENTRY_BIT(entry) (1U << (entry))

/* The loaded programs, shared by all interfaces. */
struct datapath;

struct counters;

/* Loads the programs of `entries` (a set of ENTRY_BIT) so that they count
 * `groups` (a set of GROUP_BIT), the total and the users' own counters, which
 * must outlive it; NULL: there are none. Returns 0 and sets *ret_datapath, or
 * returns -errno and describes the cause and the remedy in `why`. */
int datapath_open(__u32 groups, const struct counters *counters,
                  unsigned entries, struct datapath **ret_datapath, char *why,
                  size_t why_size);

/* Detaches nothing: ports are to be freed before. Takes NULL, returns NULL. */
struct datapath *datapath_close(struct datapath *datapath);

/* The program's descriptor, for test runs; -1 where it is not loaded, as that
 * of ENTRY_NATIVE_FRAGS before Linux 5.18. */
int datapath_program(const struct datapath *datapath, enum entry entry);

/* Zeroed counts, large enough for port_read(). Freed by free(); NULL: ENOMEM.
 */
struct counts *datapath_new_counts(const struct datapath *datapath);

#endif
