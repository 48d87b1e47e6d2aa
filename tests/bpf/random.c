// SPDX-License-Identifier: MIT

/* Random and mutated frames: the parser compiled for the host and the BPF
 * object in the kernel count each one alike, and the groups that add up to the
 * total do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/groups.h"
#include "tests/counting.h"
#include "tests/frames.h"
#include "tests/mutate.h"

static struct layout layout;
static struct counting *in_host, *in_kernel;
static void assert_adds_up(const struct cell *cells, enum group group,
                           size_t octets) {
  struct cell sum = {0};

  for (size_t i = 0; i < groups_members(group); i++) {
    sum.packets += cells[layout.first[group] + i].packets;
    sum.octets += cells[layout.first[group] + i].octets;
  }
  assert_int_equal(sum.packets, 1);
  assert_int_equal(sum.octets, octets);
}

static bool has_member(const struct cell *cells, enum group group,
                       unsigned member) {
  return cells[layout.first[group] + member].packets;
}

/* A code point if and only if it is IP, events only of TCP. */
static void assert_belongs_together(const struct cell *cells) {
  bool is_ip = false;
  unsigned code_points = 0, events = 0;

  for (enum protocol p = 0; p <= PROTOCOL_IPV6_OTHER; p++)
    is_ip |= has_member(cells, GROUP_PROTOCOL, p);
  for (unsigned i = 0; i < DSCP_COUNT; i++)
    code_points += has_member(cells, GROUP_DSCP, i);
  for (unsigned i = 0; i < TCP_COUNT; i++)
    events += has_member(cells, GROUP_TCP, i);
  assert_int_equal(code_points, is_ip);
  if (!has_member(cells, GROUP_PROTOCOL, PROTOCOL_IPV4_TCP) &&
      !has_member(cells, GROUP_PROTOCOL, PROTOCOL_IPV6_TCP))
    assert_int_equal(events, 0);
}

static void check_frame(const uint8_t *octets, size_t length) {
  static const enum group adding_up[] = {GROUP_PROTOCOL, GROUP_CAST, GROUP_SIZE,
                                         GROUP_VLAN, GROUP_QUEUE};
  struct cell native[CELLS_MAX], kernel[CELLS_MAX];

  assert_int_equal(counting_native.count(in_host, octets, length, 0, native),
                   0);
  assert_int_equal(counting_kernel.count(in_kernel, octets, length, 0, kernel),
                   0);
  assert_memory_equal(native, kernel, sizeof(native));
  for (size_t i = 0; i < sizeof(adding_up) / sizeof(*adding_up); i++)
    assert_adds_up(kernel, adding_up[i], length);
  assert_belongs_together(kernel);
}

static void test_random_frames(void **unused) {
  uint64_t frames = mutate_begin();
  uint8_t octets[FRAME_MAX];

  (void)unused;
  while (frames--)
    check_frame(octets, mutate_next(octets, counting_kernel.length_max));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_frames)};

  in_host = counting_native.open(GROUPS_ALL, false, &layout);
  in_kernel = counting_kernel.open(GROUPS_ALL, false, &layout);
  if (!in_host || !in_kernel)
    return 1;
  int failures = cmocka_run_group_tests(tests, NULL, NULL);
  counting_kernel.close(in_kernel);
  counting_native.close(in_host);
  return failures;
}
