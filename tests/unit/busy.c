// SPDX-License-Identifier: MIT

/* XDP programs of others: they come and go without a message. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/interfaces_fakes.h"

enum { WATCH = 20 }; /* milliseconds from one look to the next */

static const struct outcome at_tc = {.entry = ENTRY_TC_RX,
                                     .first_error = -EOPNOTSUPP};
static const struct outcome busy_at_tc = {.entry = ENTRY_TC_RX,
                                          .is_busy = true};
static const struct outcome busy = {
    .entry = ENTRY_NATIVE, .error = -EBUSY, .is_busy = true};
static const struct outcome native = {.entry = ENTRY_NATIVE};
static const struct outcome held_up = {.entry = ENTRY_TC_RX,
                                       .first_error = -EMFILE};

/* One card, "eth0". */
static void prepare(void) {
  add_selected("eth0", NULL);
  card_add(1, "eth0");
}

static void start_with(struct outcome outcome) {
  prepare();
  card_answers(1, DIRECTION_RX, outcome);
  start();
}

static void test_a_busy_card_is_looked_at(void **state) {
  (void)state;
  start_with(busy_at_tc);
  card_set_program(1, 7);
  settle();
  assert_int_equal(fakes.wait, WATCH);
  card_set_program(1, 0);
  card_answers(1, DIRECTION_RX, native);
  turn_after(WATCH - 1);
  assert_int_equal(fakes.xdp_queries, 0);
  turn_after(1);
  assert_int_equal(fakes.xdp_queries, 1);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n");
  turn_after(WATCH);
  assert_int_equal(fakes.xdp_queries, 0);
  assert_true(fakes.wait > 1000);
  stop();
}

static void test_a_card_that_stays_busy_is_left_alone(void **state) {
  (void)state;
  prepare();
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX, busy);
  start();
  settle();
  assert_string_equal(fakes.tried, "");
  for (unsigned t = WATCH; t < 1000; t += WATCH) {
    turn_after(WATCH);
    assert_int_equal(fakes.xdp_queries, 1);
    assert_string_equal(fakes.tried, "");
  }
  stop();
}

/* Its program may have gone and another one come between two looks; and some
 * are never seen, as those that the bond above has. */
static void test_a_busy_card_is_tried_after_a_while_too(void **state) {
  (void)state;
  prepare();
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX, busy);
  start();
  settle();
  turn_after(999);
  assert_string_equal(fakes.tried, "");
  turn_after(1);
  assert_string_equal(fakes.tried, "eth0 rx");
  stop();
}

/* One that has an id is seen to go. */
static void test_a_busy_card_at_tc_needs_no_clock(void **state) {
  (void)state;
  prepare();
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX, busy_at_tc);
  start();
  settle();
  for (unsigned i = 0; i < 5; i++) {
    turn_after(60000);
    assert_string_equal(fakes.tried, "");
  }
  stop();
}

/* ... and one that has none, as those of bonds, is not. */
static void test_a_busy_card_at_tc_that_needs_one(void **state) {
  (void)state;
  start_with(busy_at_tc);
  settle();
  turn_after(1999);
  assert_string_equal(fakes.tried, "");
  turn_after(1);
  assert_string_equal(fakes.tried, "eth0 rx");
  turn_after(4000);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged, "");
  stop();
}

/* It went between the refusal and the first look: that it goes is not seen any
 * more. Those that the bond above has are never seen: it is tried once. */
static void test_a_program_that_is_not_there_after_the_refusal(void **state) {
  (void)state;
  start_with(busy);
  assert_string_equal(fakes.tried, "eth0 rx");
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged, "");
  turn();
  assert_string_equal(fakes.tried, "");
  assert_int_equal(fakes.wait, WATCH);
  turn_after(2000);
  assert_string_equal(fakes.tried, "eth0 rx");
  turn();
  assert_string_equal(fakes.tried, "");
  stop();
}

/* ... and one that was seen goes while it is tried again. */
static void test_a_program_that_goes_after_a_later_refusal(void **state) {
  struct outcome last_refusal = busy;

  (void)state;
  last_refusal.program_goes = true;
  prepare();
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX, busy);
  start();
  settle();
  card_answers(1, DIRECTION_RX, last_refusal);
  turn_after(1000);
  assert_string_equal(fakes.tried, "eth0 rx");
  card_answers(1, DIRECTION_RX, native);
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n");
  stop();
}

static void test_another_program_on_a_busy_card(void **state) {
  (void)state;
  prepare();
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX, busy);
  start();
  settle();
  card_set_program(1, 8);
  turn_after(WATCH);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged, "");
  settle();
  turn_after(WATCH);
  assert_string_equal(fakes.tried, "");
  stop();
}

/* The program has left, but what is better cannot be had: that is tried once,
 * and then after a while. */
static void test_a_busy_card_that_is_held_up(void **state) {
  (void)state;
  prepare();
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX, busy_at_tc);
  start();
  settle();
  card_set_program(1, 0);
  card_answers(1, DIRECTION_RX, held_up);
  turn_after(WATCH);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged, "");
  assert_string_equal(fakes.noticed, "");
  turn_after(WATCH);
  assert_string_equal(fakes.tried, "");
  turn_after(1000 - WATCH);
  assert_string_equal(fakes.tried, "eth0 rx");
  stop();
}

/* It stays where it is, but for another reason. */
static void test_a_busy_card_whose_driver_refuses(void **state) {
  (void)state;
  start_with(busy_at_tc);
  card_answers(1, DIRECTION_RX, at_tc);
  card_change(1);
  turn();
  assert_string_equal(fakes.logged,
                      "6 eth0 rx: at tc ingress (tcx), error 0\n");
  assert_string_equal(fakes.noticed, "OKAY eth0: rx is counted\n");
  stop();
}

static void test_a_busy_card_that_cannot_be_asked(void **state) {
  (void)state;
  start_with(busy_at_tc);
  settle();
  fakes.xdp_error = -ENODEV;
  card_set_program(1, 9);
  turn_after(WATCH);
  assert_string_equal(fakes.tried, "");
  assert_int_equal(fakes.wait, WATCH);
  stop();
}

/* --- where we are at tc ----------------------------------------------------*/

/* Somebody's program comes, beside which it is counted from now on; it goes
 * again, and it is as before. */
static void test_a_program_that_comes_where_we_are_at_tc(void **state) {
  (void)state;
  start_with(at_tc);
  settle();
  assert_int_equal(fakes.wait, WATCH);
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX, busy_at_tc);
  turn_after(WATCH - 1);
  assert_int_equal(fakes.xdp_queries, 0);
  turn_after(1);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged,
                      "6 eth0 rx: at tc ingress (tcx), error 0, busy\n");
  assert_string_equal(fakes.noticed, "WARNING eth0: rx is counted at tc: "
                                     "another XDP program is attached\n");
  assert_string_equal(fakes.happened, "");
  turn_after(WATCH);
  assert_string_equal(fakes.tried, "");
  card_set_program(1, 0);
  card_answers(1, DIRECTION_RX, at_tc);
  turn_after(WATCH);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.noticed, "OKAY eth0: rx is counted\n");
  stop();
}

/* What was counted stays with the name. */
static void test_a_program_that_comes_and_is_to_be_skipped(void **state) {
  (void)state;
  start_with(at_tc);
  settle();
  card_passes(1, 10);
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX,
               (struct outcome){.entry = ENTRY_NATIVE,
                                .error = -EBUSY,
                                .is_busy = true,
                                .gives_up = true});
  turn_after(WATCH);
  assert_string_equal(fakes.happened, "detach 1 rx\nunpublish 1\n");
  assert_string_equal(
      fakes.logged, "6 eth0 rx: in the driver (native XDP), error 16, busy\n");
  assert_string_equal(
      fakes.noticed,
      "WARNING eth0: rx is not counted: another XDP program is attached\n");
  assert_string_equal(read_all(), "eth0: rx 0 tx 0 lacking\n");
  assert_false(card_is_counted(1, DIRECTION_RX));
  card_passes(1, 100);
  card_set_program(1, 0);
  card_answers(1, DIRECTION_RX, at_tc);
  turn_after(WATCH);
  assert_string_equal(fakes.noticed, "OKAY eth0: rx is counted\n");
  card_passes(1, 1);
  assert_string_equal(read_all(), "eth0: rx 3 (11) tx 0 attached\n");
  stop();
}

/* Asked of nobody: it has the best, or what XDP does is no matter to it. */
static void assert_not_asked(void) {
  start();
  for (unsigned i = 0; i < 5; i++) {
    turn_after(WATCH);
    assert_int_equal(fakes.xdp_queries, 0);
    assert_true(fakes.wait > WATCH);
  }
  stop();
}

static void test_mode_tc_is_not_asked(void **state) {
  (void)state;
  settings.mode = MODE_TC;
  prepare();
  card_answers(1, DIRECTION_RX, (struct outcome){.entry = ENTRY_TC_RX});
  assert_not_asked();
}

static void test_what_is_sent_is_not_asked(void **state) {
  (void)state;
  settings.directions = TX;
  prepare();
  assert_not_asked();
}

static void test_our_own_program_is_not_asked(void **state) {
  static const enum entry entries[] = {ENTRY_NATIVE, ENTRY_NATIVE_FRAGS,
                                       ENTRY_GENERIC};

  for (size_t i = 0; i < COUNT_OF(entries); i++) {
    prepare();
    card_answers(1, DIRECTION_RX, (struct outcome){.entry = entries[i]});
    assert_not_asked();
    tear_down(state);
    set_up(state);
  }
}

/* Its error is no program's. */
static void test_what_is_refused_is_not_asked(void **state) {
  (void)state;
  prepare();
  card_refuses(1, DIRECTION_RX, -EIO);
  assert_not_asked();
}

/* As soon as there is one, and no longer than there is one. */
static void test_asked_from_when_to_when(void **state) {
  (void)state;
  selection.ignores_lines = true;
  start();
  turn_after(WATCH);
  assert_int_equal(fakes.xdp_queries, 0);
  card_add(1, "eth0");
  card_answers(1, DIRECTION_RX, at_tc);
  turn();
  assert_int_equal(fakes.wait, 0);
  turn();
  assert_int_equal(fakes.xdp_queries, 1);
  assert_int_equal(fakes.wait, WATCH);
  card_remove(1);
  turn_after(WATCH);
  assert_int_equal(fakes.xdp_queries, 0);
  assert_true(fakes.wait > WATCH);
  turn_after(WATCH);
  assert_int_equal(fakes.xdp_queries, 0);
  stop();
}

/* Both of them. */
static void test_busy_and_at_tc(void **state) {
  (void)state;
  selection.ignores_lines = true;
  card_add(1, "eth0");
  card_add(2, "eth1");
  card_add(3, "eth2");
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX, busy);
  card_answers(3, DIRECTION_RX, at_tc);
  start();
  settle();
  turn_after(WATCH);
  assert_int_equal(fakes.xdp_queries, 2);
  card_set_program(3, 8);
  turn_after(WATCH);
  assert_string_equal(fakes.tried, "eth2 rx");
  stop();
}

/* --- many ------------------------------------------------------------------*/

/* Of the time it takes a twentieth. */
static void test_many_busy_cards_are_looked_at_more_seldom(void **state) {
  (void)state;
  selection.ignores_lines = true;
  for (unsigned i = 1; i <= 3; i++) {
    card_add(i, (const char *const[]){"eth1", "eth2", "eth3"}[i - 1]);
    card_set_program(i, 7);
    card_answers(i, DIRECTION_RX, busy_at_tc);
  }
  start();
  fakes.xdp_takes = 2;
  settle();
  assert_int_equal(fakes.wait, 114);
  turn_after(113);
  assert_int_equal(fakes.xdp_queries, 0);
  turn_after(1);
  assert_int_equal(fakes.xdp_queries, 3);
  assert_int_equal(fakes.wait, 114);
  stop();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_a_busy_card_is_looked_at),
      TEST(test_a_card_that_stays_busy_is_left_alone),
      TEST(test_a_busy_card_is_tried_after_a_while_too),
      TEST(test_a_busy_card_at_tc_needs_no_clock),
      TEST(test_a_busy_card_at_tc_that_needs_one),
      TEST(test_a_program_that_is_not_there_after_the_refusal),
      TEST(test_a_program_that_goes_after_a_later_refusal),
      TEST(test_another_program_on_a_busy_card),
      TEST(test_a_busy_card_that_is_held_up),
      TEST(test_a_busy_card_whose_driver_refuses),
      TEST(test_a_busy_card_that_cannot_be_asked),
      TEST(test_a_program_that_comes_where_we_are_at_tc),
      TEST(test_a_program_that_comes_and_is_to_be_skipped),
      TEST(test_mode_tc_is_not_asked),
      TEST(test_what_is_sent_is_not_asked),
      TEST(test_our_own_program_is_not_asked),
      TEST(test_what_is_refused_is_not_asked),
      TEST(test_asked_from_when_to_when),
      TEST(test_busy_and_at_tc),
      TEST(test_many_busy_cards_are_looked_at_more_seldom),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
