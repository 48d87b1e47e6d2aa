// SPDX-License-Identifier: MIT

/* What is reported of somebody else's program, as long as it is observed. */
#include "tests/unit/interfaces_fakes.h"

enum { WATCH = 20 }; /* milliseconds from one look to the next */

static const struct outcome observing = {.entry = ENTRY_OBSERVE,
                                         .is_busy = true};
static const struct outcome native = {.entry = ENTRY_NATIVE};
static const struct outcome at_tc = {.entry = ENTRY_TC_RX,
                                     .first_error = -EOPNOTSUPP};

/* One card, "eth0", with a program. */
static void start_observing(void) {
  add_selected("eth0", NULL);
  card_add(1, "eth0");
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX, observing);
  start();
  settle();
}

/* Without a message, and then it is looked at. */
static void becomes(__u32 program, struct outcome outcome) {
  card_set_program(1, program);
  card_answers(1, DIRECTION_RX, outcome);
  turn_after(WATCH);
}

static void look_at_groups(void *context, struct interface_report *report) {
  __u32 *groups = context;

  groups[DIRECTION_RX] = report->sides[DIRECTION_RX].groups;
  groups[DIRECTION_TX] = report->sides[DIRECTION_TX].groups;
}

static void assert_groups(__u32 rx, __u32 tx) {
  __u32 groups[DIRECTION_COUNT];

  interfaces_read(interfaces, look_at_groups, groups);
  assert_int_equal(groups[DIRECTION_RX], rx);
  assert_int_equal(groups[DIRECTION_TX], tx);
}

/* Of what is observed alone, and then whatever Report says. */
static void test_groups(void **state) {
  static const __u32 cast = GROUP_BIT(GROUP_CAST);
  static const __u32 verdict = GROUP_BIT(GROUP_VERDICT);

  for (unsigned i = 0; i < 2; i++) {
    settings.directions = RX | TX;
    settings.groups = i ? cast : cast | verdict;
    start_observing();
    assert_groups(cast | verdict, cast);
    becomes(0, native);
    assert_groups(cast, cast);
    stop();
    tear_down(state);
    set_up(state);
  }
}

/* Verdicts stand still while nobody is observed, and go on with the next. */
static void test_verdicts_go_on(void **state) {
  (void)state;
  start_observing();
  card_passes(1, 10);
  becomes(0, at_tc);
  card_passes(1, 5);
  assert_string_equal(read_all(), "eth0: rx 3 (15) tx 0 attached\n");
  becomes(9, observing);
  assert_string_equal(read_all(),
                      "eth0: rx 4 (15, 10 observed) tx 0 attached\n");
  card_passes(1, 2);
  assert_string_equal(read_all(),
                      "eth0: rx 4 (17, 12 observed) tx 0 attached\n");
  stop();
}

/* They belong to the name. */
static void test_verdicts_of_a_name(void **state) {
  (void)state;
  selection.ignores_lines = true;
  card_add(1, "eth0");
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX, observing);
  start();
  card_passes(1, 10);
  card_rename(1, "lan0");
  turn();
  card_passes(1, 1);
  assert_string_equal(read_all(), "lan0: rx 4 (1, 1 observed) tx 0 attached\n");
  card_rename(1, "eth0");
  turn();
  card_passes(1, 1);
  assert_string_equal(read_all(),
                      "eth0: rx 4 (11, 11 observed) tx 0 attached\n");
  card_remove(1);
  turn();
  card_add(2, "eth0");
  card_set_program(2, 7);
  card_answers(2, DIRECTION_RX, observing);
  turn();
  card_passes(2, 4);
  assert_string_equal(read_all(),
                      "eth0: rx 4 (15, 15 observed) tx 0 attached\n");
  stop();
}

/* No other place sees verdicts, whatever Report says. */
static void test_groups_elsewhere(void **state) {
  static const struct outcome places[] = {
      {.entry = ENTRY_NATIVE},
      {.entry = ENTRY_GENERIC},
      {.entry = ENTRY_TC_RX},
      {.entry = ENTRY_TC_RX, .is_busy = true, .observe_error = -EPERM}};

  for (size_t i = 0; i < COUNT_OF(places); i++) {
    settings.groups = GROUPS_ALL;
    add_selected("eth0", NULL);
    card_add(1, "eth0");
    card_answers(1, DIRECTION_RX, places[i]);
    start();
    assert_groups(GROUPS_ALL - GROUP_BIT(GROUP_VERDICT), 0);
    stop();
    tear_down(state);
    set_up(state);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_groups),
      TEST(test_groups_elsewhere),
      TEST(test_verdicts_go_on),
      TEST(test_verdicts_of_a_name),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
