// SPDX-License-Identifier: MIT

/* When an attempt is made, and what becomes of what was there before. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/interfaces_fakes.h"

enum { SWEEP = 10000 }; /* the thread never rests longer */

static const struct outcome at_tc = {.entry = ENTRY_TC_RX,
                                     .first_error = -EOPNOTSUPP};
static const struct outcome busy_at_tc = {.entry = ENTRY_TC_RX,
                                          .is_busy = true};
static const struct outcome busy = {
    .entry = ENTRY_NATIVE, .error = -EBUSY, .is_busy = true};
static const struct outcome native = {.entry = ENTRY_NATIVE};

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

/* --- after a while ---------------------------------------------------------*/

/* Milliseconds until the thread, left to itself, makes an attempt. */
static __u64 until_next_try(void) {
  __u64 start = fakes.now;

  do
    turn_after(fakes.wait);
  while (!*fakes.tried);
  return fakes.now - start;
}

static void test_a_refused_card_is_tried_ever_more_seldom(void **state) {
  static const __u64 waits[] = {1000,  2000,  4000,  8000, 16000,
                                32000, 60000, 60000, 60000};

  (void)state;
  start_with((struct outcome){.error = -EIO});
  for (size_t i = 0; i < COUNT_OF(waits); i++) {
    assert_int_equal(until_next_try(), waits[i]);
    assert_string_equal(fakes.tried, "eth0 rx");
    assert_string_equal(fakes.logged, "");
  }
  card_accepts(1, DIRECTION_RX);
  assert_int_equal(until_next_try(), 60000);
  assert_string_equal(fakes.logged,
                      "6 eth0 rx: in the driver (native XDP), error 0\n");
  stop();
}

/* Each direction by itself. */
static void test_one_direction_is_tried_again(void **state) {
  (void)state;
  settings.directions = RX | TX;
  prepare();
  card_refuses(1, DIRECTION_TX, -EPERM);
  start();
  assert_string_equal(fakes.tried, "eth0 rx, eth0 tx");
  turn_after(1000);
  assert_string_equal(fakes.tried, "eth0 tx");
  stop();
}

static void test_the_earliest_attempt_ends_the_rest(void **state) {
  (void)state;
  selection.ignores_lines = true;
  card_add(1, "eth0");
  card_add(2, "eth1");
  card_refuses(1, DIRECTION_RX, -EPERM);
  card_refuses(2, DIRECTION_RX, -EPERM);
  start();
  turn_after(1000);
  assert_int_equal(fakes.wait, 2000);
  card_change(2);
  turn_after(500);
  assert_string_equal(fakes.tried, "eth1 rx");
  assert_int_equal(fakes.wait, 1000);
  turn_after(1000);
  assert_string_equal(fakes.tried, "eth1 rx");
  assert_int_equal(fakes.wait, 500);
  turn_after(500);
  assert_string_equal(fakes.tried, "eth0 rx");
  stop();
}

static void test_what_has_the_best_rests(void **state) {
  (void)state;
  settings.directions = RX | TX;
  start_with(native);
  turn_after(SWEEP);
  assert_string_equal(fakes.tried, "");
  assert_int_equal(fakes.wait, SWEEP);
  stop();
}

/* What its driver has no XDP for changes with a message, if ever. */
static void test_what_is_refused_a_better_place_rests(void **state) {
  (void)state;
  start_with(at_tc);
  turn_after(SWEEP);
  assert_string_equal(fakes.tried, "");
  assert_int_equal(fakes.wait, SWEEP);
  stop();
}

/* --- when something changes ------------------------------------------------*/

static void test_a_change_hurries(void **state) {
  (void)state;
  start_with((struct outcome){.error = -EIO});
  turn_after(1000);
  turn_after(2000);
  assert_int_equal(fakes.wait, 4000);
  card_change(1);
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  /* From the first wait on again. */
  assert_int_equal(fakes.wait, 1000);
  stop();
}

/* The attempt itself may be what drops the link. */
static void test_the_link_of_a_card_hurries_nothing(void **state) {
  enum { LOWER_UP = 1 << 16, DORMANT = 1 << 17 };
  static const unsigned flags[] = {IFF_RUNNING, LOWER_UP, DORMANT, 0};

  (void)state;
  start_with((struct outcome){.error = -EIO});
  for (size_t i = 0; i < COUNT_OF(flags); i++) {
    card_set_flags(1, flags[i]);
    turn();
    assert_string_equal(fakes.tried, "");
    assert_int_equal(fakes.wait, 1000);
  }
  card_set_flags(1, IFF_UP);
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  stop();
}

static void test_a_change_hurries_what_is_at_tc(void **state) {
  (void)state;
  start_with(at_tc);
  card_answers(1, DIRECTION_RX, native);
  card_change(1);
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n");
  stop();
}

/* Our own program keeps others from the slot. */
static void test_no_change_hurries_what_has_the_best(void **state) {
  static const enum entry entries[] = {ENTRY_NATIVE, ENTRY_NATIVE_FRAGS,
                                       ENTRY_GENERIC};

  for (size_t i = 0; i < COUNT_OF(entries); i++) {
    settings.directions = RX | TX;
    start_with((struct outcome){.entry = entries[i]});
    card_change(1);
    turn();
    assert_string_equal(fakes.tried, "");
    assert_int_equal(fakes.wait, SWEEP);
    stop();
    tear_down(state);
    set_up(state);
  }
}

static void test_what_an_attempt_knows(void **state) {
  static const struct outcome behind = {.entry = ENTRY_TC_RX,
                                        .attachment = ATTACHED_BEHIND};

  (void)state;
  add_selected("eth0", NULL);
  card_add(20, "eth0");
  card_answers(20, DIRECTION_RX, behind);
  start();
  assert_null(fakes.last_job.current);
  assert_int_equal(fakes.last_device.ifindex, 20);
  assert_true(fakes.last_device.has_vlan);
  card_change(20);
  turn();
  assert_int_equal(*fakes.last_job.current, ENTRY_TC_RX);
  assert_int_equal(fakes.last_job.attachment, ATTACHED_BEHIND);
  stop();
}

/* --- what is held up -------------------------------------------------------*/

static const struct outcome held_up = {.entry = ENTRY_TC_RX,
                                       .first_error = -EMFILE};

/* It may pass, and nobody tells when. */
static void test_what_is_held_up_is_kept_and_tried_again(void **state) {
  (void)state;
  start_with(at_tc);
  card_answers(1, DIRECTION_RX, held_up);
  card_change(1);
  card_passes(1, 5);
  turn();
  assert_int_equal(fakes.wait, 1000);
  turn_after(1000);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged, "");
  assert_string_equal(fakes.happened, "");
  assert_string_equal(fakes.noticed, "");
  assert_int_equal(fakes.wait, 2000);
  assert_string_equal(read_all(), "eth0: rx 3 (5) tx 0 attached\n");
  card_answers(1, DIRECTION_RX, native);
  turn_after(2000);
  assert_string_equal(read_all(), "eth0: rx 1 (5) tx 0 attached\n");
  stop();
}

/* As Mode "tc" has it: nothing else was tried. */
static void test_what_is_where_it_belongs_rests(void **state) {
  (void)state;
  start_with((struct outcome){.entry = ENTRY_TC_RX});
  card_change(1);
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_int_equal(fakes.wait, SWEEP);
  stop();
}

/* A refusal of the place itself is no such thing. */
static void test_what_is_refused_is_not_held_up(void **state) {
  (void)state;
  start_with(at_tc);
  card_change(1);
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_int_equal(fakes.wait, SWEEP);
  stop();
}

/* --- busy ------------------------------------------------------------------*/

static void test_a_busy_card_is_looked_at(void **state) {
  (void)state;
  start_with(busy_at_tc);
  card_set_program(1, 7);
  settle();
  assert_int_equal(fakes.wait, 75);
  card_set_program(1, 0);
  card_answers(1, DIRECTION_RX, native);
  turn_after(74);
  assert_int_equal(fakes.xdp_queries, 0);
  turn_after(1);
  assert_int_equal(fakes.xdp_queries, 1);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n");
  turn_after(75);
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
  for (unsigned t = 75; t < 1000; t += 75) {
    turn_after(75);
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
  assert_int_equal(fakes.wait, 75);
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
  turn_after(75);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged, "");
  settle();
  turn_after(75);
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
  turn_after(75);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged, "");
  assert_string_equal(fakes.noticed, "");
  turn_after(75);
  assert_string_equal(fakes.tried, "");
  turn_after(925);
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
  turn_after(75);
  assert_string_equal(fakes.tried, "");
  assert_int_equal(fakes.wait, 75);
  stop();
}

/* Nine tenths of the time are left to others. */
static void test_many_busy_cards_are_looked_at_more_seldom(void **state) {
  (void)state;
  selection.ignores_lines = true;
  for (unsigned i = 1; i <= 3; i++) {
    card_add(i, (const char *const[]){"eth1", "eth2", "eth3"}[i - 1]);
    card_set_program(i, 7);
    card_answers(i, DIRECTION_RX, busy_at_tc);
  }
  start();
  fakes.xdp_takes = 10;
  settle();
  assert_int_equal(fakes.wait, 270);
  turn_after(269);
  assert_int_equal(fakes.xdp_queries, 0);
  turn_after(1);
  assert_int_equal(fakes.xdp_queries, 3);
  assert_int_equal(fakes.wait, 270);
  stop();
}

/* --- many ------------------------------------------------------------------*/

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
  static const struct overrides rx = {.settings = {.directions = RX},
                                      .given = ~0U};

  (void)state;
  settings.directions = RX | TX;
  add_many(65);
  add_selected("v1", &rx);
  start();
  assert_int_equal(fakes.jobs, 128);
  assert_int_equal(fakes.wait, 0);
  turn();
  assert_string_equal(fakes.tried, "v65 tx");
  assert_true(card_is_counted(65, DIRECTION_RX));
  assert_true(card_is_counted(65, DIRECTION_TX));
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

/* --- what nothing came of --------------------------------------------------*/

/* It will be told that it has gone. */
static void test_a_card_that_goes_during_the_attempt(void **state) {
  (void)state;
  start_with((struct outcome){.error = -ENODEV, .goes = true});
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged, "");
  assert_string_equal(fakes.noticed, "");
  assert_string_equal(read_all(), "");
  turn();
  assert_string_equal(read_all(), "eth0: rx 0 tx 0 lacking\n");
  stop();
}

/* Only a card that the kernel does not know has gone. */
static void test_an_attempt_without_descriptors(void **state) {
  (void)state;
  prepare();
  card_refuses(1, DIRECTION_RX, -EMFILE);
  fakes.ifindex_errno = EMFILE;
  start();
  assert_string_equal(fakes.logged,
                      "6 eth0 rx: in the driver (native XDP), error 24\n");
  assert_string_equal(read_all(), "eth0: rx 0 tx 0 lacking\n");
  stop();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_a_refused_card_is_tried_ever_more_seldom),
      TEST(test_one_direction_is_tried_again),
      TEST(test_the_earliest_attempt_ends_the_rest),
      TEST(test_what_has_the_best_rests),
      TEST(test_what_is_refused_a_better_place_rests),
      TEST(test_a_change_hurries),
      TEST(test_the_link_of_a_card_hurries_nothing),
      TEST(test_a_change_hurries_what_is_at_tc),
      TEST(test_no_change_hurries_what_has_the_best),
      TEST(test_what_an_attempt_knows),
      TEST(test_what_is_held_up_is_kept_and_tried_again),
      TEST(test_what_is_where_it_belongs_rests),
      TEST(test_what_is_refused_is_not_held_up),
      TEST(test_a_busy_card_is_looked_at),
      TEST(test_a_card_that_stays_busy_is_left_alone),
      TEST(test_a_busy_card_is_tried_after_a_while_too),
      TEST(test_a_program_that_is_not_there_after_the_refusal),
      TEST(test_a_program_that_goes_after_a_later_refusal),
      TEST(test_another_program_on_a_busy_card),
      TEST(test_a_busy_card_that_is_held_up),
      TEST(test_a_busy_card_whose_driver_refuses),
      TEST(test_a_busy_card_that_cannot_be_asked),
      TEST(test_many_busy_cards_are_looked_at_more_seldom),
      TEST(test_many_are_attached_in_several_turns),
      TEST(test_both_directions_of_many),
      TEST(test_many_that_are_refused),
      TEST(test_a_card_that_goes_during_the_attempt),
      TEST(test_an_attempt_without_descriptors),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
