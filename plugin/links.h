/* SPDX-License-Identifier: MIT */

/* What the kernel tells of a link, and a table of links by their ifindex: of
 * any number, since each veth of a container takes the next one. */
#ifndef PLUGIN_LINKS_H
#define PLUGIN_LINKS_H

#include <linux/types.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

/* The XDP program of a link, if the host runs it. */
struct xdp_state {
  __u32 program;   /* id; 0: none */
  bool is_generic; /* on the skb, not in the driver */
};

struct link_state {
  unsigned ifindex;
  char name[IF_NAMESIZE]; /* any octets, as the kernel has them */
  char kind[32];          /* of rtnetlink, "veth"; empty: hardware, loopback */
  unsigned short type;    /* ARPHRD_... of linux/if_arp.h */
  unsigned mtu;
  unsigned flags;     /* IFF_... of netdevice(7) */
  unsigned master;    /* the bridge, bond or the like; 0: none */
  unsigned lower;     /* what it stands on in this namespace; 0: nothing */
  unsigned rx_queues; /* there are; those in use may be fewer (ethtool -l) */
  unsigned tx_queues;
  struct xdp_state xdp;
};

bool link_state_equals(const struct link_state *a, const struct link_state *b);

struct links_entry;

/* Empty where it is all zeros. The array does not shrink; the entries, which
 * are most of it, go with their links. */
struct links {
  struct links_entry **buckets;
  size_t buckets_count; /* a power of 2, or 0 */
  size_t entries_count;
};

/* Adds the link or replaces what is known of it. Returns 0 or -ENOMEM. */
int links_put(struct links *links, const struct link_state *state);

/* Also where there is none. */
void links_remove(struct links *links, unsigned ifindex);

/* NULL: there is none. Valid until it is removed. */
const struct link_state *links_find(const struct links *links,
                                    unsigned ifindex);

/* One after the other, from NULL to NULL, in no order. The previous one may be
 * removed once the next is known; nothing is to be put meanwhile. */
const struct link_state *links_next(const struct links *links,
                                    const struct link_state *previous);

/* Whether a VLAN interface stands on the link. */
bool links_has_vlan(const struct links *links, unsigned ifindex);

void links_clear(struct links *links);

#endif
