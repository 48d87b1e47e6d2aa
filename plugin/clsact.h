/* SPDX-License-Identifier: MIT */

/* A program at tc by a filter of the clsact qdisc, for kernels without tcx
 * (before 6.6). Unlike a link a filter outlives its process: it bears a name by
 * which the next start knows it, and whether its process still lives. That is
 * told by a socket, which is there as long as filters are. One thread at a time
 * attaches and detaches. See linux/pkt_cls.h, linux/rtnetlink.h, unix(7). */
#ifndef PLUGIN_CLSACT_H
#define PLUGIN_CLSACT_H

#include <stdbool.h>

/* One filter. */
struct clsact {
  unsigned ifindex;
  bool is_egress;
  unsigned priority;
  unsigned handle;
  bool is_behind;  /* filters of others, which could not be preceded */
  bool made_qdisc; /* for this filter or another of collectd-xdp */
};

/* Adds a filter that runs the program, before those of others if it can be, and
 * the qdisc where there is none. Returns 0 and sets *ret_clsact, or returns
 * -errno: -EADDRINUSE where an ingress qdisc leaves no room for egress,
 * -EOPNOTSUPP where the qdisc shares its filters with others (a block), -ENOSYS
 * where the kernel has no qdiscs (CONFIG_NET_SCHED). */
int clsact_attach(int program, unsigned ifindex, bool is_egress,
                  struct clsact *ret_clsact);

/* Removes the filter, and with it the qdisc that was made for it unless
 * somebody else uses it. Where the filter is gone already, what is there by now
 * stays. */
void clsact_detach(const struct clsact *clsact);

/* Whether the filter is still there; also where that cannot be told. */
bool clsact_is_attached(const struct clsact *clsact);

/* Removes what processes that have died left behind, on all devices of this
 * network namespace. Filters of a process that could not make a socket stay,
 * since nobody can tell whether it lives; so do all where we cannot make one.
 */
void clsact_sweep(void);

#endif
