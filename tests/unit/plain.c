// SPDX-License-Identifier: MIT

/* The parser's short way never says anything else than the long one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/frame_at.h"
#include "tests/mutate.h"

/* Returns whether the short way was taken. */
static bool check_frame(const uint8_t *octets, size_t length) {
  const struct frame frame = {
      .data = octets, .data_end = octets + length, .octets = length};
  struct packet brief = {0}, whole_way = {0};

  if (!packet_is_plain_tcp(&frame, &brief))
    return false;
  assert_true(packet_parse_link(&frame, &whole_way));
  assert_int_equal(packet_parse_network(&frame, &whole_way), PROTOCOL_IPV4_TCP);
  assert_int_equal(brief.vlan, whole_way.vlan);
  assert_int_equal(brief.dscp, whole_way.dscp);
  assert_int_equal(brief.tcp_flags, whole_way.tcp_flags);
  return true;
}

static void test_short_way(void **state) {
  uint64_t frames = mutate_begin(), taken = 0;
  uint8_t octets[FRAME_MAX];

  (void)state;
  for (uint64_t i = 0; i < frames; i++)
    taken += check_frame(octets, mutate_next(octets, FRAME_MAX));
  assert_in_range(taken, frames / 100, frames / 2);
}

/* What it is there for. */
static void test_short_way_is_taken(void **state) {
  static const char *const names[] = {"ipv4-tcp-syn", "ipv4-tcp-1514-octets",
                                      "ipv4-tcp-padded", "ipv4-df-tcp-syn",
                                      "ipv4-tcp-offset-10-syn"};
  uint8_t octets[FRAME_MAX];

  (void)state;
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
    assert_true(
        check_frame(octets, frame_octets(frame_find(names[i]), octets)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_short_way),
      cmocka_unit_test(test_short_way_is_taken),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
