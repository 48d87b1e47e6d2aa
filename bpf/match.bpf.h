/* SPDX-License-Identifier: MIT OR GPL-2.0-only */

/* Which of the users' filters match a frame, and their cells. */
#ifndef BPF_MATCH_BPF_H
#define BPF_MATCH_BPF_H

#include "bpf/count.bpf.h"

/* The set of the filters in `wanted` that match. The filters are put in the
 * place of these instructions when the program is loaded (plugin/graft.h). The
 * compiler is not to know what it does with its arguments, nor that it leaves
 * memory alone: what the verifier learns of a frame in there would multiply
 * what it follows behind, so that the frame is to be asked for anew. */
static __noinline __u64 match(void *context, __u64 octets, __u64 wanted,
                              __u64 link, __u64 valid) {
  __u64 matches;

  asm volatile("%0 = %1"
               : "=r"(matches)
               : "i"(MATCH_STUB), "r"(context), "r"(octets), "r"(wanted),
                 "r"(link), "r"(valid)
               : "memory");
  return matches;
}

/* A value that the compiler does not know, lest it leave an argument out. */
static __always_inline __u64 opaque(__u64 value) {
  asm volatile("" : "+r"(value));
  return value;
}

static __always_inline __u64 match_frame(void *context, __u64 octets,
                                         const struct element *element,
                                         enum link link) {
  return match(context, octets, element->wanted, opaque(link), opaque(0));
}

enum { MATCHES_TOGETHER = 8 };

/* Most frames match few filters, if any: eight that do not are one step. */
static __always_inline void tally_matches(const struct tally *tally,
                                          __u64 matches) {
  __u32 count = tally->layout->counters;

  for (__u32 i = 0; i < COUNTERS_MAX && i < count; i += MATCHES_TOGETHER) {
    __u32 some = matches >> i & 0xff;
    for (__u32 j = i; some && j < i + MATCHES_TOGETHER && j < count; j++) {
      if (some & 1)
        tally_add(tally, GROUP_COUNTER, j);
      some >>= 1;
    }
  }
}

/* Counts one frame, which is `wire` on the wire. */
static __always_inline void
count_matches(struct cell *cells, const volatile struct count_options *options,
              struct wire wire, __u64 matches) {
  struct tally tally = {.cells = cells,
                        .layout = &options->layout,
                        .atomic = options->atomic,
                        .wire = wire};

  tally_matches(&tally, matches);
}

#endif
