/* SPDX-License-Identifier: MIT */

/* A program at tc by a filter of the clsact qdisc, for kernels without tcx
 * (before 6.6). Unlike a link a filter outlives its process: it bears a name by
 * which the next start knows it. See linux/pkt_cls.h, linux/rtnetlink.h. */
#ifndef PLUGIN_CLSACT_H
#define PLUGIN_CLSACT_H

#include <stdbool.h>

/* One filter. */
struct clsact {
  unsigned ifindex;
  bool is_egress;
  unsigned priority;
  bool is_behind;  /* filters of others, which could not be preceded */
  bool made_qdisc; /* for this filter or another of collectd-xdp */
};

/* Adds a filter that runs the program, before those of others if it can be, and
 * the qdisc where there is none. Returns 0 and sets *ret_clsact, or returns
 * -errno: -EADDRINUSE where an ingress qdisc leaves no room for egress,
 * -EOPNOTSUPP where the qdisc shares its filters with others (a block). */
int clsact_attach(int program, unsigned ifindex, bool is_egress,
                  struct clsact *ret_clsact);

/* Removes the filter, and the qdisc that was made for it unless somebody else
 * uses it. */
void clsact_detach(const struct clsact *clsact);

/* Removes what processes of this program's name that have died left behind, on
 * all devices; to be called before anything is attached. */
void clsact_sweep(void);

#endif
