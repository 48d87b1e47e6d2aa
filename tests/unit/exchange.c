// SPDX-License-Identifier: MIT

/* From one place to a better one: the series goes on, to the frame. */
#include "tests/unit/interfaces_fakes.h"

static const struct outcome at_tc = {.entry = ENTRY_TC_RX,
                                     .first_error = -EOPNOTSUPP};
static const struct outcome native = {.entry = ENTRY_NATIVE};

/* Of a card, "eth0". */
static void start_with(struct outcome outcome) {
  add_selected("eth0", NULL);
  card_add(1, "eth0");
  card_answers(1, DIRECTION_RX, outcome);
  start();
}

/* ... from tc to native. */
static void exchange(void) {
  card_answers(1, DIRECTION_RX, native);
  card_change(1);
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
}

static void test_an_exchange(void **state) {
  (void)state;
  start_with(at_tc);
  card_passes(1, 10);
  exchange();
  assert_string_equal(fakes.happened, "detach 1 rx\nunpublish 1\n");
  assert_string_equal(fakes.logged,
                      "6 eth0 rx: in the driver (native XDP), error 0\n");
  assert_string_equal(read_all(), "eth0: rx 1 (10) tx 0 attached\n");
  card_passes(1, 1);
  assert_string_equal(read_all(), "eth0: rx 1 (11) tx 0 attached\n");
  stop();
}

static void test_frames_that_both_count(void **state) {
  (void)state;
  start_with(at_tc);
  card_passes(1, 10);
  fakes.frames_of_both = 3;
  exchange();
  assert_string_equal(read_all(), "eth0: rx 1 (13) tx 0 attached\n");
  stop();
}

/* To take a program off may last, and frames go on to come. */
static void test_frames_that_come_while_the_old_one_ends(void **state) {
  (void)state;
  start_with(at_tc);
  card_passes(1, 10);
  fakes.frames_of_both = 3;
  fakes.frames_until_end = 4;
  fakes.frames_of_end = 20;
  exchange();
  assert_string_equal(read_all(), "eth0: rx 1 (37) tx 0 attached\n");
  card_passes(1, 1);
  assert_string_equal(read_all(), "eth0: rx 1 (38) tx 0 attached\n");
  stop();
}

/* ... and to read it does not wait for that. */
static void test_reads_while_the_old_one_ends(void **state) {
  (void)state;
  start_with(at_tc);
  card_passes(1, 10);
  card_answers(1, DIRECTION_RX, native);
  card_change(1);
  fakes.frames_of_both = 3;
  fakes.is_detach_slow = true;
  turn_only();
  wait_until_slow();
  card_passes(1, 2);
  assert_string_equal(read_all(), "eth0: rx 1 (15) tx 0 attached\n");
  end_slowness();
  turn();
  assert_string_equal(read_all(), "eth0: rx 1 (15) tx 0 attached\n");
  stop();
}

/* What was left out under a name is not left out under the next one. */
static void test_a_rename_after_an_exchange(void **state) {
  (void)state;
  selection.ignores_lines = true;
  card_add(1, "eth0");
  card_answers(1, DIRECTION_RX, at_tc);
  start();
  card_passes(1, 10);
  fakes.frames_of_both = 3;
  exchange();
  card_passes(1, 1);
  card_rename(1, "lan0");
  card_add(2, "eth0");
  turn();
  card_passes(1, 2);
  assert_string_equal(read_all(), "eth0: rx 1 (14) tx 0 attached\n"
                                  "lan0: rx 1 (2) tx 0 attached\n");
  stop();
}

/* Between two names: there is no series that it belongs to. */
static void test_an_exchange_of_a_card_without_a_name(void **state) {
  (void)state;
  selection.ignores_lines = true;
  card_add(1, "eth0");
  card_add(2, "eth1");
  card_answers(1, DIRECTION_RX, at_tc);
  start();
  card_passes(1, 10);
  card_rename_unheard(1, "lan0");
  card_rename(2, "eth0");
  turn();
  card_rename_unheard(1, "eth0");
  card_rename_unheard(2, "eth2");
  card_answers(1, DIRECTION_RX, native);
  card_change(1);
  turn();
  assert_string_equal(read_all(), "eth0: rx 1 (10) tx 0 attached\n");
  stop();
}

static void test_no_exchange_for_nothing_better(void **state) {
  (void)state;
  start_with((struct outcome){.entry = ENTRY_TC_RX, .is_busy = true});
  card_passes(1, 10);
  turn_after(1000);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.happened, "");
  assert_string_equal(fakes.logged, "");
  assert_string_equal(read_all(), "eth0: rx 3 (10) tx 0 attached\n");
  stop();
}

/* The mode does not have it there, and where it does it is refused. */
static void test_no_place_instead_of_another_one(void **state) {
  (void)state;
  settings.directions = RX | TX;
  start_with(at_tc);
  card_passes(1, 10);
  card_answers(1, DIRECTION_RX,
               (struct outcome){.entry = ENTRY_NATIVE,
                                .error = -EOPNOTSUPP,
                                .first_error = -EOPNOTSUPP,
                                .gives_up = true});
  card_change(1);
  fakes.frames_until_end = 4;
  fakes.frames_of_end = 20;
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.happened, "detach 1 rx\nunpublish 1\n");
  assert_string_equal(fakes.logged,
                      "6 eth0 rx: in the driver (native XDP), error 95\n");
  assert_string_equal(fakes.noticed,
                      "FAILURE eth0: rx is not counted: error 95; do this\n");
  assert_string_equal(read_all(), "eth0: rx 0 tx 3 (34) lacking\n");
  card_accepts(1, DIRECTION_RX);
  turn_after(1000);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.noticed, "OKAY eth0: rx and tx are counted\n");
  card_passes(1, 1);
  assert_string_equal(read_all(), "eth0: rx 1 (15) tx 3 (35) attached\n");
  stop();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_an_exchange),
      TEST(test_frames_that_both_count),
      TEST(test_frames_that_come_while_the_old_one_ends),
      TEST(test_reads_while_the_old_one_ends),
      TEST(test_a_rename_after_an_exchange),
      TEST(test_an_exchange_of_a_card_without_a_name),
      TEST(test_no_exchange_for_nothing_better),
      TEST(test_no_place_instead_of_another_one),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
