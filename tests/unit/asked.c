// SPDX-License-Identifier: MIT

/* What ethtool is asked, and when: it takes longer than to attach, where others
 * make interfaces. */
#include <string.h>

#include "tests/unit/interfaces_fakes.h"

static const struct outcome at_tc = {.entry = ENTRY_TC_RX,
                                     .first_error = -EOPNOTSUPP};

static void start_with(unsigned ifindex, const char *kind,
                       struct outcome outcome) {
  add_selected("eth0", NULL);
  card_add(ifindex, "eth0");
  card_set_kind(ifindex, kind);
  card_answers(ifindex, DIRECTION_RX, outcome);
  start();
}

static void start_veth(struct outcome outcome) {
  start_with(1, "veth", outcome);
}

static void look_at_queues(void *context, struct interface_report *report) {
  *(unsigned *)context = report->sides[DIRECTION_RX].counts->queues;
}

static unsigned read_queues(void) {
  unsigned queues = 99;

  interfaces_read(interfaces, look_at_queues, &queues);
  return queues;
}

/* --- the driver ------------------------------------------------------------*/

/* Afterwards: what is attached does not wait for it. */
static void test_the_driver_of_hardware(void **state) {
  (void)state;
  add_selected("eth0", NULL);
  card_add(1, "eth0");
  fakes.slow_card = 1;
  start_only();
  wait_until_slow();
  assert_string_equal(fakes.asked, "");
  end_slowness();
  turn();
  assert_string_equal(fakes.told_device.driver, "fake");
  assert_string_equal(fakes.asked, "");
  assert_int_equal(read_queues(), 2);
  stop();
}

static void test_hardware_is_asked_once(void **state) {
  (void)state;
  start_with(1, "", (struct outcome){.error = -EIO});
  assert_string_equal(fakes.asked, "driver eth0");
  turn_after(1000);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.asked, "");
  card_refuses(1, DIRECTION_RX, -EPERM);
  turn_after(2000);
  assert_string_equal(fakes.asked, "driver eth0");
  stop();
}

/* There is nothing to be told that it knows. */
static void test_a_veth_is_not_asked(void **state) {
  (void)state;
  start_veth((struct outcome){.entry = ENTRY_NATIVE});
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.asked, "");
  assert_string_equal(fakes.told_device.kind, "veth");
  assert_string_equal(fakes.told_device.driver, "");
  stop();
}

static void test_a_veth_that_is_refused_native_xdp(void **state) {
  (void)state;
  start_veth(at_tc);
  assert_string_equal(fakes.asked, "driver eth0");
  stop();
}

/* Of every tenth. */
static void test_a_veth_below_a_vlan(void **state) {
  (void)state;
  start_with(20, "veth", (struct outcome){.entry = ENTRY_NATIVE});
  assert_string_equal(fakes.asked, "driver eth0");
  stop();
}

static void test_a_veth_whose_tags_are_reported(void **state) {
  (void)state;
  settings.groups = GROUP_BIT(GROUP_VLAN);
  start_veth((struct outcome){.entry = ENTRY_NATIVE});
  assert_string_equal(fakes.asked, "driver eth0");
  stop();
}

static void test_a_member_of_a_bond(void **state) {
  (void)state;
  add_selected("eth0", NULL);
  card_add(1, "bond0");
  card_set_kind(1, "bond");
  card_add(2, "eth0");
  card_enslave(2, 1);
  start();
  assert_true(fakes.last_device.is_bond_member);
  stop();
}

static void test_a_port_of_a_bridge(void **state) {
  (void)state;
  add_selected("eth0", NULL);
  card_add(1, "br0");
  card_set_kind(1, "bridge");
  card_add(2, "eth0");
  card_enslave(2, 1);
  start();
  assert_false(fakes.last_device.is_bond_member);
  assert_int_equal(fakes.last_device.mtu, 1500);
  stop();
}

/* --- queues that are reported ----------------------------------------------*/

/* From the first read on, which may come while it is attached. */
static void test_queues_that_are_reported(void **state) {
  (void)state;
  settings.groups = GROUP_BIT(GROUP_QUEUE);
  settings.directions = RX | TX;
  add_selected("eth0", NULL);
  card_add(1, "eth0");
  card_set_kind(1, "veth");
  card_set_queues(1, 8);
  fakes.slow_card = 1;
  start_only();
  wait_until_slow();
  assert_string_equal(fakes.asked, "queues eth0");
  end_slowness();
  turn();
  assert_int_equal(read_queues(), 8);
  stop();
}

static void test_other_queues_are_reported(void **state) {
  (void)state;
  settings.groups = GROUP_BIT(GROUP_QUEUE);
  start_veth((struct outcome){.entry = ENTRY_NATIVE});
  assert_int_equal(read_queues(), 2);
  card_set_queues(1, 6);
  card_announce(1);
  turn();
  assert_string_equal(fakes.asked, "queues eth0");
  assert_string_equal(fakes.tried, "");
  assert_int_equal(read_queues(), 6);
  stop();
}

static void test_queues_that_cannot_be_asked(void **state) {
  (void)state;
  settings.groups = GROUP_BIT(GROUP_QUEUE);
  start_veth((struct outcome){.entry = ENTRY_NATIVE});
  card_set_queues(1, 0);
  card_announce(1);
  turn();
  assert_string_equal(fakes.asked, "queues eth0");
  assert_int_equal(read_queues(), 2);
  stop();
}

/* --- queues that may lead to a better place --------------------------------*/

/* That it may be tried again, and what is asked where there are as many. */
static void assert_more_queues_hurry(void) {
  card_announce(1);
  turn();
  assert_string_equal(fakes.asked, "queues eth0");
  assert_string_equal(fakes.tried, "");
  card_set_queues(1, 16);
  card_announce(1);
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  card_announce(1);
  turn();
  assert_string_equal(fakes.tried, "");
  card_set_queues(1, 0);
  card_announce(1);
  turn();
  assert_string_equal(fakes.asked, "queues eth0");
  assert_string_equal(fakes.tried, "");
  stop();
}

static void test_more_queues_of_what_is_at_tc(void **state) {
  (void)state;
  start_veth(at_tc);
  assert_more_queues_hurry();
}

static void test_more_queues_of_what_is_refused(void **state) {
  (void)state;
  start_with(1, "", (struct outcome){.error = -EIO});
  assert_more_queues_hurry();
}

static void assert_queues_are_nothing(void) {
  card_set_queues(1, 16);
  card_announce(1);
  turn();
  assert_string_equal(fakes.asked, "");
  assert_string_equal(fakes.tried, "");
  stop();
}

static void test_more_queues_of_what_has_the_best(void **state) {
  (void)state;
  start_veth((struct outcome){.entry = ENTRY_GENERIC});
  assert_queues_are_nothing();
}

static void test_more_queues_in_mode_tc(void **state) {
  (void)state;
  settings.mode = MODE_TC;
  start_veth((struct outcome){.entry = ENTRY_TC_RX});
  assert_queues_are_nothing();
}

static void test_more_queues_of_what_is_sent(void **state) {
  (void)state;
  settings.directions = TX;
  start_veth((struct outcome){.error = 0});
  assert_queues_are_nothing();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_the_driver_of_hardware),
      TEST(test_hardware_is_asked_once),
      TEST(test_a_veth_is_not_asked),
      TEST(test_a_veth_that_is_refused_native_xdp),
      TEST(test_a_veth_below_a_vlan),
      TEST(test_a_veth_whose_tags_are_reported),
      TEST(test_a_member_of_a_bond),
      TEST(test_a_port_of_a_bridge),
      TEST(test_queues_that_are_reported),
      TEST(test_other_queues_are_reported),
      TEST(test_queues_that_cannot_be_asked),
      TEST(test_more_queues_of_what_is_at_tc),
      TEST(test_more_queues_of_what_is_refused),
      TEST(test_more_queues_of_what_has_the_best),
      TEST(test_more_queues_in_mode_tc),
      TEST(test_more_queues_of_what_is_sent),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
