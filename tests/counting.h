/* SPDX-License-Identifier: MIT */

/* Ways to count one frame: with the parser compiled for the host, and with each
 * entry of the BPF object in the kernel. */
#ifndef TESTS_COUNTING_H
#define TESTS_COUNTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/counters.h"

/* A frame as an entry may find it. */
struct sample {
  const uint8_t *octets;
  size_t length;
  size_t linear;  /* octets that can be read directly; 0: all */
  unsigned queue; /* index of the receive queue */
  bool is_tagged; /* a tag was taken off */
  unsigned gso_size, gso_segs;
};

/* A selection of groups, ready to count. */
struct counting;

struct counting_way {
  const char *name;
  size_t length_min; /* of a frame, octets */
  size_t length_max;
  bool has_links;   /* counts other links than Ethernet */
  bool has_linear;  /* of a sample: "linear" */
  bool has_gso;     /* of a sample: "gso_size" and "gso_segs" */
  bool is_skb;      /* of the kernel, at tc */
  enum queue queue; /* where a frame counts that comes in by queue 0 */
  /* Whether this kernel has it; NULL: every one has. */
  bool (*is_there)(void);
  const char *absent; /* what it is that a kernel may lack */
  /* As on a kernel with PREEMPT_RT if `atomic`. NULL, and a line on stderr,
   * where it fails. */
  struct counting *(*open)(const struct counting_way *way, __u32 groups,
                           enum link link, bool atomic,
                           struct layout *ret_layout);
  /* Sets cells to what this frame adds; in the kernel it comes in by queue 0.
   * Returns 0, or -errno where the frame would not have had its way. */
  int (*count)(struct counting *counting, const struct sample *sample,
               struct cell cells[CELLS_MAX]);
  /* Takes NULL. */
  void (*close)(struct counting *counting);
  unsigned entry; /* enum entry, of a way of the kernel */
};

/* Whether a frame can be tried in this way: with an skb the kernel's test runs
 * want all of IP's header. */
static inline bool counting_takes(const struct counting_way *way,
                                  const struct sample *sample) {
  unsigned type =
      sample->length < 14 ? 0 : sample->octets[12] << 8 | sample->octets[13];
  size_t length_min = way->length_min;

  if (way->is_skb && type == 0x0800)
    length_min = 14 + 20;
  if (way->is_skb && type == 0x86dd)
    length_min = 14 + 40;
  return sample->length >= length_min && sample->length <= way->length_max;
}

static inline bool counting_is_there(const struct counting_way *way) {
  return !way->is_there || way->is_there();
}

/* Ends the name of a test that is not run, before what the kernel lacks, since
 * skip() of cmocka 1.1 says "not ok" in TAP. */
#define NOT_IN_THIS_KERNEL " # SKIP not in this kernel: "

/* Of that name. */
static inline void counting_test_nothing(void **state) { (void)state; }

extern const struct counting_way counting_native;

/* One for each entry of plugin/datapath.h. */
extern const struct counting_way counting_kernel[];
extern const size_t counting_kernel_count;

#endif
