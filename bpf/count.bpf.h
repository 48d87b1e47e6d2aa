/* SPDX-License-Identifier: MIT OR GPL-2.0-only */

/* Frame -> the cells of one interface on one CPU. */
#ifndef BPF_COUNT_BPF_H
#define BPF_COUNT_BPF_H

#include "bpf/wire.bpf.h"

/* Where one frame is counted, and as what. */
struct tally {
  struct cell *cells;
  const volatile struct layout *layout;
  __u32 groups; /* the layout's */
  bool atomic;
  struct wire wire;
};

static __always_inline void tally_some(const struct tally *tally,
                                       enum group group, __u32 member,
                                       __u64 packets, __u64 octets) {
  struct cell *cell = tally->cells + member;

  if (group != GROUP_TOTAL && group != GROUP_PROTOCOL)
    cell += tally->layout->first[group];

  /* Each CPU writes its own element only, and nothing interrupts it. */
  if (!tally->atomic) {
    cell->packets += packets;
    cell->octets += octets;
    return;
  }
  /* Relaxed, lest a compiler fetch, which kernels before 5.12 refuse. */
  __atomic_fetch_add(&cell->packets, packets, __ATOMIC_RELAXED);
  __atomic_fetch_add(&cell->octets, octets, __ATOMIC_RELAXED);
}

static __always_inline void tally_add(const struct tally *tally,
                                      enum group group, __u32 member) {
  tally_some(tally, group, member, tally->wire.packets, tally->wire.octets);
}

static __always_inline enum size size_of(__u64 octets) {
  if (octets < 512)
    return octets < 64    ? SIZE_0_63
           : octets < 128 ? SIZE_64_127
           : octets < 256 ? SIZE_128_255
                          : SIZE_256_511;
  return octets < 1024   ? SIZE_512_1023
         : octets < 1519 ? SIZE_1024_1518
                         : SIZE_1519_MAX;
}

static __always_inline void tally_size(const struct tally *tally) {
  const struct wire *wire = &tally->wire;
  __u64 full = wire->each * (wire->packets - 1);
  __u64 last = wire->octets - full;

  tally_some(tally, GROUP_SIZE, size_of(last), 1, last);
  if (wire->packets > 1)
    tally_some(tally, GROUP_SIZE, size_of(wire->each), wire->packets - 1, full);
}

/* An event is one, however many segments a super-frame has. */
static __always_inline void tally_event(const struct tally *tally,
                                        enum tcp event) {
  tally_some(tally, GROUP_TCP, event, 1, tally->wire.octets);
}

static __always_inline void tally_tcp(const struct tally *tally, __u8 flags) {
  if (flags & TCP_FLAG_SYN_BIT)
    tally_event(tally, flags & TCP_FLAG_ACK_BIT ? TCP_SYNACK : TCP_SYN);
  if (flags & TCP_FLAG_FIN_BIT)
    tally_event(tally, TCP_FIN);
  if (flags & TCP_FLAG_RST_BIT)
    tally_event(tally, TCP_RST);
}

static __always_inline void tally_vlan(const struct tally *tally,
                                       const struct packet *packet) {
  if (tally->groups & GROUP_BIT(GROUP_VLAN))
    tally_add(tally, GROUP_VLAN, packet->vlan);
}

/* What the groups of the network layer make of `protocol`. */
static __always_inline void tally_network(const struct tally *tally,
                                          const struct packet *packet,
                                          enum protocol protocol) {
  __u32 groups = tally->groups;

  if (groups & GROUP_BIT(GROUP_PROTOCOL))
    tally_add(tally, GROUP_PROTOCOL, protocol);
  if (groups & GROUP_BIT(GROUP_TCP) &&
      (protocol == PROTOCOL_IPV4_TCP || protocol == PROTOCOL_IPV6_TCP))
    tally_tcp(tally, packet->tcp_flags);
  if (groups & GROUP_BIT(GROUP_DSCP) && protocol <= PROTOCOL_IPV6_OTHER)
    tally_add(tally, GROUP_DSCP, packet->dscp);
}

/* Each part is counted as soon as it is known, lest the verifier follow all
 * combinations of all parts. */
static __always_inline void tally_frame(const struct tally *tally,
                                        const struct frame *frame,
                                        enum queue queue) {
  __u32 groups = tally->groups;
  struct packet packet = {0};

  if (groups & GROUP_BIT(GROUP_TOTAL))
    tally_add(tally, GROUP_TOTAL, 0);
  if (groups & GROUP_BIT(GROUP_QUEUE) && queue < QUEUE_COUNT)
    tally_add(tally, GROUP_QUEUE, queue);
  if (groups & GROUP_BIT(GROUP_SIZE))
    tally_size(tally);
  if (groups & GROUP_BIT(GROUP_CAST))
    tally_add(tally, GROUP_CAST, packet_cast(frame));
  if (!(groups & (GROUP_BIT(GROUP_VLAN) | GROUPS_OF_NETWORK)))
    return;

  if (groups & GROUPS_OF_NETWORK &&
      likely(packet_is_plain_tcp(frame, &packet))) {
    tally_vlan(tally, &packet);
    tally_network(tally, &packet, PROTOCOL_IPV4_TCP);
    return;
  }

  bool complete = packet_parse_link(frame, &packet);
  tally_vlan(tally, &packet);
  if (groups & GROUPS_OF_NETWORK)
    tally_network(tally, &packet,
                  complete ? packet_parse_network(frame, &packet)
                           : PROTOCOL_TRUNCATED);
}

static __always_inline enum queue queue_of(__u32 index) {
  return index < QUEUE_OTHER ? index : QUEUE_OTHER;
}

/* Counts one frame, which is `wire` on the wire. The commonest selections have
 * a copy each, in which the compiler leaves out what the verifier could not. */
static __always_inline void
count_frame(struct cell *cells, const volatile struct count_options *options,
            const struct frame *frame, struct wire wire, enum queue queue) {
  __u32 groups = options->layout.groups;
  struct tally tally = {.cells = cells,
                        .layout = &options->layout,
                        .groups = groups,
                        .wire = wire};

  if (options->atomic) {
    tally.atomic = true;
    tally_frame(&tally, frame, queue);
  } else if (groups == GROUP_BIT(GROUP_TOTAL)) {
    tally.groups = GROUP_BIT(GROUP_TOTAL);
    tally_frame(&tally, frame, queue);
  } else if (groups == GROUP_BIT(GROUP_PROTOCOL)) {
    tally.groups = GROUP_BIT(GROUP_PROTOCOL);
    tally_frame(&tally, frame, queue);
  } else if (groups == GROUPS_COUNTED) {
    tally.groups = GROUPS_COUNTED;
    tally_frame(&tally, frame, queue);
  } else {
    tally_frame(&tally, frame, queue);
  }
}

#endif
