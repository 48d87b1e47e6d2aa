// SPDX-License-Identifier: MIT OR GPL-2.0-only

/* Somebody else's programs: they count the frames that they see and pass or
 * drop them all; the one at XDP may drop some. The others at XDP are for those
 * who observe. */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
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

/* --- of many kinds ---------------------------------------------------------*/

enum {
  /* A frame of UDP in IPv4 to this port and so many above has that verdict. */
  PORT_OF_VERDICTS = 9000,
  VERDICTS_MAX = 9, /* there are 5 */
  TAG_OCTETS = 4,
  OUTER_OCTETS = 20,
};

struct udp_frame {
  unsigned char ethernet_addresses[12];
  __be16 type;
  unsigned char ip[20];
  __be16 source, destination;
};

static __always_inline int verdict_of(struct xdp_md *ctx) {
  const struct udp_frame *frame = (void *)(long)ctx->data;

  see(ctx->data_end - ctx->data);
  if ((void *)(frame + 1) > (void *)(long)ctx->data_end ||
      frame->type != bpf_htons(ETH_P_IP))
    return XDP_PASS;
  __u16 verdict = bpf_ntohs(frame->destination) - PORT_OF_VERDICTS;
  return verdict <= VERDICTS_MAX ? verdict : XDP_PASS;
}

SEC("?xdp")
int foreign_verdicts(struct xdp_md *ctx) { return verdict_of(ctx); }

SEC("?xdp.frags")
int foreign_frags(struct xdp_md *ctx) { return verdict_of(ctx); }

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} foreign_jumps SEC(".maps");

/* Jumps to foreign_verdicts. */
SEC("?xdp")
int foreign_tail(struct xdp_md *ctx) {
  bpf_tail_call(ctx, &foreign_jumps, 0);
  return XDP_ABORTED;
}

/* Takes a tag off, or puts octets before the frame and cuts its end off; what
 * was there is overwritten. */
SEC("?xdp")
int foreign_headers(struct xdp_md *ctx) {
  struct udp_frame *frame = (void *)(long)ctx->data;

  see(ctx->data_end - ctx->data);
  if ((void *)(frame + 1) > (void *)(long)ctx->data_end)
    return XDP_PASS;
  bool is_tagged = frame->type == bpf_htons(ETH_P_8021Q);
  __builtin_memset(frame, 0xff, sizeof(*frame));
  if (bpf_xdp_adjust_head(ctx, is_tagged ? TAG_OCTETS : -OUTER_OCTETS) != 0)
    return XDP_ABORTED;
  if (!is_tagged && bpf_xdp_adjust_tail(ctx, -1) != 0)
    return XDP_ABORTED;
  return is_tagged ? XDP_PASS : XDP_DROP;
}
