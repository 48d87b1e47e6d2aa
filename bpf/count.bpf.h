/* SPDX-License-Identifier: MIT OR GPL-2.0-only */

/* Frame -> the cells of one interface on one CPU. */
#ifndef BPF_COUNT_BPF_H
#define BPF_COUNT_BPF_H

#include "bpf/packet.bpf.h"

static __always_inline void count_add(struct cell *cells,
                                      const volatile struct count_options *o,
                                      enum group group, __u32 member,
                                      __u64 octets) {
  struct cell *cell = cells + member;

  if (group != GROUP_TOTAL && group != GROUP_PROTOCOL)
    cell += o->layout.first[group];

  /* Each CPU writes its own element only, and nothing interrupts it. */
  if (!o->atomic) {
    cell->packets++;
    cell->octets += octets;
    return;
  }
  __sync_fetch_and_add(&cell->packets, 1);
  __sync_fetch_and_add(&cell->octets, octets);
}

static __always_inline enum size count_size(__u64 octets) {
  if (octets < 512)
    return octets < 64    ? SIZE_0_63
           : octets < 128 ? SIZE_64_127
           : octets < 256 ? SIZE_128_255
                          : SIZE_256_511;
  return octets < 1024   ? SIZE_512_1023
         : octets < 1519 ? SIZE_1024_1518
                         : SIZE_1519_MAX;
}

static __always_inline void count_tcp(struct cell *cells,
                                      const volatile struct count_options *o,
                                      __u8 flags, __u64 octets) {
  if (flags & TCP_FLAG_SYN_BIT)
    count_add(cells, o, GROUP_TCP,
              flags & TCP_FLAG_ACK_BIT ? TCP_SYNACK : TCP_SYN, octets);
  if (flags & TCP_FLAG_FIN_BIT)
    count_add(cells, o, GROUP_TCP, TCP_FIN, octets);
  if (flags & TCP_FLAG_RST_BIT)
    count_add(cells, o, GROUP_TCP, TCP_RST, octets);
}

/* What the groups of the network layer make of `protocol`. */
static __always_inline void
count_network(struct cell *cells, const volatile struct count_options *o,
              __u32 groups, const struct packet *packet, enum protocol protocol,
              __u64 octets) {
  if (groups & GROUP_BIT(GROUP_PROTOCOL))
    count_add(cells, o, GROUP_PROTOCOL, protocol, octets);
  if (groups & GROUP_BIT(GROUP_TCP) &&
      (protocol == PROTOCOL_IPV4_TCP || protocol == PROTOCOL_IPV6_TCP))
    count_tcp(cells, o, packet->tcp_flags, octets);
  if (groups & GROUP_BIT(GROUP_DSCP) && protocol <= PROTOCOL_IPV6_OTHER)
    count_add(cells, o, GROUP_DSCP, packet->dscp, octets);
}

/* Each part is counted as soon as it is known, lest the verifier follow all
 * combinations of all parts. */
static __always_inline void
count_groups(struct cell *cells, const volatile struct count_options *o,
             __u32 groups, const struct frame *frame, __u32 queue) {
  __u64 octets = frame->octets;
  struct packet packet = {0};

  if (groups & GROUP_BIT(GROUP_TOTAL))
    count_add(cells, o, GROUP_TOTAL, 0, octets);
  if (groups & GROUP_BIT(GROUP_QUEUE))
    count_add(cells, o, GROUP_QUEUE, queue < QUEUE_OTHER ? queue : QUEUE_OTHER,
              octets);
  if (groups & GROUP_BIT(GROUP_SIZE))
    count_add(cells, o, GROUP_SIZE, count_size(octets), octets);
  if (!(groups & (GROUPS_OF_LINK | GROUPS_OF_NETWORK)))
    return;

  bool complete = packet_parse_link(frame, &packet);
  if (groups & GROUP_BIT(GROUP_CAST))
    count_add(cells, o, GROUP_CAST, packet.cast, octets);
  if (groups & GROUP_BIT(GROUP_VLAN))
    count_add(cells, o, GROUP_VLAN, packet.vlan, octets);
  if (groups & GROUPS_OF_NETWORK)
    count_network(cells, o, groups, &packet,
                  complete ? packet_parse_network(frame, &packet)
                           : PROTOCOL_TRUNCATED,
                  octets);
}

/* Counts one frame; `queue` is the index of its receive queue. The groups that
 * are reported by default have a copy of their own, in which the compiler
 * leaves out what the verifier could not. */
static __always_inline void count_frame(struct cell *cells,
                                        const volatile struct count_options *o,
                                        const struct frame *frame,
                                        __u32 queue) {
  if (o->layout.groups == GROUP_BIT(GROUP_PROTOCOL))
    count_groups(cells, o, GROUP_BIT(GROUP_PROTOCOL), frame, queue);
  else
    count_groups(cells, o, o->layout.groups, frame, queue);
}

#endif
