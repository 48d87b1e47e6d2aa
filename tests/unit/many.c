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
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
