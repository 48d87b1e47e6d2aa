// SPDX-License-Identifier: MIT OR GPL-2.0-only

/* Somebody else's programs: they count the frames that they see and pass or
 * drop them all; the one at XDP may drop some. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

__u64 foreign_frames;
__u64 foreign_longest; /* octets; of a super-frame those in memory */
__u64 foreign_drops;   /* at XDP: each so many frames one; 0: none */

/* Returns the number of the frame, from 1 on. Of two that come in on two CPUs
 * at once both may have the later one: kernels before 5.12 do not fetch what
 * they add to. */
static __always_inline __u64 see(__u64 octets) {
  if (octets > foreign_longest)
    foreign_longest = octets;
  __sync_fetch_and_add(&foreign_frames, 1);
  return *(volatile __u64 *)&foreign_frames;
}

SEC("xdp")
int foreign(struct xdp_md *ctx) {
  __u64 number = see(ctx->data_end - ctx->data);

  return foreign_drops && number % foreign_drops == 0 ? XDP_DROP : XDP_PASS;
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
