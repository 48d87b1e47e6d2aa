/* SPDX-License-Identifier: MIT */

/* The parser's way to a frame's octets, on the host. */
#ifndef TESTS_FRAME_LOAD_H
#define TESTS_FRAME_LOAD_H

#include <string.h>

#include "bpf/packet.bpf.h"

static __always_inline bool frame_load(const struct frame *frame, __u64 offset,
                                       void *to, __u64 size) {
  /* The compiler does not see that nobody reads what was not loaded. */
  memset(to, 0, size);
  if (offset + size > frame->octets)
    return false;
  memcpy(to, (const char *)frame->data + offset, size);
  return true;
}

#endif
