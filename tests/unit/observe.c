// SPDX-License-Identifier: MIT

/* XDP programs of others that are observed: which come, go and are exchanged
 * without a message, while the series go on. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/interfaces_fakes.h"

enum { WATCH = 20 }; /* milliseconds from one look to the next */

static const struct outcome observing = {.entry = ENTRY_OBSERVE,
                                         .is_busy = true};
static const struct outcome native = {.entry = ENTRY_NATIVE};
static const struct outcome at_tc = {.entry = ENTRY_TC_RX,
                                     .first_error = -EOPNOTSUPP};
static const struct outcome without_btf = {
    .entry = ENTRY_TC_RX, .is_busy = true, .observe_error = -ENODATA};
static const struct outcome without_memory = {
    .entry = ENTRY_TC_RX, .is_busy = true, .observe_error = -ENOMEM};

#define SEEN "6 eth0 rx: as another XDP program sees it, error 0, busy\n"
/* One card, "eth0", with a program. */
static void start_with(__u32 program, struct outcome outcome) {
  add_selected("eth0", NULL);
  card_add(1, "eth0");
  card_set_program(1, program);
  card_answers(1, DIRECTION_RX, outcome);
  start();
  settle();
}

static void start_observing(void) {
  start_with(7, observing);
  card_passes(1, 10);
}

/* Without a message, and then it is looked at. */
static void becomes(__u32 program, struct outcome outcome) {
  card_set_program(1, program);
  card_answers(1, DIRECTION_RX, outcome);
  turn_after(WATCH);
}

static void assert_nothing_happens(void) {
  assert_string_equal(fakes.tried, "");
  assert_string_equal(fakes.logged, "");
  assert_string_equal(fakes.noticed, "");
  assert_string_equal(fakes.happened, "");
}

/* --- while it is there -----------------------------------------------------*/

static void test_it_is_observed(void **state) {
  (void)state;
  add_selected("eth0", NULL);
  card_add(1, "eth0");
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX, observing);
  start();
  assert_string_equal(fakes.logged, SEEN);
  assert_string_equal(fakes.noticed, "");
  card_passes(1, 3);
  assert_string_equal(read_all(), "eth0: rx 4 (3, 3 observed) tx 0 attached\n");
  stop();
}

static void test_nothing_happens_while_it_stays(void **state) {
  (void)state;
  start_observing();
  for (unsigned t = 0; t < 3000; t += WATCH) {
    assert_int_equal(fakes.wait, WATCH);
    turn_after(WATCH);
    assert_int_equal(fakes.xdp_queries, 1);
    assert_nothing_happens();
  }
  turn_after(60000);
  assert_nothing_happens();
  assert_string_equal(read_all(),
                      "eth0: rx 4 (10, 10 observed) tx 0 attached\n");
  stop();
}

/* It is asked for again, and is the same. */
static void test_a_change_of_its_card(void **state) {
  (void)state;
  start_observing();
  card_change(1);
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_int_equal(*fakes.last_job.current, ENTRY_OBSERVE);
  assert_true(fakes.last_job.may_be_busy);
  assert_string_equal(fakes.logged, "");
  assert_string_equal(fakes.noticed, "");
  assert_string_equal(fakes.happened, "");
  turn_after(WATCH);
  assert_nothing_happens();
  stop();
}

static void test_a_card_that_cannot_be_asked(void **state) {
  (void)state;
  start_observing();
  fakes.xdp_error = -EMFILE;
  turn_after(WATCH);
  assert_nothing_happens();
  assert_int_equal(fakes.wait, WATCH);
  stop();
}

/* A message may have told of it, or the last look. */
static void test_what_an_attempt_knows_of_it(void **state) {
  (void)state;
  selection.ignores_lines = true;
  card_add(1, "eth0");
  start();
  assert_false(fakes.last_job.may_be_busy);
  card_add(2, "eth1");
  card_exchange_program(2, 7);
  turn();
  assert_int_equal(fakes.last_device.ifindex, 2);
  assert_true(fakes.last_job.may_be_busy);
  stop();
}

/* --- it is exchanged -------------------------------------------------------*/

#define ANOTHER(id)                                                            \
  "6 interface \"eth0\": the other XDP program is another one now (id " id     \
  "), which is observed\n"

static void test_an_exchange(void **state) {
  (void)state;
  start_observing();
  becomes(8, observing);
  assert_string_equal(fakes.happened, "follow 1 8\n");
  assert_string_equal(fakes.logged, ANOTHER("8"));
  assert_string_equal(fakes.tried, "");
  assert_string_equal(fakes.noticed, "");
  card_passes(1, 1);
  assert_string_equal(read_all(),
                      "eth0: rx 4 (11, 11 observed) tx 0 attached\n");
  turn_after(WATCH);
  assert_nothing_happens();
  stop();
}

/* What the new one sees before it is observed is missed, and no more. */
static void test_many_exchanges(void **state) {
  (void)state;
  start_observing();
  for (unsigned i = 0; i < 100; i++) {
    card_set_program(1, 8 + i);
    card_passes(1, 1000);
    turn_after(WATCH);
    card_passes(1, 1);
  }
  assert_string_equal(read_all(),
                      "eth0: rx 4 (110, 110 observed) tx 0 attached\n");
  stop();
}

/* By netlink: the message comes before the next look, and the attempt that it
 * hurries leaves the exchange to that. */
static void test_an_exchange_that_is_told(void **state) {
  (void)state;
  start_observing();
  card_exchange_program(1, 8);
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.happened, "");
  turn_after(WATCH);
  assert_string_equal(fakes.happened, "follow 1 8\n");
  assert_string_equal(fakes.logged, ANOTHER("8"));
  card_passes(1, 1);
  assert_string_equal(read_all(),
                      "eth0: rx 4 (11, 11 observed) tx 0 attached\n");
  turn_after(WATCH);
  assert_nothing_happens();
  stop();
}

/* It is begun anew, at once. */
static void test_an_exchange_that_cannot_be_followed(void **state) {
  (void)state;
  start_observing();
  fakes.follow_error = -ENOMEM;
  becomes(8, observing);
  assert_string_equal(fakes.happened, "follow 1 8\n"
                                      "detach 1 rx\n"
                                      "unpublish 1\n");
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_null(fakes.last_job.current);
  assert_true(fakes.last_job.may_be_busy);
  assert_string_equal(fakes.logged, SEEN);
  assert_string_equal(fakes.noticed, "");
  card_passes(1, 1);
  assert_string_equal(read_all(),
                      "eth0: rx 4 (11, 11 observed) tx 0 attached\n");
  turn_after(WATCH);
  assert_nothing_happens();
  stop();
}

static void test_an_exchange_for_one_that_is_not_observed(void **state) {
  (void)state;
  start_observing();
  fakes.follow_error = -ENODATA;
  becomes(8, without_btf);
  assert_string_equal(fakes.logged,
                      "6 eth0 rx: at tc ingress (tcx), error 0, busy\n");
  assert_string_equal(fakes.noticed,
                      "WARNING eth0: rx is counted at tc: another XDP program "
                      "is attached; not observed: error 61\n");
  card_passes(1, 1);
  assert_string_equal(read_all(), "eth0: rx 3 (11) tx 0 attached\n");
  becomes(9, observing);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged, SEEN);
  assert_string_equal(fakes.noticed, "OKAY eth0: rx is counted\n");
  card_passes(1, 1);
  assert_string_equal(read_all(),
                      "eth0: rx 4 (12, 11 observed) tx 0 attached\n");
  stop();
}

static void test_one_program_of_two_cards(void **state) {
  (void)state;
  selection.ignores_lines = true;
  for (unsigned i = 1; i <= 2; i++) {
    card_add(i, (const char *const[]){"eth0", "eth1"}[i - 1]);
    card_set_program(i, 7);
    card_answers(i, DIRECTION_RX, observing);
  }
  start();
  settle();
  card_passes(1, 10);
  card_passes(2, 20);
  card_set_program(1, 8);
  card_set_program(2, 8);
  turn_after(WATCH);
  assert_int_equal(fakes.xdp_queries, 2);
  assert_string_equal(fakes.happened, "follow 1 8\nfollow 2 8\n");
  card_passes(1, 1);
  card_passes(2, 2);
  assert_string_equal(read_all(),
                      "eth0: rx 4 (11, 11 observed) tx 0 attached\n"
                      "eth1: rx 4 (22, 22 observed) tx 0 attached\n");
  stop();
}

/* --- it goes ---------------------------------------------------------------*/

/* The observer counts nothing any more: all that the new one has counted until
 * it takes over is kept. */
static void test_it_goes(void **state) {
  (void)state;
  start_observing();
  fakes.frames_of_both = 3;
  becomes(0, native);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_non_null(fakes.last_job.current);
  assert_string_equal(fakes.happened, "detach 1 rx\nunpublish 1\n");
  assert_string_equal(fakes.logged,
                      "6 eth0 rx: in the driver (native XDP), error 0\n");
  assert_string_equal(fakes.noticed, "");
  assert_string_equal(read_all(), "eth0: rx 1 (13) tx 0 attached\n");
  turn_after(WATCH);
  assert_int_equal(fakes.xdp_queries, 0);
  assert_true(fakes.wait > WATCH);
  stop();
}

static void test_it_goes_and_native_is_refused(void **state) {
  (void)state;
  start_observing();
  fakes.frames_of_both = 3;
  becomes(0, at_tc);
  assert_string_equal(fakes.noticed, "");
  assert_string_equal(read_all(), "eth0: rx 3 (13) tx 0 attached\n");
  turn_after(WATCH);
  assert_int_equal(fakes.xdp_queries, 1);
  assert_nothing_happens();
  stop();
}

/* As in Mode "native". */
static void test_it_goes_and_all_is_refused(void **state) {
  struct outcome refused = {
      .entry = ENTRY_NATIVE, .error = -EOPNOTSUPP, .gives_up = true};

  (void)state;
  start_observing();
  becomes(0, refused);
  assert_string_equal(fakes.happened, "detach 1 rx\nunpublish 1\n");
  assert_string_equal(fakes.noticed,
                      "FAILURE eth0: rx is not counted: error 95; do this\n");
  assert_string_equal(read_all(), "eth0: rx 0 tx 0 lacking\n");
  card_answers(1, DIRECTION_RX, native);
  turn_after(1000);
  assert_string_equal(fakes.noticed, "OKAY eth0: rx is counted\n");
  card_passes(1, 1);
  assert_string_equal(read_all(), "eth0: rx 1 (11) tx 0 attached\n");
  stop();
}

/* --- it comes --------------------------------------------------------------*/

/* What the new port has counted before it takes over, tc has counted too. */
static void test_it_comes_where_we_are_at_tc(void **state) {
  (void)state;
  start_with(0, at_tc);
  card_passes(1, 10);
  fakes.frames_of_both = 3;
  becomes(7, observing);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_true(fakes.last_job.may_be_busy);
  assert_string_equal(fakes.happened, "detach 1 rx\nunpublish 1\n");
  assert_string_equal(fakes.logged, SEEN);
  assert_string_equal(fakes.noticed, "");
  assert_string_equal(read_all(),
                      "eth0: rx 4 (13, 0 observed) tx 0 attached\n");
  card_passes(1, 1);
  assert_string_equal(read_all(),
                      "eth0: rx 4 (14, 1 observed) tx 0 attached\n");
  stop();
}

static void test_it_comes_in_mode_tc(void **state) {
  (void)state;
  settings.mode = MODE_TC;
  start_with(0, (struct outcome){.entry = ENTRY_TC_RX});
  becomes(7, observing);
  assert_int_equal(fakes.xdp_queries, 0);
  assert_nothing_happens();
  stop();
}

/* --- it is not observed ----------------------------------------------------*/

/* Time does not change it; another program does. */
static void test_a_lasting_reason(void **state) {
  (void)state;
  start_with(7, without_btf);
  for (unsigned t = 0; t < 3000; t += WATCH) {
    turn_after(WATCH);
    assert_int_equal(fakes.xdp_queries, 1);
    assert_string_equal(fakes.tried, "");
  }
  turn_after(60000);
  assert_string_equal(fakes.tried, "");
  becomes(8, without_btf);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged, "");
  turn_after(60000);
  assert_string_equal(fakes.tried, "");
  becomes(9, observing);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.noticed, "OKAY eth0: rx is counted\n");
  stop();
}

static void test_a_passing_reason(void **state) {
  (void)state;
  start_with(7, without_memory);
  turn_after(1000);
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged, "");
  turn_after(1999);
  assert_string_equal(fakes.tried, "");
  turn_after(1);
  assert_string_equal(fakes.tried, "eth0 rx");
  card_passes(1, 10);
  fakes.frames_of_both = 3;
  card_answers(1, DIRECTION_RX, observing);
  turn_after(4000);
  assert_string_equal(fakes.noticed, "OKAY eth0: rx is counted\n");
  assert_string_equal(read_all(),
                      "eth0: rx 4 (13, 0 observed) tx 0 attached\n");
  turn_after(60000);
  assert_nothing_happens();
  stop();
}

/* As those of bonds: it may have gone at once, and that it does is not seen. */
static void test_a_program_without_an_id(void **state) {
  struct outcome of_bond = without_btf;

  (void)state;
  of_bond.observe_error = -ENOENT;
  add_selected("eth0", NULL);
  card_add(1, "eth0");
  card_answers(1, DIRECTION_RX, of_bond);
  start();
  assert_string_equal(fakes.tried, "eth0 rx");
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.logged, "");
  turn();
  assert_string_equal(fakes.tried, "");
  turn_after(2000);
  assert_string_equal(fakes.tried, "eth0 rx");
  stop();
}

/* Both count as long as both are there. */
static void test_a_rename_to_busy_tc(void **state) {
  static const struct overrides behind = {
      .settings = {.directions = RX, .busy = BUSY_TC, .groups = GROUPS_DEFAULT},
      .given = ~0U};

  (void)state;
  add_selected("lan0", &behind);
  start_observing();
  card_answers(1, DIRECTION_RX,
               (struct outcome){.entry = ENTRY_TC_RX, .is_busy = true});
  card_rename(1, "lan0");
  fakes.frames_of_both = 3;
  turn();
  assert_string_equal(fakes.tried, "lan0 rx");
  card_passes(1, 1);
  assert_string_equal(read_all(), "lan0: rx 3 (4) tx 0 attached\n"
                                  "eth0: rx 0 tx 0 lacking\n");
  stop();
}

/* --- bonds -----------------------------------------------------------------*/

/* The members' frames are seen as theirs, as by our own program. */
static void test_members_of_a_bond(void **state) {
  (void)state;
  add_selected("bond0", NULL);
  card_add(1, "bond0");
  card_set_kind(1, "bond");
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX, observing);
  card_add(11, "eth0");
  start();
  card_enslave(11, 1);
  turn();
  assert_string_equal(fakes.happened, "add 11 to 1\n");
  card_enslave(11, 0);
  turn();
  assert_string_equal(fakes.happened, "remove 11 from 1\n");
  stop();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_it_is_observed),
      TEST(test_nothing_happens_while_it_stays),
      TEST(test_a_change_of_its_card),
      TEST(test_a_card_that_cannot_be_asked),
      TEST(test_what_an_attempt_knows_of_it),
      TEST(test_an_exchange),
      TEST(test_many_exchanges),
      TEST(test_an_exchange_that_is_told),
      TEST(test_an_exchange_that_cannot_be_followed),
      TEST(test_an_exchange_for_one_that_is_not_observed),
      TEST(test_one_program_of_two_cards),
      TEST(test_it_goes),
      TEST(test_it_goes_and_native_is_refused),
      TEST(test_it_goes_and_all_is_refused),
      TEST(test_it_comes_where_we_are_at_tc),
      TEST(test_it_comes_in_mode_tc),
      TEST(test_a_lasting_reason),
      TEST(test_a_passing_reason),
      TEST(test_a_program_without_an_id),
      TEST(test_a_rename_to_busy_tc),
      TEST(test_members_of_a_bond),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
