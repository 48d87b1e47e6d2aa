// SPDX-License-Identifier: MIT

/* Cards that come, go and are enslaved. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/interfaces_fakes.h"

#define NATIVE "in the driver (native XDP), error 0\n"
#define AGAIN                                                                  \
  "5 interface \"eth0\": the program is not attached any more; it is "         \
  "attached again\n"

/* Two cards that are counted, by their names, "eth0" and "eth1". */
static void start_two(void) {
  add_selected("eth0", NULL);
  add_selected("eth1", NULL);
  card_add(1, "eth0");
  card_add(2, "eth1");
  start();
  card_passes(1, 10);
  card_passes(2, 200);
}

/* As many as come, of any name. */
static void start_all(void) {
  selection.ignores_lines = true;
  start();
}

/* --- coming and going ------------------------------------------------------*/

static void test_a_card_that_comes(void **state) {
  (void)state;
  start_all();
  card_add(5, "eth0");
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged, "6 eth0 rx: " NATIVE);
  card_passes(5, 1);
  assert_string_equal(read_all(), "eth0: rx 1 (1) tx 0 attached\n");
  stop();
}

static void test_a_card_that_goes(void **state) {
  (void)state;
  card_add(1, "veth0");
  card_add(2, "veth1");
  start_all();
  card_passes(2, 1);
  card_remove(1);
  turn();
  assert_string_equal(fakes.logged, "6 interface \"veth0\" has gone\n");
  assert_string_equal(fakes.happened, "detach 1 rx\nunpublish 1\n");
  assert_string_equal(fakes.noticed, "");
  assert_string_equal(read_all(), "veth1: rx 1 (1) tx 0 attached\n");
  stop();
}

/* That it is missing is told, and that says it. */
static void test_a_configured_card_that_goes(void **state) {
  (void)state;
  start_two();
  card_remove(1);
  turn();
  assert_string_equal(fakes.logged,
                      "3 interface \"eth0\" is not counted: there is no such "
                      "interface; it will be as soon as there is one\n");
  assert_string_equal(read_all(), "eth0: rx 0 tx 0 lacking\n"
                                  "eth1: rx 1 (200) tx 0 attached\n");
  stop();
}

/* Ports that go together are unpublished together. */
static void test_many_that_go_at_once(void **state) {
  (void)state;
  settings.directions = RX | TX;
  card_add(1, "veth0");
  card_add(2, "veth1");
  start_all();
  card_remove(2);
  card_remove(1);
  turn();
  assert_string_equal(fakes.happened, "detach 2 rx\ndetach 2 tx\n"
                                      "detach 1 rx\ndetach 1 tx\n"
                                      "unpublish 2 2 1 1\n");
  stop();
}

static void test_a_card_that_comes_and_goes_unseen(void **state) {
  (void)state;
  start_all();
  card_add(1, "veth0");
  card_remove(1);
  turn();
  assert_string_equal(fakes.tried, "");
  assert_string_equal(read_all(), "");
  stop();
}

/* They come and go in other orders than that of their ifindexes. */
static void test_many_cards(void **state) {
  char name[IF_NAMESIZE];

  (void)state;
  start_all();
  for (unsigned i = 1; i <= 96; i++) {
    snprintf(name, sizeof(name), "veth%u", i * 37 % 97);
    card_add(i * 37 % 97, name);
  }
  turn();
  for (unsigned i = 1; i <= 96; i++)
    if (i * 53 % 97 != 40 && i * 53 % 97 != 80)
      card_remove(i * 53 % 97);
  settle();
  card_passes(40, 1);
  card_passes(80, 2);
  assert_string_equal(read_all(), "veth80: rx 1 (2) tx 0 attached\n"
                                  "veth40: rx 1 (1) tx 0 attached\n");
  stop();
}

static void test_ifindexes_of_any_size(void **state) {
  (void)state;
  start_all();
  card_add(2000000, "veth0");
  card_add(0x7fffffff, "veth1");
  card_add(70000, "veth2");
  turn();
  card_passes(0x7fffffff, 3);
  card_rename(0x7fffffff, "veth3");
  turn();
  card_passes(0x7fffffff, 4);
  assert_string_equal(read_all(), "veth0: rx 1 (0) tx 0 attached\n"
                                  "veth2: rx 1 (0) tx 0 attached\n"
                                  "veth3: rx 1 (4) tx 0 attached\n");
  stop();
}

/* --- members of bonds ------------------------------------------------------*/

enum { BOND = 1, MEMBER = 11 };

/* Where the bond is counted there, and a card that is not selected. */
static void start_bond(enum entry entry, const char *kind) {
  settings.directions = RX | TX;
  add_selected("bond0", NULL);
  card_add(BOND, "bond0");
  card_set_kind(BOND, kind);
  card_answers(BOND, DIRECTION_RX, (struct outcome){.entry = entry});
  card_add(MEMBER, "eth0");
  start();
}

static void test_a_member_comes_and_goes(void **state) {
  static const enum entry natives[] = {ENTRY_NATIVE, ENTRY_NATIVE_FRAGS};

  for (size_t i = 0; i < COUNT_OF(natives); i++) {
    start_bond(natives[i], "bond");
    card_enslave(MEMBER, BOND);
    turn();
    assert_string_equal(fakes.happened, "add 11 to 1\n");
    assert_string_equal(fakes.tried, "");
    card_change(MEMBER);
    turn();
    assert_string_equal(fakes.happened, "");
    card_enslave(MEMBER, 0);
    turn();
    assert_string_equal(fakes.happened, "remove 11 from 1\n");
    stop();
    tear_down(state);
    set_up(state);
  }
}

static void test_a_member_that_is_removed(void **state) {
  (void)state;
  start_bond(ENTRY_NATIVE, "bond");
  card_enslave(MEMBER, BOND);
  turn();
  card_remove(MEMBER);
  turn();
  assert_string_equal(fakes.happened, "remove 11 from 1\n");
  stop();
}

static void test_a_member_of_another_bond(void **state) {
  (void)state;
  add_selected("bond1", NULL);
  card_add(2, "bond1");
  card_set_kind(2, "bond");
  start_bond(ENTRY_NATIVE, "bond");
  card_enslave(MEMBER, BOND);
  turn();
  card_enslave(MEMBER, 2);
  turn();
  assert_string_equal(fakes.happened, "remove 11 from 1\nadd 11 to 2\n");
  stop();
}

/* It is still counted at the bond, as before. */
static void test_a_member_that_cannot_be_added(void **state) {
  (void)state;
  start_bond(ENTRY_NATIVE, "bond");
  fakes.member_error = -ENOMEM;
  card_enslave(MEMBER, BOND);
  turn();
  assert_string_equal(fakes.happened, "add 11 to 1\n");
  assert_string_equal(fakes.logged, "");
  assert_true(card_is_counted(BOND, DIRECTION_RX));
  stop();
}

/* With other members it may have native XDP. */
static void test_members_hurry_a_bond(void **state) {
  (void)state;
  start_bond(ENTRY_TC_RX, "bond");
  turn();
  assert_string_equal(fakes.tried, "");
  card_enslave(MEMBER, BOND);
  turn();
  assert_string_equal(fakes.happened, "");
  assert_string_equal(fakes.tried, "bond0 rx");
  card_answers(BOND, DIRECTION_RX, (struct outcome){.entry = ENTRY_NATIVE});
  card_enslave(MEMBER, 0);
  turn();
  assert_string_equal(fakes.tried, "bond0 rx");
  card_passes(BOND, 1);
  assert_string_equal(read_all(), "bond0: rx 1 (1) tx 3 (1) attached\n");
  stop();
}

/* A bridge sees its ports' frames as its own. */
static void test_ports_of_a_bridge(void **state) {
  (void)state;
  start_bond(ENTRY_NATIVE, "bridge");
  card_enslave(MEMBER, BOND);
  turn();
  card_enslave(MEMBER, 0);
  turn();
  assert_string_equal(fakes.happened, "");
  stop();
}

static void test_a_bond_that_is_not_selected(void **state) {
  (void)state;
  card_add(2, "bond1");
  card_set_kind(2, "bond");
  start_bond(ENTRY_NATIVE, "bond");
  card_enslave(MEMBER, 2);
  turn();
  assert_string_equal(fakes.happened, "");
  stop();
}

/* --- lost messages ---------------------------------------------------------*/

static void test_cards_made_again_while_messages_are_lost(void **state) {
  (void)state;
  settings.directions = RX | TX;
  start_two();
  card_remake_unheard(1);
  fakes.is_overrun = true;
  turn();
  assert_string_equal(fakes.tried, "eth0 rx, eth0 tx");
  assert_memory_equal(fakes.logged, AGAIN, strlen(AGAIN));
  assert_string_equal(fakes.noticed, "");
  card_passes(1, 1);
  card_passes(2, 1);
  assert_string_equal(read_all(), "eth0: rx 1 (11) tx 3 (11) attached\n"
                                  "eth1: rx 1 (201) tx 3 (201) attached\n");
  stop();
}

static void test_lost_messages_of_nothing(void **state) {
  (void)state;
  start_two();
  fakes.is_overrun = true;
  turn();
  assert_string_equal(fakes.tried, "");
  assert_string_equal(fakes.happened, "");
  stop();
}

/* --- programs that somebody detached ---------------------------------------*/

/* It is looked every ten seconds. */
static void test_a_program_that_somebody_detaches(void **state) {
  (void)state;
  start_two();
  card_lose_program(1, DIRECTION_RX);
  turn_after(9999);
  assert_string_equal(fakes.logged, "");
  assert_string_equal(fakes.tried, "");
  turn_after(1);
  assert_string_equal(fakes.logged, AGAIN "6 eth0 rx: " NATIVE);
  assert_string_equal(fakes.happened, "detach 1 rx\nunpublish 1\n");
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.noticed, "");
  card_passes(1, 1);
  assert_string_equal(read_all(), "eth0: rx 1 (11) tx 0 attached\n"
                                  "eth1: rx 1 (200) tx 0 attached\n");
  turn_after(10000);
  assert_string_equal(fakes.logged, "");
  stop();
}

static void test_a_program_at_tc_that_somebody_detaches(void **state) {
  (void)state;
  settings.directions = RX | TX;
  start_two();
  card_lose_program(1, DIRECTION_TX);
  turn_after(10000);
  assert_string_equal(fakes.tried, "eth0 rx, eth0 tx");
  card_passes(1, 1);
  assert_string_equal(read_all(), "eth0: rx 1 (11) tx 3 (11) attached\n"
                                  "eth1: rx 1 (200) tx 3 (200) attached\n");
  stop();
}

/* What has gone has lost its program too: its message says so. */
static void test_a_card_whose_message_has_not_come_yet(void **state) {
  (void)state;
  card_add(1, "veth0");
  start_all();
  fakes.read_error = -ENOMEM;
  turn();
  card_remove(1);
  turn_after(10000);
  assert_string_equal(fakes.logged, "");
  assert_string_equal(fakes.happened, "");
  assert_string_equal(fakes.tried, "");
  fakes.read_error = 0;
  turn();
  assert_string_equal(fakes.logged,
                      "6 interface \"veth0\" has gone\n"
                      "5 follows again which interfaces there are\n");
  stop();
}

/* --- no memory -------------------------------------------------------------*/

/* Itself, and its place in the list. */
static void test_no_memory_for_a_card(void **state) {
  (void)state;
  card_add(1, "eth0");
  start_all();
  for (unsigned i = 1; i <= 2; i++) {
    fakes.allocations = i;
    card_add(2, "eth1");
    turn();
    assert_string_equal(fakes.logged,
                        "3 interface \"eth1\" is not counted: out of memory\n");
    assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n");
    card_remove(2);
    turn();
  }
  stop();
}

/* The list of names, and the name. Frames are counted, and told as soon as the
 * card has another one. */
static void test_no_memory_for_a_name(void **state) {
  (void)state;
  start_all();
  for (unsigned i = 1; i <= 2; i++) {
    card_add(i, "eth1");
    fakes.allocations = 2 + i;
    turn();
    assert_string_equal(fakes.logged,
                        "3 interface \"eth1\" is not reported: out of memory\n"
                        "6 eth1 rx: " NATIVE);
    card_passes(i, 5);
    card_rename(i, "eth2");
    turn();
    assert_string_equal(read_all(), "eth2: rx 1 (0) tx 0 attached\n");
    card_remove(i);
    turn();
  }
  stop();
}

/* What is to be taken back cannot be remembered: it is not put off. */
static void test_no_memory_to_retire_a_port(void **state) {
  (void)state;
  card_add(1, "eth0");
  start_all();
  card_remove(1);
  fakes.allocations = 1;
  turn();
  assert_string_equal(fakes.happened, "detach 1 rx\nunpublish 1\n");
  stop();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_a_card_that_comes),
      TEST(test_a_card_that_goes),
      TEST(test_a_configured_card_that_goes),
      TEST(test_many_that_go_at_once),
      TEST(test_a_card_that_comes_and_goes_unseen),
      TEST(test_many_cards),
      TEST(test_ifindexes_of_any_size),
      TEST(test_a_member_comes_and_goes),
      TEST(test_a_member_that_is_removed),
      TEST(test_a_member_of_another_bond),
      TEST(test_a_member_that_cannot_be_added),
      TEST(test_members_hurry_a_bond),
      TEST(test_ports_of_a_bridge),
      TEST(test_a_bond_that_is_not_selected),
      TEST(test_cards_made_again_while_messages_are_lost),
      TEST(test_lost_messages_of_nothing),
      TEST(test_a_program_that_somebody_detaches),
      TEST(test_a_program_at_tc_that_somebody_detaches),
      TEST(test_a_card_whose_message_has_not_come_yet),
      TEST(test_no_memory_for_a_card),
      TEST(test_no_memory_for_a_name),
      TEST(test_no_memory_to_retire_a_port),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
