/* SPDX-License-Identifier: MIT */

/* Up to 64 filters as one BPF subprogram, which tells which of them match a
 * frame, each as pcap_offline_filter() would on the whole frame.
 *
 * At its entry, whatever the style:
 *
 *   R1  the program's context; with STYLE_MEMORY a pointer to MEMORY_SIZE
 *       octets of a map's value, the first ones of the frame
 *   R2  octets of the frame, with a tag that the kernel took off; what `len`
 *       and `greater` of a filter tell
 *   R3  mask of the filters that are wanted: bit i for the one of index i. What
 *       is not wanted costs three instructions. To the verifier it has to be
 *       any number, as what comes from a map's value is; if it knows the
 *       number, it may take long
 *   R4  enum link: what the frame begins with
 *   R5  with STYLE_MEMORY how many octets are valid, MEMORY_SIZE at most
 *
 * It ends with the mask of those that match in R0, which is any number to the
 * verifier: nothing that depends on it multiplies what the verifier follows.
 * R6 to R9 are kept, as for each subprogram. It takes STACK_SIZE octets of the
 * stack (plugin/access.h).
 *
 * There is no instruction of two slots and none that the loader would have to
 * relocate: what calls it may stand before or behind, and the instructions may
 * take the place of those of a subprogram of these arguments. */
#ifndef PLUGIN_BLOCK_H
#define PLUGIN_BLOCK_H

#include <linux/bpf.h>
#include <stddef.h>

#include "bpf/counters.h"
#include "plugin/access.h"
#include "plugin/classic.h"

#define BLOCK_FILTERS_MAX 64

/* Limits of one filter, of which the block itself has none: instructions in a
 * block for each way that it reads, and conditional jumps of all filters on one
 * way through the block. The verifier follows 8192 at most, the caller's
 * included (BPF_COMPLEXITY_LIMIT_JMP_SEQ in kernel/bpf/verifier.c). */
#define BLOCK_INSNS_MAX 16000
#define BLOCK_JUMPS_MAX 7000

/* A filter for frames of each link; NULL: matches none. Valid programs (see
 * classic_is_valid()). */
struct block_filter {
  const struct classic *programs[LINK_OTHER];
};

struct block {
  struct bpf_insn *insns;
  size_t count;
};

/* Returns 0 and sets *ret_block; -ENOMEM; or -E2BIG, and then sets *ret_index
 * to the filter that is too large, and says in `why` what the limit is. Equal
 * programs are evaluated once. */
int block_open(const struct block_filter *filters, size_t count,
               enum style style, struct block *ret_block, size_t *ret_index,
               char *why, size_t why_size);

void block_close(struct block *block);

#endif
