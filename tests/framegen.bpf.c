// SPDX-License-Identifier: MIT OR GPL-2.0-only

/* Sends each live frame of a test run out of an interface. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "tests/framegen.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile __u32 ifindex = 0;
struct frame_head head;

/* The pages of live frames come back as the receiver left them: taking a tag
 * off, it moves the addresses. */
static __always_inline void restore_head(char *data, const char *data_end) {
  char *from = head.octets;
  int i;

  for (i = 0; i < FRAME_HEAD / 8 && data + 8 <= data_end; i++) {
    *(__u64 *)data = *(__u64 *)from;
    data += 8;
    from += 8;
  }
  if (i == FRAME_HEAD / 8)
    return;
  for (i = 0; i < 3 && data + 2 <= data_end; i++) {
    *(__u16 *)data = *(__u16 *)from;
    data += 2;
    from += 2;
  }
}

SEC("xdp")
int framegen(struct xdp_md *ctx) {
  restore_head((char *)(long)ctx->data, (char *)(long)ctx->data_end);
  return bpf_redirect(ifindex, 0);
}
