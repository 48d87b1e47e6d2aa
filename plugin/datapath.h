/* SPDX-License-Identifier: MIT */

/* The BPF side as seen from the plugin: load once, attach, read, detach. Only
 * datapath.c knows libbpf. */
#ifndef PLUGIN_DATAPATH_H
#define PLUGIN_DATAPATH_H

#include <linux/types.h>
#include <stddef.h>

#include "plugin/counts.h"

/* Where an interface's frames are counted; the numbers are those of
 * gauge-rx_mode. */
enum hook { HOOK_NONE, HOOK_NATIVE, HOOK_GENERIC };

/* The loaded program, shared by all interfaces. */
struct datapath;

/* One interface: its counters, and the link that keeps the program attached. */
struct port;

/* Loads the program so that it counts `groups` (a set of GROUP_BIT) and the
 * total. Returns 0 and sets *ret_datapath, or returns -errno and describes the
 * cause and the remedy in `why`. */
int datapath_open(__u32 groups, struct datapath **ret_datapath, char *why,
                  size_t why_size);

/* Detaches nothing: ports are to be closed before. Takes NULL, returns NULL. */
struct datapath *datapath_close(struct datapath *datapath);

/* The program's descriptor, for test runs. */
int datapath_program(const struct datapath *datapath);

/* Makes counters for the interface and, but for HOOK_NONE, attaches the program
 * in the driver or on the skb. Replaces nobody: where a program is attached it
 * returns -EBUSY or -EEXIST, and -EALREADY where there is a port. May take as
 * long as the card's reset. Returns 0 and sets *ret_port, or -errno. */
int port_open(struct datapath *datapath, unsigned ifindex, enum hook hook,
              struct port **ret_port);

/* Detaches. Takes NULL, returns NULL. */
struct port *port_close(struct port *port);

/* Zeroed counts, large enough for port_read(). Freed by free(); NULL: ENOMEM.
 */
struct counts *datapath_new_counts(const struct datapath *datapath);

/* Sums up what was counted since port_open(), without a system call. */
void port_read(const struct port *port, struct counts *counts);

#endif
