// SPDX-License-Identifier: MIT

/* Random and mutated frames: the parser compiled for the host and the BPF
 * object in the kernel count each one alike, and the groups that add up to the
 * total do. SEED= and FRAMES= in the environment choose others. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "plugin/groups.h"
#include "tests/counting.h"
#include "tests/frames.h"

static struct layout layout;
static struct counting *in_host, *in_kernel;
static uint64_t state;

/* xorshift64* (Vigna 2016): the same frames everywhere for one seed. */
static uint64_t next(void) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545f4914f6cdd1dULL >> 16;
}

static size_t below(size_t limit) { return next() % limit; }

static uint64_t from_environment(const char *name, uint64_t otherwise) {
  const char *value = getenv(name);

  return value ? strtoull(value, NULL, 0) : otherwise;
}

/* Octets that decide something when they stand in the right place. */
static uint8_t interesting(void) {
  static const uint8_t octets[] = {
      0x00, 0x01, 0x04, 0x06, 0x08, 0x11, 0x2b, 0x2c, 0x32, 0x33, 0x3a,
      0x3b, 0x3c, 0x45, 0x4f, 0x60, 0x81, 0x86, 0x88, 0xa8, 0xdd, 0xff};

  return below(4) ? octets[below(sizeof(octets))] : next();
}

/* A frame of the table with some octets changed, cut or extended; or noise. */
static size_t make_frame(uint8_t octets[FRAME_MAX]) {
  const struct frame_case *c = &frame_cases[below(frame_cases_count)];
  size_t length = frame_octets(c, octets);

  if (length > counting_kernel.length_max)
    length = counting_kernel.length_max;
  if (!below(16))
    for (size_t i = 0; i < length; i++)
      octets[i] = next();
  for (size_t n = below(6); n; n--)
    octets[12 + below((length < 80 ? length : 80) - 12)] = interesting();
  if (!below(4))
    length = 14 + below(length - 13);
  for (size_t n = below(4) ? 0 : below(64); n && length < 3500; n--)
    octets[length++] = next();
  return length;
}

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

/* The seed is said, so that a failure can be had again. */
static void test_random_frames(void **unused) {
  uint64_t seed = from_environment("SEED", time(NULL));
  uint64_t frames = from_environment("FRAMES", 1000000);
  uint8_t octets[FRAME_MAX];

  (void)unused;
  print_message("# SEED=%" PRIu64 " FRAMES=%" PRIu64 "\n", seed, frames);
  state = seed;
  while (frames--)
    check_frame(octets, make_frame(octets));
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
