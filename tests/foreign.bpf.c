// SPDX-License-Identifier: MIT OR GPL-2.0-only

/* Somebody else's programs: they pass all frames. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("xdp")
int foreign(struct xdp_md *ctx) {
  (void)ctx;
  return XDP_PASS;
}

SEC("tc")
int foreign_tc(struct __sk_buff *skb) {
  (void)skb;
  return TC_ACT_UNSPEC;
}
