/* SPDX-License-Identifier: MIT */

/* The parser's way to a frame's octets, on the host. */
#ifndef TESTS_FRAME_AT_H
#define TESTS_FRAME_AT_H

#include <string.h>

#include "bpf/packet.bpf.h"

static __always_inline const void *
frame_at(const struct frame *frame, __u64 offset, void *buffer, __u64 size) {
  const char *at = (const char *)frame->data + offset;

  if (offset + size > frame->octets)
    return NULL;
  if (at + size <= (const char *)frame->data_end)
    return at;
  return memcpy(buffer, at, size);
}

#endif
