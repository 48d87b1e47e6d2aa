/* SPDX-License-Identifier: MIT OR GPL-2.0-only */

/* A frame as it goes over the wire: a super-frame is several, and a tag that
 * was taken off is there. */
#ifndef BPF_WIRE_BPF_H
#define BPF_WIRE_BPF_H

#include "bpf/packet.bpf.h"

struct wire {
  __u64 packets;
  __u64 octets; /* of all of them */
  __u64 each; /* of each but the last; where there is one it does not matter */
};

/* What the kernel knows of a super-frame (skb_shared_info). */
struct segmentation {
  __u64 count; /* gso_segs, 0: not counted */
  __u64 size;  /* gso_size: payload of each but the last, 0: no super-frame */
};

enum {
  TAG_OCTETS = 4,
  SIZE_BY_FRAGMENTS = 0xffff, /* GSO_BY_FRAGS: they differ (SCTP) */
};

/* What stands before the payload. */
struct headers {
  __u32 octets;
  __u32 local; /* how many of them do not go over the wire */
};

static __always_inline struct headers wire_headers(const struct frame *frame) {
  struct packet packet = {0};

  if (packet_parse_link(frame, &packet))
    packet_parse_network(frame, &packet);
  return (struct headers){packet.offset, packet.local};
}

/* The headers of a tunnel's inner frame are not parsed: there must be as many
 * octets of headers as the segments' payload leaves. */
static __always_inline __u64
wire_headers_of_tunnel(const struct frame *frame,
                       const struct segmentation *segmentation, __u64 headers) {
  __u64 payload = segmentation->count * segmentation->size;
  __u64 least = frame->octets - payload;

  return payload <= frame->octets && least > headers ? least : headers;
}

/* Exact, but for SCTP and for tunnels, whose octets are estimated. */
static __always_inline struct wire
wire_of_super(const struct frame *frame, struct segmentation segmentation,
              struct headers headers) {
  __u64 tag = frame->is_tagged ? TAG_OCTETS : 0;
  __u64 before = headers.octets;
  __u64 payload = frame->octets > before ? frame->octets - before : 1;
  struct wire wire = {.packets = segmentation.count};

  if (!wire.packets)
    wire.packets = (payload + segmentation.size - 1) / segmentation.size;
  else if (segmentation.size != SIZE_BY_FRAGMENTS)
    before = wire_headers_of_tunnel(frame, &segmentation, before);
  before += tag - headers.local;
  wire.octets =
      frame->octets + tag - headers.local + (wire.packets - 1) * before;
  wire.each = before + segmentation.size;
  if (wire.each * (wire.packets - 1) >= wire.octets)
    wire.each = wire.octets / wire.packets;
  return wire;
}

static __always_inline struct wire wire_of(const struct frame *frame) {
  return (struct wire){.packets = 1,
                       .octets =
                           frame->octets + (frame->is_tagged ? TAG_OCTETS : 0)};
}

#endif
