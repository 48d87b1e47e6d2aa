// SPDX-License-Identifier: MIT OR GPL-2.0-only

/* The entries that see frames. Whatever the frame, its fate is the one that it
 * would have without us. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "bpf/count.bpf.h"
#include "bpf/elements.bpf.h"
#include "bpf/match.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile struct count_options options = {};

struct interfaces xdp_interfaces SEC(".maps");
struct interfaces tc_rx_interfaces SEC(".maps");
struct interfaces tc_tx_interfaces SEC(".maps");
struct interfaces_beyond xdp_beyond SEC(".maps");
struct interfaces_beyond tc_rx_beyond SEC(".maps");
struct interfaces_beyond tc_tx_beyond SEC(".maps");

static __always_inline bool load_rest(const struct frame *frame, __u64 offset,
                                      void *to, __u64 size) {
  switch (frame->rest) {
  case REST_XDP:
    return bpf_xdp_load_bytes(frame->context, offset, to, size) == 0;
  case REST_SKB:
    return bpf_skb_load_bytes(frame->context, offset, to, size) == 0;
  default:
    return false;
  }
}

static __always_inline const void *
frame_at(const struct frame *frame, __u64 offset, void *buffer, __u64 size) {
  const void *at = frame->data + offset;

  if (likely(at + size <= frame->data_end))
    return at;
  return load_rest(frame, offset, buffer, size) ? buffer : NULL;
}

/* How a program of XDP has its frames. */
enum shape {
  SHAPE_BUFFER, /* in one buffer */
  SHAPE_FRAGS   /* maybe in several, of which the first can be read directly */
};

static __always_inline __u64 octets_of_xdp(struct xdp_md *ctx,
                                           enum shape shape) {
  return shape == SHAPE_FRAGS
             ? bpf_xdp_get_buff_len(ctx)
             : (void *)(long)ctx->data_end - (void *)(long)ctx->data;
}

static __always_inline struct frame
frame_of_xdp(struct xdp_md *ctx, enum shape shape, enum link link) {
  return (struct frame){.data = (void *)(long)ctx->data,
                        .data_end = (void *)(long)ctx->data_end,
                        .rest = shape == SHAPE_FRAGS ? REST_XDP : REST_NONE,
                        .context = ctx,
                        .octets = octets_of_xdp(ctx, shape),
                        .link = link};
}

/* The filters come first: what the verifier learns of the frame there is
 * forgotten. */
static __always_inline void match_xdp(struct xdp_md *ctx,
                                      struct element *element, enum shape shape,
                                      enum link link) {
  struct wire wire = {.packets = 1, .octets = octets_of_xdp(ctx, shape)};

  count_matches(element->cells, &options, wire,
                match_frame(ctx, wire.octets, element, link));
}

/* Drivers with XDP have Ethernet; `any_link`: a device may have another link.
 */
static __always_inline int count_xdp(struct xdp_md *ctx, enum shape shape,
                                     bool any_link) {
  struct element *element =
      element_of(&xdp_interfaces, &xdp_beyond, ctx->ingress_ifindex);

  if (unlikely(!element))
    return XDP_PASS;
  enum link link = any_link ? element->link : LINK_ETHERNET;
  if (options.layout.counters && element->wanted)
    match_xdp(ctx, element, shape, link);
  struct frame frame = frame_of_xdp(ctx, shape, link);
  count_frame(element->cells, &options, &frame, wire_of(&frame),
              queue_of(ctx->rx_queue_index));
  return XDP_PASS;
}

SEC("collectd/xdp")
int collectd_xdp(struct xdp_md *ctx) {
  return count_xdp(ctx, SHAPE_BUFFER, false);
}

SEC("collectd/frags")
int collectd_frags(struct xdp_md *ctx) {
  return count_xdp(ctx, SHAPE_FRAGS, false);
}

/* On the skb of any device. */
SEC("collectd/xdp")
int collectd_skb(struct xdp_md *ctx) {
  return count_xdp(ctx, SHAPE_BUFFER, true);
}

static __always_inline struct frame frame_of_skb(struct __sk_buff *skb,
                                                 enum link link) {
  return (struct frame){.data = (void *)(long)skb->data,
                        .data_end = (void *)(long)skb->data_end,
                        .rest = REST_SKB,
                        .context = skb,
                        .octets = skb->len,
                        .link = link,
                        .is_tagged = skb->vlan_present,
                        .is_super = skb->gso_size};
}

/* struct headers of a super-frame, which few frames are: not inlined. As any
 * value to the verifier, lest it follow what comes next for each one. */
static __attribute__((noinline)) __u64 headers_of_super(struct __sk_buff *skb,
                                                        __u32 link) {
  struct frame frame = frame_of_skb(skb, link);
  struct headers headers = wire_headers(&frame);

  return ((__u64)headers.local << 32 | headers.octets) + zero;
}

static __always_inline struct wire wire_of_skb(struct __sk_buff *skb,
                                               enum link link) {
  struct segmentation segmentation = {skb->gso_segs, skb->gso_size};
  struct frame frame = frame_of_skb(skb, link);

  if (likely(!frame.is_super))
    return wire_of(&frame);
  __u64 headers = headers_of_super(skb, link);
  return wire_of_super(&frame, segmentation,
                       (struct headers){headers, headers >> 32});
}

/* A super-frame is judged once, with the tag that was taken off. */
static __always_inline void match_skb(struct __sk_buff *skb,
                                      struct element *element, enum link link,
                                      struct wire wire) {
  __u64 octets = skb->len + (skb->vlan_present ? TAG_OCTETS : 0);

  count_matches(element->cells, &options, wire,
                match_frame(skb, octets, element, link));
}

/* The frame comes after the calls: what the verifier learns of its octets there
 * would keep apart what comes next. */
static __always_inline void
count_skb(struct __sk_buff *skb, struct element *element, enum queue queue) {
  if (unlikely(!element))
    return;
  enum link link = element->link;
  struct wire wire = wire_of_skb(skb, link);
  if (options.layout.counters && element->wanted)
    match_skb(skb, element, link, wire);
  struct frame frame = frame_of_skb(skb, link);
  count_frame(element->cells, &options, &frame, wire, queue);
}

/* TC_ACT_UNSPEC, which is TCX_NEXT: whoever is behind us sees the frame. */
SEC("collectd/tc")
int collectd_tc_rx(struct __sk_buff *skb) {
  __u32 recorded = skb->queue_mapping; /* 0: not */

  count_skb(skb, element_of(&tc_rx_interfaces, &tc_rx_beyond, skb->ifindex),
            recorded ? queue_of(recorded - 1) : QUEUE_UNRECORDED);
  return TC_ACT_UNSPEC;
}

SEC("collectd/tc")
int collectd_tc_tx(struct __sk_buff *skb) {
  count_skb(skb, element_of(&tc_tx_interfaces, &tc_tx_beyond, skb->ifindex),
            QUEUE_NONE);
  return TC_ACT_UNSPEC;
}
