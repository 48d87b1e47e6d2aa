/* SPDX-License-Identifier: MIT */

/* Programs of classic BPF, as libpcap makes them of an expression: whether they
 * are valid, and what can be told of them before they run. The accumulator A
 * and the index register X are 32 bits wide and begin with 0, as the scratch
 * memory M does. See linux/filter.h and pcap_filter() of libpcap. */
#ifndef PLUGIN_CLASSIC_H
#define PLUGIN_CLASSIC_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

struct classic {
  struct sock_filter *insns;
  size_t count;
};

/* What can be told of an instruction. */
struct fact {
  bool is_reachable;
  __u32 a_max, x_max; /* of A and X before it */
  unsigned set;       /* bits of what was certainly written before it */
};

/* The bits of A and X in struct fact and in classic_analyse(); that of M[i] is
 * 1 << i. */
#define SET_A (1U << BPF_MEMWORDS)
#define SET_X (2U << BPF_MEMWORDS)

/* Whether all instructions are known, all jumps go forwards to one of them, and
 * the last one returns. */
bool classic_is_valid(const struct classic *program);

/* Fills in a fact for each instruction of a valid program that runs where loads
 * that end beyond `limit` octets fail. Returns the bits of what may be read
 * before it is written. */
unsigned classic_analyse(const struct classic *program, __u64 limit,
                         struct fact *facts);

/* Where the frame's octets that an instruction loads at a constant offset end;
 * 0 where it loads none so. */
__u64 classic_extent(const struct sock_filter *insn);

/* Octets that it loads from the frame; 0: none. */
unsigned classic_load_size(const struct sock_filter *insn);

/* The most that any of its instructions loads: extents are less. */
__u64 classic_reach(const struct classic *program);

/* Whether the outcome is the same whatever the frame; *ret_matches is it. */
bool classic_is_constant(const struct classic *program, bool *ret_matches);

bool classic_equals(const struct classic *a, const struct classic *b);

#endif
