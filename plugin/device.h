/* SPDX-License-Identifier: MIT */

/* What the kernel tells of a network device. */
#ifndef PLUGIN_DEVICE_H
#define PLUGIN_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/counters.h"
#include "plugin/links.h"

struct device {
  unsigned ifindex;
  char kind[32];  /* of rtnetlink, "veth"; empty: hardware, loopback */
  enum link link; /* by ARPHRD_... of linux/if_arp.h */
  unsigned mtu;   /* octets behind the link layer's header */
  bool is_bond_member;
  bool has_vlan; /* a VLAN interface stands on it */

  /* Of ethtool, see device_query_driver(). */
  char driver[32];    /* "virtio_net"; empty where it has none */
  unsigned rx_queues; /* as device_rx_queues() */
  bool strips_tags;   /* takes VLAN tags off before XDP (ethtool -k: rxvlan) */
  bool merges;        /* large receive offload is on (lro) */
};

/* Without a system call: all but has_vlan, and what is of ethtool. The master
 * is NULL where it has none. */
struct device device_of_link(const struct link_state *link,
                             const struct link_state *master);

/* Receive queues in use (ethtool -l), by the name; 1 where there are no
 * channels, 0 where there is no such interface or it cannot be asked. */
unsigned device_rx_queues(const char *name);

/* Adds what ethtool knows of the interface of this name; what that does not
 * tell is left as it is. */
void device_query_driver(const char *name, struct device *device);

/* Visits the members of a bond, bridge or the like; ends at the first error,
 * which is returned. */
int device_visit_members(unsigned ifindex,
                         int (*visit)(void *context, unsigned member),
                         void *context);

#endif
