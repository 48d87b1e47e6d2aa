/* SPDX-License-Identifier: MIT */

/* Expressions of pcap-filter(7): its own examples, and each primitive and
 * operator of its grammar. */
#ifndef TESTS_EXPRESSIONS_H
#define TESTS_EXPRESSIONS_H

#include <stddef.h>

/* The links for which libpcap takes it. */
enum right_for {
  RIGHT_FOR_NONE,
  RIGHT_FOR_ETHERNET,
  RIGHT_FOR_IP,
  RIGHT_FOR_BOTH
};

struct expression {
  const char *text;
  enum right_for right_for;
};

extern const struct expression expressions[];
extern const size_t expressions_count;

#endif
