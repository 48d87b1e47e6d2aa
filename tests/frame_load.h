/* SPDX-License-Identifier: MIT */

/* The parser's way to a frame's octets, on the host. */
#ifndef TESTS_FRAME_LOAD_H
#define TESTS_FRAME_LOAD_H

#include <string.h>

#include "bpf/packet.bpf.h"

static __always_inline const void *
frame_at(const struct frame *frame, __u64 offset, void *buffer, __u64 size) {
  if (offset + size > frame->octets)
    return NULL;
  return memcpy(buffer, (const char *)frame->data + offset, size);
}

#endif
