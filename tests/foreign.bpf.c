// SPDX-License-Identifier: MIT OR GPL-2.0-only

/* Somebody else's XDP program: it passes all frames. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("xdp")
int foreign(struct xdp_md *ctx) {
  (void)ctx;
  return XDP_PASS;
}
