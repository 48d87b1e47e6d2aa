// SPDX-License-Identifier: MIT

/* Super-frames, and tags that were taken off: what they are on the wire. The
 * expectations are literals. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/groups.h"
#include "tests/counting.h"
#include "tests/frames.h"

enum { LENGTH_MAX = 200000 };

static struct layout layout;
static struct cell cells[CELLS_MAX];

static const struct cell *member_of(enum group group, unsigned member) {
  return &cells[layout.first[group] + member];
}

/* Counts the frame of this name with so many octets of payload behind it. */
static void count(const char *name, enum link link, size_t payload,
                  struct sample sample) {
  static uint8_t octets[FRAME_MAX + LENGTH_MAX];
  struct counting *counting =
      counting_native.open(&counting_native, GROUPS_ALL, link, false, &layout);

  memset(octets, 0, sizeof(octets));
  sample.octets = octets;
  sample.length = frame_octets(frame_find(name), octets) + payload;
  if (link == LINK_IP) {
    sample.octets += 14;
    sample.length -= 14;
  }
  assert_int_equal(counting_native.count(counting, &sample, cells), 0);
  counting_native.close(counting);
}

static void assert_cell(enum group group, unsigned member, __u64 packets,
                        __u64 octets) {
  assert_int_equal(member_of(group, member)->packets, packets);
  assert_int_equal(member_of(group, member)->octets, octets);
}

static void assert_sizes(unsigned small, enum size size, unsigned frames) {
  for (enum size s = 0; s < SIZE_COUNT; s++)
    assert_int_equal(member_of(GROUP_SIZE, s)->packets,
                     (s == size ? frames : 0) + (s == SIZE_0_63 ? small : 0));
}

#define GSO(segs, size)                                                        \
  (struct sample) { .gso_segs = (segs), .gso_size = (size) }

/* 14 + 20 + 20 octets of headers. */
static void test_tcp(void **state) {
  (void)state;
  count("ipv4-tcp", LINK_ETHERNET, 14480, GSO(10, 1448));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_TCP, 10, 15020);
  assert_cell(GROUP_CAST, CAST_UNICAST, 10, 15020);
  assert_cell(GROUP_VLAN, VLAN_UNTAGGED, 10, 15020);
  assert_cell(GROUP_DSCP, 0, 10, 15020);
  assert_cell(GROUP_QUEUE, 0, 10, 15020);
  assert_sizes(0, SIZE_1024_1518, 10);
}

static void test_segments_that_nobody_counted(void **state) {
  (void)state;
  count("ipv4-tcp", LINK_ETHERNET, 14480, GSO(0, 1448));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_TCP, 10, 15020);
  assert_sizes(0, SIZE_1024_1518, 10);
}

static void test_a_short_last_segment(void **state) {
  (void)state;
  count("ipv4-tcp", LINK_ETHERNET, 14481, GSO(0, 1448));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_TCP, 11, 15075);
  assert_sizes(1, SIZE_1024_1518, 10);
  count("ipv4-tcp", LINK_ETHERNET, 14481, GSO(11, 1448));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_TCP, 11, 15075);
  assert_sizes(1, SIZE_1024_1518, 10);
}

static void test_a_single_segment(void **state) {
  (void)state;
  count("ipv4-tcp", LINK_ETHERNET, 900, GSO(1, 1448));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_TCP, 1, 954);
  assert_sizes(0, SIZE_512_1023, 1);
  count("ipv4-tcp", LINK_ETHERNET, 900, GSO(0, 1448));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_TCP, 1, 954);
}

static void test_flags_are_events(void **state) {
  (void)state;
  count("qinq-ipv4-tcp-fin", LINK_ETHERNET, 14480, GSO(10, 1448));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_TCP, 10, 15100);
  assert_cell(GROUP_VLAN, VLAN_QINQ, 10, 15100);
  assert_int_equal(member_of(GROUP_TCP, TCP_FIN)->packets, 1);
}

static void test_udp(void **state) {
  (void)state;
  count("ipv4-udp", LINK_ETHERNET, 3000, GSO(0, 1000));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_UDP, 3, 3126);
  assert_sizes(0, SIZE_1024_1518, 3);
}

/* Its segments differ in length (GSO_BY_FRAGS): taken for equal. */
static void test_sctp(void **state) {
  (void)state;
  count("ipv4-sctp", LINK_ETHERNET, 3000, GSO(3, 0xffff));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_SCTP, 3, 3138);
  assert_sizes(0, SIZE_1024_1518, 3);
}

/* VXLAN: 50 octets of headers, and 54 of TCP's inner frame. */
static void test_tunnel(void **state) {
  (void)state;
  count("ipv4-udp", LINK_ETHERNET, 62 + 14480, GSO(10, 1448));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_UDP, 10, 14480 + 10 * 104);
  assert_sizes(0, SIZE_1519_MAX, 10);
}

/* Where the last segment is short its octets cannot be told. */
static void test_tunnel_is_an_estimate(void **state) {
  (void)state;
  count("ipv4-udp", LINK_ETHERNET, 62 + 14000, GSO(10, 1448));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_UDP, 10, 62 + 14000 + 10 * 42);
}

/* The jumbo payload option of 8 octets is not on the wire; without it there are
 * 74 octets of headers, and 8918 of payload. */
static void test_big_tcp_in_ipv6(void **state) {
  (void)state;
  count("ipv6-hopopts-jumbo-tcp-syn-9000-octets", LINK_ETHERNET, 0,
        GSO(7, 1428));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV6_TCP, 7, 8918 + 7 * 74);
  count("ipv6-hopopts-jumbo-tcp-syn-9000-octets", LINK_ETHERNET, 0,
        GSO(0, 1428));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV6_TCP, 7, 8918 + 7 * 74);
  count("ipv6-hopopts-jumbo-tcp-syn-9000-octets", LINK_ETHERNET, 0, GSO(0, 0));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV6_TCP, 1, 9000);
}

/* Total length 0 means "to the end" on a super-frame, however short. */
static void test_big_tcp_in_ipv4(void **state) {
  (void)state;
  count("ipv4-total-0-padded-tcp-syn", LINK_ETHERNET, 144794, GSO(100, 1448));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_TCP, 100, 144800 + 100 * 54);
  count("ipv4-total-0-padded-tcp-syn", LINK_ETHERNET, 0, GSO(1, 1448));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_TCP, 1, 60);
  count("ipv4-total-0-padded-tcp-syn", LINK_ETHERNET, 0, GSO(0, 0));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_MALFORMED, 1, 60);
}

static void test_without_link_layer(void **state) {
  (void)state;
  count("ipv4-tcp", LINK_IP, 14480, GSO(0, 1448));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_TCP, 10, 14880);
  assert_sizes(0, SIZE_1024_1518, 10);
}

/* Nothing is known of the headers: they are nothing. */
static void test_unknown_link_layer(void **state) {
  (void)state;
  count("ipv4-tcp", LINK_OTHER, 1394, GSO(0, 1448));
  assert_cell(GROUP_PROTOCOL, PROTOCOL_OTHER, 1, 1448);
}

/* The tag counts like one in the frame. */
static void test_tag(void **state) {
  (void)state;
  count("ipv4-tcp", LINK_ETHERNET, 1461, (struct sample){.is_tagged = true});
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_TCP, 1, 1519);
  assert_cell(GROUP_VLAN, VLAN_TAGGED, 1, 1519);
  assert_sizes(0, SIZE_1519_MAX, 1);
}

static void test_tag_before_one_in_the_frame(void **state) {
  (void)state;
  count("vlan-ipv4-udp", LINK_ETHERNET, 0, (struct sample){.is_tagged = true});
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_UDP, 1, 50);
  assert_cell(GROUP_VLAN, VLAN_QINQ, 1, 50);
}

static void test_tag_before_two_in_the_frame(void **state) {
  (void)state;
  count("qinq-ipv4-tcp-fin", LINK_ETHERNET, 0,
        (struct sample){.is_tagged = true});
  assert_cell(GROUP_PROTOCOL, PROTOCOL_OTHER, 1, 66);
  assert_cell(GROUP_VLAN, VLAN_QINQ, 1, 66);
}

static void test_tag_on_a_super_frame(void **state) {
  (void)state;
  count("ipv4-tcp", LINK_ETHERNET, 14480,
        (struct sample){.is_tagged = true, .gso_segs = 0, .gso_size = 1448});
  assert_cell(GROUP_PROTOCOL, PROTOCOL_IPV4_TCP, 10, 14480 + 10 * 58);
  assert_cell(GROUP_VLAN, VLAN_TAGGED, 10, 14480 + 10 * 58);
  assert_sizes(0, SIZE_1024_1518, 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tcp),
      cmocka_unit_test(test_segments_that_nobody_counted),
      cmocka_unit_test(test_a_short_last_segment),
      cmocka_unit_test(test_a_single_segment),
      cmocka_unit_test(test_flags_are_events),
      cmocka_unit_test(test_udp),
      cmocka_unit_test(test_sctp),
      cmocka_unit_test(test_tunnel),
      cmocka_unit_test(test_tunnel_is_an_estimate),
      cmocka_unit_test(test_big_tcp_in_ipv6),
      cmocka_unit_test(test_big_tcp_in_ipv4),
      cmocka_unit_test(test_without_link_layer),
      cmocka_unit_test(test_unknown_link_layer),
      cmocka_unit_test(test_tag),
      cmocka_unit_test(test_tag_before_one_in_the_frame),
      cmocka_unit_test(test_tag_before_two_in_the_frame),
      cmocka_unit_test(test_tag_on_a_super_frame),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
