/* SPDX-License-Identifier: MIT */

/* How a translated filter reads octets of a frame: the instructions for each
 * load, by what the program gets of the frame (its style). What cannot be read
 * directly, and may yet be there, is read by a helper of the kernel out of
 * line. */
#ifndef PLUGIN_ACCESS_H
#define PLUGIN_ACCESS_H

#include <stdbool.h>

#include "plugin/classic.h"
#include "plugin/code.h"

/* What the program gets. At XDP octets beyond the first 65,535 are not there
 * for a filter, nor does the kernel's helper read any that begin beyond 65,535:
 * only super-frames on a generic XDP are as long. */
enum style {
  STYLE_XDP,       /* struct xdp_md, of one buffer */
  STYLE_XDP_FRAGS, /* the same, maybe of several buffers: Linux 5.18 */
  STYLE_SKB,       /* struct __sk_buff at tc */
  STYLE_MEMORY     /* MEMORY_SIZE octets of memory, a copy of the first ones */
};

#define MEMORY_SIZE 256

/* Registers of a block of filters. R1 to R3 are free between instructions of
 * classic BPF, R4 and R5 at all times; a helper's call uses them up. */
enum {
  REG_A = BPF_REG_0,
  REG_X = BPF_REG_6,
  REG_DATA = BPF_REG_7,
  REG_RESULT = BPF_REG_8,
  REG_END = BPF_REG_9 /* of the data; STYLE_MEMORY: number of valid octets */
};

/* Places on its stack, by their offset to the frame pointer. */
enum {
  AT_WANTED = -8,       /* lower 32 bits, and after them the upper ones */
  AT_CONTEXT = -16,     /* pointer to xdp_md or __sk_buff */
  AT_OCTETS = -24,      /* of the frame */
  AT_BUFFER = -32,      /* what a helper loads */
  AT_A = -40,           /* while a helper loads X */
  AT_WINDOW = -56,      /* octets 8 to 19 of a frame whose tag was taken off */
  AT_MEMORY = -56 - 64, /* M[] of classic BPF */
  STACK_SIZE = 120
};

/* Where one filter reads. */
struct access {
  enum style style;
  bool is_tagged;  /* the tag that was taken off counts as octets 12 to 15 */
  unsigned proven; /* octets from REG_DATA that are known to be there */
  struct detour *detours; /* freed by access_free() */
  size_t detours_count, detours_size;
};

/* Where loads at constant offsets can end at most. */
__u64 access_limit(enum style style);

/* A load of classic BPF. Where the frame has no such octets, execution goes to
 * `nomatch`. */
void access_load(struct access *access, struct code *code,
                 const struct sock_filter *insn, unsigned nomatch);

/* What the loads so far need out of line; execution must not run into it. */
void access_finish(struct access *access, struct code *code, unsigned nomatch);

/* At the beginning of a block: R1 is the context or the memory, R5 the valid
 * octets of it. Sets REG_DATA and REG_END. */
void access_begin(enum style style, struct code *code);

/* Goes on only where a tag was taken off, else to the label: puts it, and what
 * is around it, into the window. */
void access_begin_tagged(struct code *code);

void access_free(struct access *access);

#endif
