/* SPDX-License-Identifier: MIT OR GPL-2.0-only */

/* The contract between the BPF object, which counts, and the plugin, which
 * reads: what is counted and where it stands in memory.
 *
 * Each interface has, for each direction that is counted, one map
 * (BPF_MAP_TYPE_ARRAY, mmapable) of one element per possible CPU, written by
 * that CPU only. A struct layout tells which of an element's cells belong to a
 * group. */
#ifndef BPF_COUNTERS_H
#define BPF_COUNTERS_H

#include <linux/types.h>

/* Octets are those of the frame from the first of its link layer header,
 * without the frame check sequence. */
struct cell {
  __u64 packets;
  __u64 octets;
};

/* What the frames of an interface begin with. */
enum link {
  LINK_ETHERNET,
  LINK_IP,   /* nothing: the header of IP */
  LINK_OTHER /* what we do not know */
};

/* The frame that somebody else's program has on this CPU, as it came in. */
struct entered {
  __u64 matches; /* set of bits, of GROUP_COUNTER's members */
  __u32 octets;
  __u8 is_inside; /* else there is none */
  __u8 protocol;  /* of enum protocol and the like */
  __u8 cast;
  __u8 vlan;
  __u8 dscp;
  __u8 tcp_flags;
  __u8 queue;
  __u8 unused[5];
};

struct element {
  __u64 wanted; /* set of bits: the counters that the interface has */
  __u32 link;   /* enum link, set before the first frame */
  __u32 unused;
  struct entered entered; /* only where one is observed */
  struct cell cells[];
};

/* A group sorts frames into its members, one cell each. */
enum group {
  GROUP_TOTAL,
  GROUP_PROTOCOL,
  GROUP_CAST,
  GROUP_SIZE,
  GROUP_VLAN,
  GROUP_TCP,
  GROUP_DSCP,
  GROUP_QUEUE,
  GROUP_CPU,     /* has no cells: it is the elements themselves */
  GROUP_COUNTER, /* users' own: what their filters match */
  GROUP_VERDICT, /* of somebody else's program, while that is observed */
  GROUP_COUNT
};

#define GROUP_BIT(group) (1U << (group))

/* What is counted of each frame where everything is reported: protocol tells
 * the total. */
#define GROUPS_COUNTED (GROUP_BIT(GROUP_CPU) - 1 - GROUP_BIT(GROUP_TOTAL))

/* What a frame is: the innermost thing that was recognised. The IPv4 members
 * come first, then those of IPv6, so that one comparison tells IP. */
enum protocol {
  PROTOCOL_IPV4_TCP,
  PROTOCOL_IPV4_UDP,
  PROTOCOL_IPV4_ICMP,
  PROTOCOL_IPV4_IGMP,
  PROTOCOL_IPV4_SCTP,
  PROTOCOL_IPV4_GRE,
  PROTOCOL_IPV4_ESP,
  PROTOCOL_IPV4_FRAGMENT, /* not the first one */
  PROTOCOL_IPV4_OTHER,
  PROTOCOL_IPV6_TCP,
  PROTOCOL_IPV6_UDP,
  PROTOCOL_IPV6_ICMP,
  PROTOCOL_IPV6_SCTP,
  PROTOCOL_IPV6_GRE,
  PROTOCOL_IPV6_ESP,
  PROTOCOL_IPV6_FRAGMENT,
  PROTOCOL_IPV6_OTHER,
  PROTOCOL_ARP,
  PROTOCOL_OTHER,
  PROTOCOL_TRUNCATED, /* ends before what its headers promise */
  PROTOCOL_MALFORMED, /* contradicts itself */
  PROTOCOL_COUNT
};

enum cast { CAST_UNICAST, CAST_MULTICAST, CAST_BROADCAST, CAST_COUNT };

/* Octets of the frame; the classes are named after those of RFC 2819, which
 * counts the frame check sequence as well. */
enum size {
  SIZE_0_63,
  SIZE_64_127,
  SIZE_128_255,
  SIZE_256_511,
  SIZE_512_1023,
  SIZE_1024_1518,
  SIZE_1519_MAX,
  SIZE_COUNT
};

enum vlan { VLAN_UNTAGGED, VLAN_TAGGED, VLAN_QINQ, VLAN_COUNT };

/* Events in TCP's flags (RFC 9293, 3.1); a frame may be several or none. */
enum tcp { TCP_SYN, TCP_SYNACK, TCP_FIN, TCP_RST, TCP_COUNT };

/* Of users, one cell each: their sets are of 64 bits. */
#define COUNTERS_MAX 64

#define DSCP_COUNT 64 /* RFC 2474: six bits */

/* Receive queues below QUEUE_OTHER have their own cell. */
enum queue {
  QUEUE_OTHER = 64,
  QUEUE_UNRECORDED, /* the kernel did not keep it (tc) */
  QUEUE_COUNT,
  QUEUE_NONE = QUEUE_COUNT /* of a frame that is sent */
};

/* What another XDP program does with a frame; the kernel drops it as well where
 * that returns a number that it does not know. */
enum verdict {
  VERDICT_PASS,
  VERDICT_DROP,
  VERDICT_TX,
  VERDICT_REDIRECT,
  VERDICT_ABORTED,
  VERDICT_COUNT
};

/* Which groups are counted, and the index of each one's first cell within an
 * element. GROUP_TOTAL is counted only where GROUP_PROTOCOL, which adds up to
 * it, is not; the one of the two stands at index 0. Behind the cells of the
 * groups are those of GROUP_COUNTER, and last those of GROUP_VERDICT, which
 * only elements of an observed program have. */
struct layout {
  __u32 groups;   /* set of GROUP_BIT, without the last two */
  __u32 counters; /* cells of GROUP_COUNTER */
  __u32 first[GROUP_COUNT];
};

/* Cells of an element in which every group is counted. */
#define CELLS_MAX                                                              \
  (PROTOCOL_COUNT + CAST_COUNT + SIZE_COUNT + VLAN_COUNT + TCP_COUNT +         \
   DSCP_COUNT + QUEUE_COUNT + COUNTERS_MAX + VERDICT_COUNT)

/* Behind the cells of an observed program's element are the first octets of the
 * frame: those of Ethernet, IPv4 and TCP, in whole words; where there are
 * filters all that these may examine. */
#define HEAD_OCTETS 56
#define HEAD_OCTETS_OF_FILTERS 256

/* A BPF object has this number where the filters are put when it is loaded, see
 * bpf/match.bpf.h. */
#define MATCH_STUB 0x66696c74

/* Interfaces are found by index in an array; this one and higher ones, in a
 * hash table. */
#define IFINDEX_MAX 65536
#define INTERFACES_BEYOND_MAX 65536

/* Set before the object is loaded; constant to the verifier, which removes what
 * is off. */
struct count_options {
  struct layout layout;
  __u32 atomic; /* counting can be interrupted by counting (PREEMPT_RT) */
};

/* The same of the programs that observe. */
struct observe_options {
  struct layout layout;
  __u32 head;  /* where an element has the head, octets from its begin */
  __u32 netns; /* the namespace that is ours: inode number of ns/net */
};

_Static_assert(sizeof(struct cell) == 16, "both sides see the same cell");
_Static_assert(sizeof(struct entered) == 24, "no padding at its end");
_Static_assert(sizeof(struct element) == 40, "the cells are aligned");
_Static_assert(sizeof(struct layout) == 8 + 4 * GROUP_COUNT, "no padding");
_Static_assert(sizeof(struct observe_options) == sizeof(struct layout) + 8,
               "no padding");

#endif
