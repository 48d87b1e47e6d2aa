// SPDX-License-Identifier: MIT OR GPL-2.0-only

/* Somebody else's programs: they pass or drop all frames, and count those that
 * they see. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

__u64 foreign_frames;
__u64 foreign_longest; /* octets; of a super-frame those in memory */

static __always_inline void see(__u64 octets) {
  __sync_fetch_and_add(&foreign_frames, 1);
  if (octets > foreign_longest)
    foreign_longest = octets;
}

SEC("xdp")
int foreign(struct xdp_md *ctx) {
  see(ctx->data_end - ctx->data);
  return XDP_PASS;
}

SEC("tc")
int foreign_tc(struct __sk_buff *skb) {
  see(skb->len);
  return TC_ACT_UNSPEC;
}

SEC("tc/drop")
int foreign_drop(struct __sk_buff *skb) {
  see(skb->len);
  return TC_ACT_SHOT;
}
