// SPDX-License-Identifier: MIT OR GPL-2.0-only

/* The entries that see frames. Whatever the frame, its fate is the one that it
 * would have without us. */
#include <linux/bpf.h>

#include "bpf/count.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile struct count_options options = {};

/* ifindex -> the interface's elements, one per possible CPU. The inner map's
 * shape follows the layout and is set before the object is loaded. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, IFINDEX_MAX);
  __type(key, __u32);
  __type(value, __u32);
} xdp_interfaces SEC(".maps");

static __always_inline struct cell *cells_of(void *interfaces, __u32 ifindex) {
  __u32 cpu = bpf_get_smp_processor_id();
  void *elements = bpf_map_lookup_elem(interfaces, &ifindex);

  return elements ? bpf_map_lookup_elem(elements, &cpu) : NULL;
}

static __always_inline bool frame_load(const struct frame *frame, __u64 offset,
                                       void *to, __u64 size) {
  const void *from = frame->data + offset;

  if (from + size > frame->data_end)
    return false;
  __builtin_memcpy(to, __builtin_assume_aligned(from, 2), size);
  return true;
}

SEC("xdp")
int collectd_xdp(struct xdp_md *ctx) {
  struct cell *cells = cells_of(&xdp_interfaces, ctx->ingress_ifindex);
  struct frame frame = {.data = (void *)(long)ctx->data,
                        .data_end = (void *)(long)ctx->data_end};

  if (unlikely(!cells))
    return XDP_PASS;
  frame.octets = frame.data_end - frame.data;
  count_frame(cells, &options, &frame, ctx->rx_queue_index);
  return XDP_PASS;
}
