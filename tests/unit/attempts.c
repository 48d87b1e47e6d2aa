// SPDX-License-Identifier: MIT

/* When an attempt is made, and what becomes of what was there before. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/interfaces_fakes.h"

enum { SWEEP = 10000 }; /* the thread never rests longer */

static const struct outcome at_tc = {.entry = ENTRY_TC_RX,
                                     .first_error = -EOPNOTSUPP};
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
  while (!*fakes.tried && fakes.now < start + 2 * 60000);
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
  turn_after(SWEEP);
  assert_string_equal(fakes.tried, "");
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
  assert_int_equal(until_next_try(), 1000);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged, "");
  assert_string_equal(fakes.happened, "");
  assert_string_equal(fakes.noticed, "");
  assert_string_equal(read_all(), "eth0: rx 3 (5) tx 0 attached\n");
  card_answers(1, DIRECTION_RX, native);
  assert_int_equal(until_next_try(), 2000);
  assert_string_equal(read_all(), "eth0: rx 1 (5) tx 0 attached\n");
  stop();
}

/* Nothing else was tried. */
static void test_what_is_where_it_belongs_rests(void **state) {
  (void)state;
  settings.mode = MODE_TC;
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
  turn_after(SWEEP);
  assert_string_equal(fakes.tried, "");
  stop();
}

/* Queues and memory may be had later, and no message tells. */
static void test_a_refusal_that_may_pass(void **state) {
  static const int errors[] = {ENOMEM, ENOSPC, ERANGE};

  for (size_t i = 0; i < COUNT_OF(errors); i++) {
    start_with(
        (struct outcome){.entry = ENTRY_TC_RX, .first_error = -errors[i]});
    assert_int_equal(until_next_try(), 1000);
    assert_string_equal(fakes.logged, "");
    assert_int_equal(until_next_try(), 2000);
    card_answers(1, DIRECTION_RX, native);
    assert_int_equal(until_next_try(), 4000);
    assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n");
    stop();
    tear_down(state);
    set_up(state);
  }
}

static void test_a_refusal_that_does_not_pass(void **state) {
  static const int errors[] = {EOPNOTSUPP, EINVAL};

  for (size_t i = 0; i < COUNT_OF(errors); i++) {
    start_with(
        (struct outcome){.entry = ENTRY_TC_RX, .first_error = -errors[i]});
    turn_after(60000);
    assert_string_equal(fakes.tried, "");
    stop();
    tear_down(state);
    set_up(state);
  }
}

/* While large receive offload is on there is no native XDP. */
static void test_a_card_that_merges(void **state) {
  (void)state;
  fakes.merges = true;
  start_with(at_tc);
  assert_int_equal(until_next_try(), 1000);
  assert_string_equal(fakes.logged, "");
  assert_int_equal(until_next_try(), 2000);
  assert_int_equal(until_next_try(), 4000);
  card_answers(1, DIRECTION_RX, native);
  assert_int_equal(until_next_try(), 8000);
  assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n");
  turn_after(60000);
  assert_string_equal(fakes.tried, "");
  stop();
}

static void test_a_card_that_merges_in_mode_tc(void **state) {
  (void)state;
  fakes.merges = true;
  settings.mode = MODE_TC;
  start_with((struct outcome){.entry = ENTRY_TC_RX});
  turn_after(60000);
  assert_string_equal(fakes.tried, "");
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
      TEST(test_a_refusal_that_may_pass),
      TEST(test_a_refusal_that_does_not_pass),
      TEST(test_a_card_that_merges),
      TEST(test_a_card_that_merges_in_mode_tc),
      TEST(test_a_card_that_goes_during_the_attempt),
      TEST(test_an_attempt_without_descriptors),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
