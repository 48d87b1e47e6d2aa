/* SPDX-License-Identifier: MIT */

/* A block of filters in a small program of its own, in the kernel. */
#ifndef TESTS_JUDGE_H
#define TESTS_JUDGE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/counters.h"
#include "plugin/block.h"

struct judge;

/* A frame as the program may find it. */
struct judged {
  const uint8_t *octets;
  size_t length;
  size_t linear; /* octets that can be read directly; 0: all */
  enum link link;
  /* A tag that is put into the metadata, TPID and TCI; 0: none. STYLE_SKB. */
  uint32_t tag;
  __u64 wanted;
};

/* Whether this kernel has the style. */
bool judge_is_there(enum style style);

/* Loads the block; `block` NULL: none, for comparison. Returns 0, or -errno and
 * the verifier's words on stderr. *ret_processed: how many instructions the
 * verifier followed; NULL: not asked. */
int judge_open(const struct block *block, enum style style,
               struct judge **ret_judge, unsigned *ret_processed);

/* Whether a frame can be tried: with an skb the kernel's test runs want
 * Ethernet and all of IP's header; in one buffer there is less than a page. */
bool judge_takes(const struct judge *judge, const struct judged *judged);

/* Returns 0 and sets *ret_mask to what matches, or -errno. */
int judge_run(struct judge *judge, const struct judged *judged,
              __u64 *ret_mask);

/* The program's descriptor, and what judge_run() does around it: what the next
 * frame is, and how many there were so far, with the last one's matches. */
int judge_program(const struct judge *judge);
void judge_tell(struct judge *judge, const struct judged *judged);
__u64 judge_frames(const struct judge *judge, __u64 *ret_mask);

/* Nanoseconds per frame, mean of so many runs. */
int judge_time(struct judge *judge, const struct judged *judged, unsigned runs,
               unsigned *ret_nanoseconds);

/* Takes NULL. */
void judge_close(struct judge *judge);

#endif
