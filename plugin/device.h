/* SPDX-License-Identifier: MIT */

/* What the kernel tells of a network device. */
#ifndef PLUGIN_DEVICE_H
#define PLUGIN_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/counters.h"

struct device {
  unsigned ifindex;
  char kind[32];   /* of rtnetlink, "veth"; empty: hardware, loopback */
  char driver[32]; /* of ethtool, "virtio_net"; empty where it has none */
  enum link link;  /* by ARPHRD_... of linux/if_arp.h */
  bool is_bond_member;
  unsigned mtu;       /* octets behind the link layer's header */
  unsigned rx_queues; /* as device_rx_queues() */
  bool strips_tags;   /* takes VLAN tags off before XDP (ethtool -k: rxvlan) */
  bool merges;        /* large receive offload is on (lro) */
  bool has_vlan;      /* a VLAN interface stands on it */
};

/* Receive queues in use (ethtool -l); 1 where there are no channels, 0 where
 * there is no such interface or it cannot be asked. */
unsigned device_rx_queues(const char *name);

/* By the name or an alternative one, in the namespace of the process; all but
 * has_vlan. Returns 0 or -errno, -ENODEV where there is none. */
int device_query(const char *name, struct device *ret_device);

/* Visits the members of a bond, bridge or the like; ends at the first error,
 * which is returned. */
int device_visit_members(unsigned ifindex,
                         int (*visit)(void *context, unsigned member),
                         void *context);

#endif
