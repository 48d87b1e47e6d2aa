// SPDX-License-Identifier: MIT OR GPL-2.0-only

/* What the plugin's program is compared with. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Nothing: what it costs to run a program at all. */
SEC("xdp")
int empty(struct xdp_md *ctx) {
  (void)ctx;
  return XDP_PASS;
}

/* The same at tc. */
SEC("tc")
int empty_tc(struct __sk_buff *skb) {
  (void)skb;
  return TC_ACT_UNSPEC;
}

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} packets SEC(".maps");

/* The tutorials' packet counter: all CPUs add to one, atomically. */
SEC("xdp")
int textbook(struct xdp_md *ctx) {
  __u32 key = 0;
  __u64 *count = bpf_map_lookup_elem(&packets, &key);

  (void)ctx;
  if (count)
    __sync_fetch_and_add(count, 1);
  return XDP_PASS;
}

__u32 watched_thread;
__u64 calls;

/* System calls of one thread; loaded on demand. */
SEC("?raw_tp/sys_enter")
int count_calls(void *ctx) {
  (void)ctx;
  if ((__u32)bpf_get_current_pid_tgid() == watched_thread)
    calls++;
  return 0;
}
