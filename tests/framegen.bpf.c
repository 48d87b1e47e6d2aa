// SPDX-License-Identifier: MIT OR GPL-2.0-only

/* Sends each live frame of a test run out of an interface. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile __u32 ifindex = 0;

SEC("xdp")
int framegen(struct xdp_md *ctx) {
  (void)ctx;
  return bpf_redirect(ifindex, 0);
}
