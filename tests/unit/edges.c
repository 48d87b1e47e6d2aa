// SPDX-License-Identifier: MIT

/* What the table of frames has no room for: frames that are longer than IP's
 * length can tell, as GSO and GRO make them; and receive queues. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/groups.h"
#include "tests/counting.h"
#include "tests/frames.h"

enum { LENGTH_MAX = 200000 };

static uint8_t octets[LENGTH_MAX];

static struct counting *counting;
static struct layout layout;
static struct cell cells[CELLS_MAX];

static int set_up(void **state) {
  (void)state;
  memset(octets, 0, sizeof(octets));
  counting = counting_native.open(&counting_native, GROUPS_ALL, LINK_ETHERNET,
                                  false, &layout);
  return counting ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  counting_native.close(counting);
  return 0;
}

/* That the first `length` octets count once as this member. */
static void assert_counts(size_t length, unsigned queue, enum group group,
                          unsigned member) {
  const struct cell *cell = &cells[layout.first[group] + member];
  struct sample sample = {.octets = octets, .length = length, .queue = queue};

  assert_int_equal(counting_native.count(counting, &sample, cells), 0);
  assert_int_equal(cell->packets, 1);
  assert_int_equal(cell->octets, length);
}

/* The frame of this name, extended to `length` with zeros. */
static void assert_protocol(const char *name, size_t length,
                            enum protocol protocol) {
  memset(octets, 0, sizeof(octets));
  frame_octets(frame_find(name), octets);
  assert_counts(length, 0, GROUP_PROTOCOL, protocol);
}

/* 65,549 octets are what a total length of 65,535 tells. */
static void test_ipv4_without_a_length(void **state) {
  (void)state;
  assert_protocol("ipv4-total-0-padded-tcp-syn", 60, PROTOCOL_MALFORMED);
  assert_protocol("ipv4-total-0-padded-tcp-syn", 65549, PROTOCOL_MALFORMED);
  assert_protocol("ipv4-total-0-padded-tcp-syn", 65550, PROTOCOL_IPV4_TCP);
  assert_protocol("ipv4-total-0-padded-tcp-syn", 149210, PROTOCOL_IPV4_TCP);
}

static void test_ipv4_with_a_wrong_length(void **state) {
  (void)state;
  assert_protocol("ipv4-total-19", 65550, PROTOCOL_MALFORMED);
}

static void test_ipv6_without_a_length(void **state) {
  (void)state;
  assert_protocol("ipv6-payload-0-udp", 65549, PROTOCOL_IPV6_UDP);
  assert_protocol("ipv6-payload-0-udp", 149210, PROTOCOL_IPV6_UDP);
}

/* 8 extension headers of 2048 octets each, the most there can be, and UDP. */
static void test_longest_chain(void **state) {
  enum { FIRST = 22 + 40, LENGTH = FIRST + 8 * 2048 + 8 };

  (void)state;
  frame_octets(frame_find("qinq-ipv6-udp"), octets);
  memset(octets + 26, 0, 2); /* payload length: to the end */
  octets[22 + 6] = 60;       /* destination options */
  for (size_t i = 0; i < 8; i++) {
    octets[FIRST + i * 2048] = i < 7 ? 60 : 17;
    octets[FIRST + i * 2048 + 1] = 255;
  }
  assert_counts(LENGTH, 0, GROUP_PROTOCOL, PROTOCOL_IPV6_UDP);
  assert_counts(LENGTH - 1, 0, GROUP_PROTOCOL, PROTOCOL_TRUNCATED);
}

static void test_queues(void **state) {
  (void)state;
  assert_counts(60, 0, GROUP_QUEUE, 0);
  assert_counts(60, 63, GROUP_QUEUE, 63);
  assert_counts(60, 64, GROUP_QUEUE, QUEUE_OTHER);
  assert_counts(60, 65, GROUP_QUEUE, QUEUE_OTHER);
  assert_counts(60, 4095, GROUP_QUEUE, QUEUE_OTHER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_ipv4_without_a_length),
      TEST(test_ipv4_with_a_wrong_length),
      TEST(test_ipv6_without_a_length),
      TEST(test_longest_chain),
      TEST(test_queues),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
