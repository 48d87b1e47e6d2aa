// SPDX-License-Identifier: MIT

/* Where users' counters can be counted, and what is told where they cannot. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/counter.h"
#include "plugin/expression.h"

static struct counters counters;
static char why[512];

static int tear_down(void **state) {
  (void)state;
  counters_clear(&counters);
  assert_int_equal(counters.count, 0);
  return 0;
}

static unsigned add(const char *name, const char *text) {
  unsigned index = 99;

  assert_int_equal(
      counters_add(&counters, name, text, &index, why, sizeof(why)), 0);
  return index;
}

static struct counter_place at(enum link link, enum entry entry,
                               bool strips_tags) {
  return (struct counter_place){link, entry, strips_tags};
}

static void assert_why_not(const char *text, struct counter_place place,
                           const char *words) {
  counters_clear(&counters);
  assert_int_equal(add("a", text), 0);
  assert_string_equal(counter_why_not(&counters.list[0], &place), words);
}

static void assert_everywhere(const char *text, enum link link,
                              const char *words) {
  for (enum entry e = 0; e < ENTRY_COUNT; e++)
    for (int strips_tags = 0; strips_tags < 2; strips_tags++)
      assert_why_not(text, at(link, e, strips_tags), words);
}

static void test_why_not(void **state) {
  (void)state;
  assert_everywhere("udp port 53", LINK_ETHERNET, "");
  assert_everywhere("udp port 53", LINK_IP, "");
  assert_everywhere("udp port 53", LINK_OTHER,
                    "its frames begin neither with Ethernet nor with IP");
  assert_everywhere("ether dst 02:00:00:00:00:01", LINK_ETHERNET, "");
}

/* libpcap's own words. */
static void test_not_right_for_ip(void **state) {
  (void)state;
  assert_everywhere("ether dst 02:00:00:00:00:01", LINK_IP,
                    "ethernet addresses supported only on ethernet/FDDI/token "
                    "ring/802.11/ATM LANE/Fibre Channel");
  assert_everywhere("vlan 100", LINK_IP, "no VLAN support for Raw IP");
}

/* Where tc has the tag from the kernel's metadata, XDP has nothing. */
static void test_tags_that_are_taken_off(void **state) {
  static const char words[] =
      "VLAN tags are taken off before XDP; use Mode \"tc\"";
  static const enum entry xdp[] = {ENTRY_NATIVE, ENTRY_NATIVE_FRAGS,
                                   ENTRY_GENERIC, ENTRY_OBSERVE};

  (void)state;
  for (size_t i = 0; i < 4; i++) {
    assert_why_not("vlan 100", at(LINK_ETHERNET, xdp[i], true), words);
    assert_why_not("vlan 100", at(LINK_ETHERNET, xdp[i], false), "");
    assert_why_not("arp or vlan", at(LINK_ETHERNET, xdp[i], true), words);
    assert_why_not("arp", at(LINK_ETHERNET, xdp[i], true), "");
  }
  assert_why_not("vlan 100", at(LINK_ETHERNET, ENTRY_TC_RX, true), "");
  assert_why_not("vlan 100", at(LINK_ETHERNET, ENTRY_TC_TX, true), "");
}

/* The 256th octet is the last one that is looked at beside another program. */
static void test_reach(void **state) {
  static const char words[] =
      "it reads beyond the first 256 octets, which are all that is looked at "
      "beside another XDP program";

  (void)state;
  assert_why_not("ether[255] = 1", at(LINK_ETHERNET, ENTRY_OBSERVE, false), "");
  assert_why_not("ether[256] = 1", at(LINK_ETHERNET, ENTRY_OBSERVE, false),
                 words);
  assert_why_not("ether[254:4] = 1", at(LINK_ETHERNET, ENTRY_OBSERVE, false),
                 words);
  for (enum entry e = 0; e < ENTRIES_LOADED; e++)
    assert_why_not("ether[256] = 1", at(LINK_ETHERNET, e, false), "");
}

/* Of an IP header the offset is another one on each link. */
static void test_reach_of_each_link(void **state) {
  (void)state;
  assert_why_not("ip[255] = 1", at(LINK_IP, ENTRY_OBSERVE, false), "");
  assert_why_not("ip[255] = 1", at(LINK_ETHERNET, ENTRY_OBSERVE, false),
                 "it reads beyond the first 256 octets, which are all that is "
                 "looked at beside another XDP program");
}

static __u64 available(__u64 wanted, struct counter_place place) {
  return counters_available(&counters, wanted, &place);
}

static void test_available(void **state) {
  (void)state;
  assert_int_equal(available(COUNTERS_ALL, at(LINK_IP, ENTRY_TC_RX, false)), 0);
  add("dns", "udp port 53");
  add("arp", "arp and ether[0] = 1");
  add("far", "ether[300] = 1");
  add("tag", "vlan 100");
  assert_int_equal(
      available(COUNTERS_ALL, at(LINK_ETHERNET, ENTRY_NATIVE, false)), 0xf);
  assert_int_equal(
      available(COUNTERS_ALL, at(LINK_ETHERNET, ENTRY_NATIVE, true)), 0x7);
  assert_int_equal(
      available(COUNTERS_ALL, at(LINK_ETHERNET, ENTRY_OBSERVE, true)), 0x3);
  assert_int_equal(available(COUNTERS_ALL, at(LINK_OTHER, ENTRY_NATIVE, false)),
                   0);
  assert_int_equal(available(0xa, at(LINK_ETHERNET, ENTRY_NATIVE, true)), 0x2);
  assert_int_equal(available(0, at(LINK_ETHERNET, ENTRY_NATIVE, false)), 0);
}

static void test_the_last_bit(void **state) {
  char name[8], text[16];

  (void)state;
  for (unsigned i = 0; i < COUNTERS_MAX; i++) {
    snprintf(name, sizeof(name), "%u", i);
    snprintf(text, sizeof(text), "port %u", i);
    assert_int_equal(add(name, text), i);
  }
  assert_true(available(1ULL << 63, at(LINK_IP, ENTRY_TC_TX, false)) ==
              1ULL << 63);
}

static void test_the_same_again(void **state) {
  (void)state;
  assert_int_equal(add("a", "arp"), 0);
  assert_int_equal(add("b", "arp"), 1);
  assert_int_equal(add("a", "udp"), 2);
  assert_int_equal(add("b", "arp"), 1);
  assert_int_equal(counters.count, 3);
}

/* --- what programs run -----------------------------------------------------*/

static int translate(enum entry entry) {
  struct block block = {NULL, 0};
  int error = counters_translate(&counters, entry, &block, why, sizeof(why));

  assert_int_equal(!error, block.count > 0);
  if (!error)
    block_close(&block);
  return error;
}

static void test_translate(void **state) {
  (void)state;
  add("dns", "udp port 53");
  add("far", "ether[300] = 1");
  add("tag", "vlan 100");
  for (enum entry e = 0; e < ENTRY_COUNT; e++)
    assert_int_equal(translate(e), 0);
}

static size_t size_at(enum entry entry) {
  struct block block;

  assert_int_equal(
      counters_translate(&counters, entry, &block, why, sizeof(why)), 0);
  size_t count = block.count;
  block_close(&block);
  return count;
}

/* What cannot be counted there is not in it. */
static void test_what_is_left_out(void **state) {
  (void)state;
  add("far", "ether[300] = 1");
  size_t far = size_at(ENTRY_OBSERVE);
  counters_clear(&counters);
  add("near", "ether[30] = 1");
  assert_true(far < size_at(ENTRY_OBSERVE));
}

/* Of octets that differ from frame to frame, joined by one word. */
static void add_large(const char *name, const char *format, unsigned first,
                      unsigned count) {
  char text[EXPRESSION_MAX + 1] = "arp";
  size_t length = strlen(text);

  for (unsigned i = 0; i < count; i++)
    length += snprintf(text + length, sizeof(text) - length, format, first + i);
  add(name, text);
}

/* All are judged of one frame: the 21st is too many. Each octet is compared,
 * and is there at all; of both there are those of ARP. */
static void test_too_many_decisions(void **state) {
  char name[8];

  (void)state;
  for (unsigned i = 0; i < COUNTERS_MAX; i++) {
    snprintf(name, sizeof(name), "%u", i);
    add_large(name, " or ether[%u]=9", 100 + 110 * i, 110);
  }
  assert_int_equal(translate(ENTRY_NATIVE), -E2BIG);
  assert_string_equal(why, "Counter \"20\": can take 7056 decisions for one "
                           "frame, with those of the filters before it, and "
                           "7000 is the limit: write shorter expressions");
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_why_not),
      TEST(test_not_right_for_ip),
      TEST(test_tags_that_are_taken_off),
      TEST(test_reach),
      TEST(test_reach_of_each_link),
      TEST(test_available),
      TEST(test_the_last_bit),
      TEST(test_the_same_again),
      TEST(test_translate),
      TEST(test_what_is_left_out),
      TEST(test_too_many_decisions),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
