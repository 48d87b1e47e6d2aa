// SPDX-License-Identifier: MIT

/* What is told of an interface: each change once, to the log where attaching
 * has not told it already, and as a notification. */
#include <string.h>

#include "tests/unit/interfaces_fakes.h"

static const struct outcome busy = {
    .entry = ENTRY_NATIVE, .error = -EBUSY, .is_busy = true};
static const struct outcome busy_at_tc = {.entry = ENTRY_TC_RX,
                                          .is_busy = true};
static const struct outcome native = {.entry = ENTRY_NATIVE};
static const struct outcome observing = {.entry = ENTRY_OBSERVE,
                                         .is_busy = true};

static void prepare(void) {
  settings.directions = RX | TX;
  add_selected("eth0", NULL);
  card_add(1, "eth0");
}

/* That nothing more is told, whatever is tried meanwhile. */
static void assert_told_once(void) {
  for (unsigned i = 0; i < 5; i++) {
    turn_after(60000);
    assert_string_equal(fakes.noticed, "");
    assert_string_equal(fakes.logged, "");
  }
}

/* Tries again, and expects that to be told. */
static void assert_then(const char *noticed) {
  card_change(1);
  turn();
  assert_string_equal(fakes.noticed, noticed);
  assert_told_once();
}

static void test_nothing_of_what_is_counted_from_the_start(void **state) {
  (void)state;
  prepare();
  start();
  assert_string_equal(fakes.noticed, "");
  assert_told_once();
  stop();
}

/* --- failed ----------------------------------------------------------------*/

static void test_a_direction_fails_and_recovers(void **state) {
  (void)state;
  prepare();
  card_refuses(1, DIRECTION_RX, -EPERM);
  start();
  assert_string_equal(fakes.noticed,
                      "FAILURE eth0: rx is not counted: error 1; do this\n");
  assert_told_once();
  card_accepts(1, DIRECTION_RX);
  assert_then("OKAY eth0: rx and tx are counted\n");
  stop();
}

static void test_tx_fails(void **state) {
  (void)state;
  prepare();
  card_refuses(1, DIRECTION_TX, -ENOSYS);
  start();
  assert_string_equal(fakes.noticed,
                      "FAILURE eth0: tx is not counted: error 38; do this\n");
  assert_told_once();
  stop();
}

static void test_both_directions_fail(void **state) {
  (void)state;
  prepare();
  card_refuses(1, DIRECTION_RX, -EPERM);
  card_refuses(1, DIRECTION_TX, -EPERM);
  start();
  assert_string_equal(
      fakes.noticed,
      "FAILURE eth0: rx and tx are not counted: error 1; do this\n");
  assert_told_once();
  card_accepts(1, DIRECTION_RX);
  assert_then("FAILURE eth0: tx is not counted: error 1; do this\n");
  card_accepts(1, DIRECTION_TX);
  assert_then("OKAY eth0: rx and tx are counted\n");
  stop();
}

static void test_both_directions_fail_for_two_causes(void **state) {
  (void)state;
  prepare();
  card_refuses(1, DIRECTION_RX, -EPERM);
  card_refuses(1, DIRECTION_TX, -ENOSYS);
  start();
  assert_string_equal(fakes.noticed,
                      "FAILURE eth0: rx is not counted: error 1; do this. tx "
                      "is not counted: error 38; do this\n");
  assert_told_once();
  card_refuses(1, DIRECTION_TX, -EPERM);
  assert_then("FAILURE eth0: rx and tx are not counted: error 1; do this\n");
  stop();
}

static void test_another_cause(void **state) {
  (void)state;
  prepare();
  card_refuses(1, DIRECTION_RX, -EPERM);
  start();
  card_refuses(1, DIRECTION_RX, -EMFILE);
  assert_then("FAILURE eth0: rx is not counted: error 24; do this\n");
  stop();
}

/* Only what is wanted is spoken of. */
static void test_words_of_one_direction(void **state) {
  (void)state;
  prepare();
  settings.directions = TX;
  card_refuses(1, DIRECTION_TX, -EPERM);
  start();
  assert_string_equal(fakes.noticed,
                      "FAILURE eth0: tx is not counted: error 1; do this\n");
  card_accepts(1, DIRECTION_TX);
  assert_then("OKAY eth0: tx is counted\n");
  stop();
}

static void test_a_cause_without_memory(void **state) {
  (void)state;
  prepare();
  fakes.has_no_copies = true;
  card_refuses(1, DIRECTION_RX, -EPERM);
  start();
  assert_string_equal(fakes.noticed,
                      "FAILURE eth0: rx is not counted: out of memory\n");
  stop();
}

static void test_two_causes_without_memory(void **state) {
  (void)state;
  prepare();
  fakes.has_no_copies = true;
  card_refuses(1, DIRECTION_RX, -EPERM);
  card_refuses(1, DIRECTION_TX, -EIO);
  start();
  assert_string_equal(
      fakes.noticed,
      "FAILURE eth0: rx and tx are not counted: out of memory\n");
  stop();
}

static void test_each_interface_for_itself(void **state) {
  (void)state;
  selection.ignores_lines = true;
  card_add(1, "eth0");
  card_add(2, "eth1");
  card_add(3, "eth2");
  card_refuses(1, DIRECTION_RX, -EPERM);
  card_refuses(3, DIRECTION_RX, -EIO);
  start();
  assert_string_equal(fakes.noticed,
                      "FAILURE eth0: rx is not counted: error 1; do this\n"
                      "FAILURE eth2: rx is not counted: error 5; do this\n");
  card_accepts(3, DIRECTION_RX);
  card_change(3);
  turn();
  assert_string_equal(fakes.noticed, "OKAY eth2: rx is counted\n");
  stop();
}

/* --- busy ------------------------------------------------------------------*/

static void test_busy_and_counted_at_tc(void **state) {
  (void)state;
  prepare();
  card_answers(1, DIRECTION_RX, busy_at_tc);
  start();
  assert_string_equal(
      fakes.noticed,
      "WARNING eth0: rx is counted at tc: another XDP program is attached\n");
  assert_told_once();
  card_answers(1, DIRECTION_RX, native);
  assert_then("OKAY eth0: rx and tx are counted\n");
  stop();
}

static void test_busy_and_not_counted(void **state) {
  (void)state;
  prepare();
  card_answers(1, DIRECTION_RX, busy);
  start();
  assert_string_equal(
      fakes.noticed,
      "WARNING eth0: rx is not counted: another XDP program is attached\n");
  assert_told_once();
  card_answers(1, DIRECTION_RX, native);
  assert_then("OKAY eth0: rx and tx are counted\n");
  stop();
}

/* What is worse is told. */
static void test_busy_while_tx_fails(void **state) {
  (void)state;
  prepare();
  card_answers(1, DIRECTION_RX, busy);
  card_refuses(1, DIRECTION_TX, -EPERM);
  start();
  assert_string_equal(fakes.noticed,
                      "FAILURE eth0: tx is not counted: error 1; do this\n");
  card_accepts(1, DIRECTION_TX);
  assert_then(
      "WARNING eth0: rx is not counted: another XDP program is attached\n");
  stop();
}

/* Busy "skip" is not why. */
static void test_busy_and_refused_at_tc(void **state) {
  (void)state;
  prepare();
  card_answers(1, DIRECTION_RX,
               (struct outcome){
                   .entry = ENTRY_TC_RX, .error = -ENOSYS, .is_busy = true});
  start();
  assert_string_equal(fakes.noticed,
                      "FAILURE eth0: rx is not counted: error 38; do this\n");
  assert_told_once();
  card_answers(1, DIRECTION_RX, busy);
  assert_then(
      "WARNING eth0: rx is not counted: another XDP program is attached\n");
  stop();
}

static void test_failed_after_busy(void **state) {
  (void)state;
  prepare();
  card_answers(1, DIRECTION_RX, busy);
  start();
  card_answers(1, DIRECTION_RX, (struct outcome){.error = -EIO});
  assert_then("FAILURE eth0: rx is not counted: error 5; do this\n");
  stop();
}

/* --- observed --------------------------------------------------------------*/

#define BEHIND                                                                 \
  "WARNING eth0: rx is counted at tc: another XDP program is attached\n"

static void start_beside_another(struct outcome outcome) {
  prepare();
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX, outcome);
  start();
}

/* What is observed is counted, as is wanted. */
static void test_observed_from_the_start(void **state) {
  (void)state;
  start_beside_another(observing);
  assert_string_equal(fakes.noticed, "");
  assert_told_once();
  card_set_program(1, 0);
  card_answers(1, DIRECTION_RX, native);
  assert_then("");
  stop();
}

static void test_observed_after_all(void **state) {
  (void)state;
  start_beside_another(busy_at_tc);
  assert_string_equal(fakes.noticed, BEHIND);
  assert_told_once();
  card_answers(1, DIRECTION_RX, observing);
  assert_then("OKAY eth0: rx and tx are counted\n");
  stop();
}

static void test_no_longer_observed(void **state) {
  (void)state;
  start_beside_another(observing);
  fakes.follow_error = -ENODATA;
  card_set_program(1, 8);
  card_answers(1, DIRECTION_RX, busy_at_tc);
  turn_after(1000);
  assert_string_equal(fakes.noticed, BEHIND);
  assert_told_once();
  stop();
}

/* Only what has failed is told of. */
static void test_observed_while_tx_fails(void **state) {
  (void)state;
  prepare();
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX, observing);
  card_refuses(1, DIRECTION_TX, -EPERM);
  start();
  assert_string_equal(fakes.noticed,
                      "FAILURE eth0: tx is not counted: error 1; do this\n");
  card_accepts(1, DIRECTION_TX);
  assert_then("OKAY eth0: rx and tx are counted\n");
  stop();
}

/* --- missing ---------------------------------------------------------------*/

#define MISSING                                                                \
  "FAILURE eth0: not counted: there is no such interface; it will be as soon " \
  "as there is one\n"

static void test_missing_from_the_start(void **state) {
  (void)state;
  settings.directions = RX | TX;
  add_selected("eth0", NULL);
  start();
  assert_string_equal(fakes.noticed, MISSING);
  assert_string_equal(fakes.logged,
                      "3 interface \"eth0\" is not counted: there is no such "
                      "interface; it will be as soon as there is one\n");
  assert_told_once();
  card_add(1, "eth0");
  turn();
  assert_string_equal(fakes.noticed, "OKAY eth0: rx and tx are counted\n");
  assert_string_equal(fakes.logged,
                      "6 eth0 rx: in the driver (native XDP), error 0\n"
                      "6 eth0 tx: at tc egress (tcx), error 0\n");
  stop();
}

/* Links come and go too fast to be told: some may be there all the same. */
static void test_missing_is_told_when_all_are_known(void **state) {
  (void)state;
  add_selected("eth0", NULL);
  add_selected("/^veth/", NULL);
  add_selected("eth1", NULL);
  card_add(1, "eth0");
  fakes.is_incomplete = true;
  start();
  assert_string_equal(fakes.logged,
                      "6 eth0 rx: in the driver (native XDP), error 0\n");
  assert_string_equal(fakes.noticed, "");
  assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n");
  assert_told_once();
  card_remove(1);
  turn();
  assert_string_equal(fakes.logged, "");
  assert_string_equal(fakes.noticed, "");
  assert_string_equal(read_all(), "");
  card_add(2, "eth0");
  fakes.is_incomplete = false;
  turn();
  assert_string_equal(
      fakes.logged,
      "5 configuration: Interface \"/^veth/\": matches no interface so far\n"
      "6 eth0 rx: in the driver (native XDP), error 0\n"
      "3 interface \"eth1\" is not counted: there is no such interface; it "
      "will be as soon as there is one\n");
  assert_string_equal(fakes.noticed,
                      "FAILURE eth1: not counted: there is no such interface; "
                      "it will be as soon as there is one\n");
  assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n"
                                  "eth1: rx 0 tx 0 lacking\n");
  assert_told_once();
  stop();
}

/* What has been there and goes is missing, whatever else is not known. */
static void test_missing_after_all_were_known(void **state) {
  (void)state;
  prepare();
  add_selected("/^veth/", NULL);
  start();
  fakes.is_incomplete = true;
  card_remove(1);
  turn();
  assert_string_equal(fakes.noticed, MISSING);
  assert_told_once();
  fakes.is_incomplete = false;
  assert_told_once();
  stop();
}

/* One that comes before it is known what else there is was not missing. */
static void test_a_card_that_comes_before_all_are_known(void **state) {
  (void)state;
  add_selected("/^veth/", NULL);
  fakes.is_incomplete = true;
  start();
  card_add(1, "veth0");
  turn();
  fakes.is_incomplete = false;
  turn();
  assert_string_equal(fakes.logged, "");
  assert_string_equal(fakes.noticed, "");
  stop();
}

static void test_missing_and_back(void **state) {
  (void)state;
  prepare();
  start();
  card_remove(1);
  turn();
  assert_string_equal(fakes.noticed, MISSING);
  assert_told_once();
  card_add(1, "eth0");
  turn();
  assert_string_equal(fakes.noticed, "OKAY eth0: rx and tx are counted\n");
  assert_told_once();
  stop();
}

static void test_missing_and_then_failed(void **state) {
  (void)state;
  add_selected("eth0", NULL);
  start();
  card_add(1, "eth0");
  card_refuses(1, DIRECTION_RX, -EPERM);
  turn();
  assert_string_equal(fakes.noticed,
                      "FAILURE eth0: rx is not counted: error 1; do this\n");
  card_remove(1);
  turn();
  assert_string_equal(fakes.noticed, MISSING);
  stop();
}

/* It is there, but under a name that the kernel tells nowhere. */
static void test_another_name_of_a_card(void **state) {
  (void)state;
  card_add(1, "eth0");
  add_selected("alternative", NULL);
  start();
  assert_string_equal(
      fakes.logged,
      "3 interface \"alternative\" is not counted: it is another name of "
      "\"eth0\"; use that one\n");
  assert_string_equal(
      fakes.noticed,
      "FAILURE alternative: not counted: there "
      "is no such interface; it will be as soon as there is one\n");
  stop();
}

/* It came, but went before it could be counted. */
static void test_missing_until_it_is_tried(void **state) {
  (void)state;
  add_selected("eth0", NULL);
  start();
  card_add(1, "eth0");
  card_answers(1, DIRECTION_RX,
               (struct outcome){.error = -ENODEV, .goes = true});
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.noticed, "");
  turn();
  assert_string_equal(fakes.noticed, "");
  card_add(1, "eth0");
  turn();
  assert_string_equal(fakes.noticed, "OKAY eth0: rx is counted\n");
  stop();
}

/* Nobody asked for it by its name. */
static void test_a_failed_card_that_goes(void **state) {
  (void)state;
  selection.ignores_lines = true;
  card_add(1, "veth0");
  card_refuses(1, DIRECTION_RX, -EPERM);
  start();
  card_remove(1);
  turn();
  assert_string_equal(fakes.noticed, "");
  card_add(2, "veth0");
  turn();
  assert_string_equal(fakes.noticed, "");
  stop();
}

/* --- names that move -------------------------------------------------------*/

/* The name that has lost its card is missing, the other one is as before. */
static void test_rename_of_a_configured_card(void **state) {
  (void)state;
  prepare();
  add_selected("lan0", NULL);
  start();
  assert_string_equal(fakes.noticed,
                      "FAILURE lan0: not counted: there is no such interface; "
                      "it will be as soon as there is one\n");
  card_rename(1, "lan0");
  turn();
  assert_string_equal(fakes.noticed, MISSING "OKAY lan0: rx and tx are "
                                             "counted\n");
  assert_told_once();
  stop();
}

static void test_a_failed_card_under_another_name(void **state) {
  (void)state;
  selection.ignores_lines = true;
  card_add(1, "eth0");
  card_refuses(1, DIRECTION_RX, -EPERM);
  start();
  card_rename(1, "lan0");
  turn();
  assert_string_equal(fakes.noticed,
                      "FAILURE lan0: rx is not counted: error 1; do this\n");
  stop();
}

/* What is not wanted of it any more has not failed. */
static void test_a_failed_direction_under_another_name(void **state) {
  static const struct overrides rx = {.settings = {.directions = RX},
                                      .given = ~0U};

  (void)state;
  selection.ignores_lines = true;
  settings.directions = RX | TX;
  add_selected("/^lan/", &rx);
  card_add(1, "eth0");
  card_refuses(1, DIRECTION_TX, -EPERM);
  start();
  assert_string_equal(fakes.noticed,
                      "FAILURE eth0: tx is not counted: error 1; do this\n");
  card_rename(1, "lan0");
  turn();
  assert_string_equal(fakes.noticed, "");
  assert_string_equal(read_all(), "lan0: rx 1 (0) tx 0 attached\n");
  stop();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_nothing_of_what_is_counted_from_the_start),
      TEST(test_a_direction_fails_and_recovers),
      TEST(test_tx_fails),
      TEST(test_both_directions_fail),
      TEST(test_both_directions_fail_for_two_causes),
      TEST(test_another_cause),
      TEST(test_words_of_one_direction),
      TEST(test_a_cause_without_memory),
      TEST(test_two_causes_without_memory),
      TEST(test_each_interface_for_itself),
      TEST(test_busy_and_counted_at_tc),
      TEST(test_busy_and_not_counted),
      TEST(test_busy_while_tx_fails),
      TEST(test_busy_and_refused_at_tc),
      TEST(test_failed_after_busy),
      TEST(test_observed_from_the_start),
      TEST(test_observed_after_all),
      TEST(test_no_longer_observed),
      TEST(test_observed_while_tx_fails),
      TEST(test_missing_from_the_start),
      TEST(test_missing_is_told_when_all_are_known),
      TEST(test_missing_after_all_were_known),
      TEST(test_a_card_that_comes_before_all_are_known),
      TEST(test_missing_and_back),
      TEST(test_missing_and_then_failed),
      TEST(test_another_name_of_a_card),
      TEST(test_missing_until_it_is_tried),
      TEST(test_a_failed_card_that_goes),
      TEST(test_rename_of_a_configured_card),
      TEST(test_a_failed_card_under_another_name),
      TEST(test_a_failed_direction_under_another_name),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
