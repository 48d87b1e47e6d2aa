// SPDX-License-Identifier: MIT

/* Attempts of many interfaces, some of them together. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/interfaces_fakes.h"

enum { SWEEP = 10000 }; /* the thread never rests longer */

static void add_many(unsigned count) {
  char name[IF_NAMESIZE];

  selection.ignores_lines = true;
  for (unsigned i = 1; i <= count; i++) {
    snprintf(name, sizeof(name), "v%u", i);
    card_add(i, name);
  }
}

/* So that what comes and goes is followed meanwhile. */
static void test_many_are_attached_in_several_turns(void **state) {
  (void)state;
  add_many(130);
  start();
  assert_int_equal(fakes.jobs, 128);
  assert_int_equal(fakes.wait, 0);
  card_remove(129);
  turn();
  assert_string_equal(fakes.tried, "v130 rx");
  assert_int_equal(fakes.wait, SWEEP);
  stop();
}

/* The last one's are in different turns. */
static void test_both_directions_of_many(void **state) {
  static const struct overrides both = {.settings = {.directions = RX | TX},
                                        .given = ~0U};

  (void)state;
  add_many(128);
  add_selected("v1", &both);
  add_selected("v128", &both);
  start();
  assert_int_equal(fakes.jobs, 128);
  assert_int_equal(fakes.wait, 0);
  assert_true(card_is_counted(1, DIRECTION_TX));
  turn();
  assert_string_equal(fakes.tried, "v128 rx, v128 tx");
  assert_true(card_is_counted(128, DIRECTION_RX));
  assert_true(card_is_counted(128, DIRECTION_TX));
  stop();
}

/* At tc each takes its time: what goes waits for four at most. */
static void test_many_at_tc(void **state) {
  (void)state;
  settings.mode = MODE_TC;
  add_many(7);
  start();
  assert_string_equal(fakes.tried, "v1 rx, v2 rx, v3 rx, v4 rx");
  assert_int_equal(fakes.wait, 0);
  card_remove(1);
  card_remove(5);
  turn();
  assert_string_equal(fakes.happened, "detach 1 rx\nunpublish 1\n");
  assert_string_equal(fakes.tried, "v6 rx, v7 rx");
  assert_int_equal(fakes.wait, SWEEP);
  stop();
}

static void test_both_directions_at_tc(void **state) {
  (void)state;
  settings.mode = MODE_TC;
  settings.directions = RX | TX;
  add_many(3);
  start();
  assert_string_equal(fakes.tried, "v1 rx, v1 tx, v2 rx, v2 tx");
  turn();
  assert_string_equal(fakes.tried, "v3 rx, v3 tx");
  stop();
}

/* Those that begin elsewhere wait for none of them. */
static void test_tx_of_many(void **state) {
  (void)state;
  settings.directions = RX | TX;
  add_many(6);
  card_answers(2, DIRECTION_RX, (struct outcome){.entry = ENTRY_TC_RX});
  start();
  assert_string_equal(fakes.tried,
                      "v1 rx, v1 tx, v2 rx, v2 tx, v3 rx, v3 tx, v4 rx, v4 tx, "
                      "v5 rx, v6 rx");
  assert_int_equal(fakes.wait, 0);
  turn();
  assert_string_equal(fakes.tried, "v5 tx, v6 tx");
  stop();
}

/* Four of the 128 are at tc. */
static void test_tx_of_very_many(void **state) {
  (void)state;
  settings.directions = RX | TX;
  add_many(126);
  start();
  assert_int_equal(fakes.jobs, 128);
  assert_true(card_is_counted(124, DIRECTION_RX));
  assert_true(card_is_counted(4, DIRECTION_TX));
  assert_false(card_is_counted(125, DIRECTION_RX));
  assert_false(card_is_counted(5, DIRECTION_TX));
  turn();
  assert_string_equal(fakes.tried,
                      "v5 tx, v6 tx, v7 tx, v8 tx, v125 rx, v126 rx");
  stop();
}

static void test_many_that_are_refused_at_tc(void **state) {
  (void)state;
  settings.directions = TX;
  add_many(5);
  for (unsigned i = 1; i <= 5; i++)
    card_refuses(i, DIRECTION_TX, -EIO);
  start();
  turn();
  assert_string_equal(fakes.tried, "v5 tx");
  turn_after(1000);
  assert_string_equal(fakes.tried, "v1 tx, v2 tx, v3 tx, v4 tx");
  stop();
}

/* All are refused: the last ones have their turn as well. */
static void test_many_that_are_refused(void **state) {
  (void)state;
  add_many(129);
  for (unsigned i = 1; i <= 129; i++)
    card_refuses(i, DIRECTION_RX, -EIO);
  start();
  turn();
  assert_string_equal(fakes.tried, "v129 rx");
  stop();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_many_are_attached_in_several_turns),
      TEST(test_both_directions_of_many),
      TEST(test_many_that_are_refused),
      TEST(test_many_at_tc),
      TEST(test_both_directions_at_tc),
      TEST(test_tx_of_many),
      TEST(test_tx_of_very_many),
      TEST(test_many_that_are_refused_at_tc),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
