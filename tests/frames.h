/* SPDX-License-Identifier: MIT */

/* Frames and what they are: the one table that the native parser, the BPF
 * object and the end-to-end tests are held to. */
#ifndef TESTS_FRAMES_H
#define TESTS_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/counters.h"

#define FRAME_MAX 9216

#define TCP_BIT(event) (1U << (event))

struct frame_case {
  const char *name;
  const char *hex; /* octets from the destination address; blanks are ignored */
  size_t length;   /* zero octets are appended up to this one; 0: none */
  size_t whole;    /* cut shorter than this the frame is truncated; 0: cut at
                      all */
  enum protocol protocol;
  enum cast cast;
  enum size size;
  enum vlan vlan;
  unsigned tcp; /* TCP_BIT of each event */
  unsigned dscp;
};

extern const struct frame_case frame_cases[];
extern const size_t frame_cases_count;

/* The octets of a case; returns their number, at most FRAME_MAX. */
size_t frame_octets(const struct frame_case *c, uint8_t octets[FRAME_MAX]);

/* NULL if there is no such name. */
const struct frame_case *frame_find(const char *name);

#endif
