// SPDX-License-Identifier: MIT

/* Users' own counters of interfaces: which of them are reported, and what is
 * told of the others. */
#include <net/if_arp.h>
#include <string.h>

#include "tests/unit/interfaces_fakes.h"

/* One card, "eth0", which has these. */
static void start_with(__u64 counters, unsigned short type) {
  settings.counters = counters;
  add_selected("eth0", NULL);
  card_add(1, "eth0");
  card_set_type(1, type);
  start();
}

static void add_block(const char *name, __u64 counters) {
  struct overrides overrides = {.settings = {.counters = counters}};

  add_selected(name, &overrides);
}

#define COUNTED "6 eth0 rx: in the driver (native XDP), error 0\n"

static void test_those_that_are_wanted(void **state) {
  (void)state;
  add_counter("arp", "arp");
  __u64 dns = add_counter("dns", "udp port 53");
  start_with(dns, ARPHRD_ETHER);
  assert_string_equal(fakes.logged, COUNTED);
  card_passes(1, 7);
  assert_string_equal(read_all(), "eth0: rx 1 (7, counters 2) tx 0 attached\n");
  stop();
}

static void test_none(void **state) {
  (void)state;
  add_counter("arp", "arp");
  start_with(0, ARPHRD_ETHER);
  assert_string_equal(fakes.logged, COUNTED);
  assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n");
  stop();
}

static void test_both_directions(void **state) {
  (void)state;
  settings.directions = RX | TX;
  fakes.strips_tags = true;
  __u64 tag = add_counter("tag", "vlan 100");
  __u64 arp = add_counter("arp", "arp");
  start_with(tag | arp, ARPHRD_ETHER);
  assert_non_null(strstr(fakes.logged,
                         "5 eth0 rx: no tag: VLAN tags are taken off before "
                         "XDP; use Mode \"tc\"\n"));
  assert_null(strstr(fakes.logged, "eth0 tx: no"));
  assert_string_equal(
      read_all(), "eth0: rx 1 (0, counters 2) tx 3 (0, counters 3) attached\n");
  stop();
}

/* Raw IP has no Ethernet header. */
static void test_what_is_not_available(void **state) {
  (void)state;
  __u64 tag = add_counter("tag", "vlan 100");
  __u64 dns = add_counter("dns", "udp port 53");
  start_with(tag | dns, ARPHRD_NONE);
  assert_non_null(
      strstr(fakes.logged, "5 eth0 rx: no tag: no VLAN support for Raw IP\n"));
  assert_null(strstr(fakes.logged, "no dns"));
  assert_string_equal(read_all(), "eth0: rx 1 (0, counters 2) tx 0 attached\n");
  stop();
}

static void test_an_unknown_link(void **state) {
  (void)state;
  start_with(add_counter("dns", "udp port 53"), ARPHRD_CAN);
  assert_non_null(strstr(fakes.logged,
                         "5 eth0 rx: no dns: its frames begin neither with "
                         "Ethernet nor with IP\n"));
  assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n");
  stop();
}

/* Until something else comes of an attempt. */
static void test_it_is_told_once(void **state) {
  (void)state;
  card_add(1, "eth0");
  card_set_type(1, ARPHRD_NONE);
  card_answers(
      1, DIRECTION_RX,
      (struct outcome){.entry = ENTRY_TC_RX, .first_error = -EOPNOTSUPP});
  settings.counters = add_counter("tag", "vlan 100");
  add_selected("eth0", NULL);
  start();
  assert_non_null(strstr(fakes.logged, "eth0 rx: no tag: "));
  card_change(1);
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged, "");
  card_answers(1, DIRECTION_RX, (struct outcome){.entry = ENTRY_NATIVE});
  card_change(1);
  turn();
  assert_non_null(strstr(fakes.logged, "eth0 rx: no tag: "));
  stop();
}

/* It is not counted at all, which is told. */
static void test_a_refused_card(void **state) {
  (void)state;
  card_add(1, "eth0");
  card_refuses(1, DIRECTION_RX, -EPERM);
  settings.counters = add_counter("tag", "vlan 100");
  add_selected("eth0", NULL);
  start();
  assert_null(strstr(fakes.logged, "no tag"));
  stop();
}

/* What follows an exchange of programs is told of the new place. */
static void test_beside_another_program(void **state) {
  (void)state;
  __u64 far = add_counter("far", "ether[300] = 1");
  __u64 near = add_counter("near", "ether[30] = 1");
  settings.counters = far | near;
  add_selected("eth0", NULL);
  card_add(1, "eth0");
  card_set_type(1, ARPHRD_ETHER);
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX,
               (struct outcome){.entry = ENTRY_OBSERVE, .is_busy = true});
  start();
  settle();
  assert_string_equal(read_all(),
                      "eth0: rx 4 (0, 0 observed, counters 2) tx 0 attached\n");
  card_set_program(1, 0);
  card_answers(1, DIRECTION_RX, (struct outcome){.entry = ENTRY_NATIVE});
  turn_after(20);
  assert_string_equal(read_all(), "eth0: rx 1 (0, counters 3) tx 0 attached\n");
  stop();
}

/* --- other names -----------------------------------------------------------*/

static void test_rename_to_other_counters(void **state) {
  (void)state;
  settings.directions = RX | TX;
  __u64 dns = add_counter("dns", "udp port 53");
  __u64 arp = add_counter("arp", "arp");
  add_block("lan0", arp);
  start_with(dns, ARPHRD_ETHER);
  card_rename(1, "lan0");
  turn();
  assert_string_equal(fakes.happened, "want 3 of 1\nwant 3 of 1\n");
  assert_string_equal(
      read_all(), "lan0: rx 1 (0, counters 3) tx 3 (0, counters 3) attached\n"
                  "eth0: rx 0 tx 0 lacking\n");
  stop();
}

static void test_rename_to_the_same_counters(void **state) {
  (void)state;
  __u64 dns = add_counter("dns", "udp port 53");
  add_block("lan0", dns);
  start_with(dns, ARPHRD_ETHER);
  card_rename(1, "lan0");
  turn();
  assert_string_equal(fakes.happened, "");
  assert_string_equal(read_all(), "lan0: rx 1 (0, counters 1) tx 0 attached\n"
                                  "eth0: rx 0 tx 0 lacking\n");
  stop();
}

/* The new ones may not be available where it is. */
static void test_rename_to_what_is_not_available(void **state) {
  (void)state;
  __u64 dns = add_counter("dns", "udp port 53");
  __u64 tag = add_counter("tag", "vlan 100");
  add_block("tun1", tag);
  start_with(dns, ARPHRD_NONE);
  card_rename(1, "tun1");
  turn();
  assert_string_equal(read_all(), "tun1: rx 1 (0, counters 1) tx 0 attached\n"
                                  "eth0: rx 0 tx 0 lacking\n");
  assert_non_null(
      strstr(fakes.logged, "5 tun1 rx: no tag: no VLAN support for Raw IP\n"));
  stop();
}

/* --- what cards do with tags -----------------------------------------------*/

/* ethtool is not asked again where nothing else has come of it. */
static void test_tags_of_a_later_attempt(void **state) {
  (void)state;
  fakes.strips_tags = true;
  card_add(1, "eth0");
  card_set_type(1, ARPHRD_ETHER);
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX,
               (struct outcome){.entry = ENTRY_OBSERVE, .is_busy = true});
  settings.counters = add_counter("tag", "vlan 100");
  add_selected("eth0", NULL);
  start();
  settle();
  assert_string_equal(read_all(), "eth0: rx 4 (0, 0 observed) tx 0 attached\n");
  card_change(1);
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.asked, "");
  assert_string_equal(read_all(), "eth0: rx 4 (0, 0 observed) tx 0 attached\n");
  stop();
}

static void test_tags_of_a_veth(void **state) {
  (void)state;
  fakes.strips_tags = true;
  card_add(1, "eth0");
  card_set_type(1, ARPHRD_ETHER);
  card_set_kind(1, "veth");
  settings.counters = add_counter("tag", "vlan 100");
  add_selected("eth0", NULL);
  start();
  assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n");
  stop();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_those_that_are_wanted),
      TEST(test_none),
      TEST(test_both_directions),
      TEST(test_what_is_not_available),
      TEST(test_an_unknown_link),
      TEST(test_it_is_told_once),
      TEST(test_a_refused_card),
      TEST(test_beside_another_program),
      TEST(test_rename_to_other_counters),
      TEST(test_rename_to_the_same_counters),
      TEST(test_rename_to_what_is_not_available),
      TEST(test_tags_of_a_later_attempt),
      TEST(test_tags_of_a_veth),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
