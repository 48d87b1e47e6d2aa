// SPDX-License-Identifier: MIT

/* Frames that are longer than IP's length can tell, as GSO and GRO make them:
 * too long for the table of frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/groups.h"
#include "tests/counting.h"
#include "tests/frames.h"

enum { LENGTH_MAX = 200000 };

static uint8_t octets[LENGTH_MAX];

/* Counts the frame of this name, extended to `length` with zeros. */
static void assert_protocol(const char *name, size_t length,
                            enum protocol protocol) {
  struct cell cells[CELLS_MAX];
  struct layout layout;
  struct counting *counting = counting_native.open(GROUPS_ALL, false, &layout);

  memset(octets, 0, sizeof(octets));
  frame_octets(frame_find(name), octets);
  assert_int_equal(counting_native.count(counting, octets, length, cells), 0);
  assert_int_equal(cells[layout.first[GROUP_PROTOCOL] + protocol].packets, 1);
  assert_int_equal(cells[layout.first[GROUP_PROTOCOL] + protocol].octets,
                   length);
  counting_native.close(counting);
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ipv4_without_a_length),
      cmocka_unit_test(test_ipv4_with_a_wrong_length),
      cmocka_unit_test(test_ipv6_without_a_length),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
