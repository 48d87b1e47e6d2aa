// SPDX-License-Identifier: MIT

/* Cards take other names: value(NAME) is the last value under NAME plus the
 * frames since a card took that name. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/interfaces_fakes.h"

enum { HOUR = 60 * 60 * 1000, MINUTE = 60 * 1000 };

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

/* --- values follow the name ------------------------------------------------*/

static void test_a_card_that_is_made_again(void **state) {
  (void)state;
  start_two();
  card_remove(1);
  turn();
  card_add(3, "eth0");
  turn();
  assert_string_equal(read_all(), "eth0: rx 1 (10) tx 0 attached\n"
                                  "eth1: rx 1 (200) tx 0 attached\n");
  card_passes(3, 1);
  assert_string_equal(read_all(), "eth0: rx 1 (11) tx 0 attached\n"
                                  "eth1: rx 1 (200) tx 0 attached\n");
  stop();
}

/* Within a turn nobody misses it. */
static void test_a_card_that_is_made_again_at_once(void **state) {
  (void)state;
  start_two();
  card_remove(1);
  card_add(1, "eth0");
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(fakes.noticed, "");
  card_passes(1, 1);
  assert_string_equal(read_all(), "eth0: rx 1 (11) tx 0 attached\n"
                                  "eth1: rx 1 (200) tx 0 attached\n");
  stop();
}

/* The programs are off before the counters are read for the last time. */
static void test_the_last_frames_of_a_card(void **state) {
  (void)state;
  settings.directions = RX | TX;
  start_two();
  card_rename(1, "lan0");
  card_passes(1, 5);
  fakes.frames_until_end = 30;
  turn();
  card_add(3, "eth0");
  turn();
  /* Those that pass while tx ends have been received before. */
  assert_string_equal(read_all(), "eth0: rx 1 (45) tx 3 (75) attached\n"
                                  "eth1: rx 1 (200) tx 3 (200) attached\n");
  stop();
}

static void test_rename(void **state) {
  (void)state;
  card_add(1, "eth0");
  start_all();
  card_passes(1, 10);
  card_rename(1, "lan0");
  turn();
  assert_string_equal(fakes.tried, "");
  assert_string_equal(fakes.happened, "");
  assert_string_equal(fakes.logged,
                      "6 interface \"eth0\" is called \"lan0\" now\n");
  assert_string_equal(read_all(), "lan0: rx 1 (0) tx 0 attached\n");
  card_passes(1, 3);
  assert_string_equal(read_all(), "lan0: rx 1 (3) tx 0 attached\n");
  stop();
}

/* Frames are told under the name that the card had when they were read: none
 * twice, none never. */
static void test_rename_there_and_back(void **state) {
  (void)state;
  card_add(1, "eth0");
  start_all();
  card_passes(1, 10);
  card_rename(1, "lan0");
  turn();
  card_passes(1, 3);
  card_rename(1, "eth0");
  turn();
  assert_string_equal(read_all(), "eth0: rx 1 (10) tx 0 attached\n");
  card_passes(1, 1);
  card_rename(1, "lan0");
  turn();
  assert_string_equal(read_all(), "lan0: rx 1 (3) tx 0 attached\n");
  stop();
}

static void test_both_directions_of_a_rename(void **state) {
  (void)state;
  settings.directions = RX | TX;
  card_add(1, "eth0");
  start_all();
  card_passes(1, 10);
  card_rename(1, "lan0");
  card_add(2, "eth0");
  turn();
  card_passes(1, 3);
  card_passes(2, 4);
  assert_string_equal(read_all(), "eth0: rx 1 (14) tx 3 (14) attached\n"
                                  "lan0: rx 1 (3) tx 3 (3) attached\n");
  stop();
}

/* As ip link does it: by a name that nobody has. */
static void test_swap_by_a_third_name(void **state) {
  (void)state;
  start_two();
  card_rename(1, "tmp");
  card_rename(2, "eth0");
  card_add(3, "other");
  turn();
  card_add(4, "eth1");
  turn();
  assert_string_equal(read_all(), "eth0: rx 1 (10) tx 0 attached\n"
                                  "eth1: rx 1 (200) tx 0 attached\n");
  card_passes(2, 1);
  card_passes(4, 2);
  assert_string_equal(read_all(), "eth0: rx 1 (11) tx 0 attached\n"
                                  "eth1: rx 1 (202) tx 0 attached\n");
  stop();
}

/* As the monitor tells it, where it hears of the second name first. */
static void test_swap(void **state) {
  (void)state;
  start_two();
  card_rename(1, "");
  card_rename(2, "eth0");
  card_rename(1, "eth1");
  turn();
  assert_string_equal(fakes.tried, "");
  assert_string_equal(fakes.noticed, "");
  assert_string_equal(read_all(), "eth0: rx 1 (10) tx 0 attached\n"
                                  "eth1: rx 1 (200) tx 0 attached\n");
  card_passes(1, 1);
  card_passes(2, 2);
  assert_string_equal(read_all(), "eth0: rx 1 (12) tx 0 attached\n"
                                  "eth1: rx 1 (201) tx 0 attached\n");
  stop();
}

/* What passes meanwhile belongs to no name. */
static void test_a_card_without_a_name(void **state) {
  (void)state;
  card_add(1, "eth0");
  start_all();
  card_passes(1, 10);
  card_rename(1, "");
  turn();
  assert_string_equal(read_all(), "");
  card_passes(1, 5);
  card_rename(1, "eth0");
  turn();
  assert_string_equal(fakes.happened, "");
  card_passes(1, 1);
  assert_string_equal(read_all(), "eth0: rx 1 (11) tx 0 attached\n");
  stop();
}

/* As the monitor tells it: there is no turn in between. */
static void test_a_refused_card_without_a_name(void **state) {
  (void)state;
  card_add(1, "eth0");
  card_refuses(1, DIRECTION_RX, -EIO);
  start_all();
  card_rename(1, "");
  card_rename(1, "lan0");
  turn();
  assert_string_equal(fakes.tried, "lan0 rx");
  stop();
}

static void test_a_card_that_has_no_name_at_first(void **state) {
  (void)state;
  start_all();
  card_add(1, "");
  turn();
  assert_string_equal(fakes.tried, "");
  card_rename(1, "eth0");
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  stop();
}

static void test_a_card_that_goes_without_a_name(void **state) {
  (void)state;
  card_add(1, "eth0");
  start_all();
  card_passes(1, 10);
  card_rename(1, "");
  card_remove(1);
  turn();
  assert_string_equal(fakes.logged, "");
  card_add(2, "eth0");
  turn();
  assert_string_equal(read_all(), "eth0: rx 1 (10) tx 0 attached\n");
  stop();
}

/* Who takes a name has it, though nobody told that the other gave it up. */
static void test_a_name_whose_loss_is_not_known(void **state) {
  (void)state;
  start_two();
  card_rename_unheard(1, "lost");
  card_rename(2, "eth0");
  turn();
  card_passes(1, 7);
  card_passes(2, 1);
  assert_string_equal(read_all(), "eth0: rx 1 (11) tx 0 attached\n"
                                  "eth1: rx 0 tx 0 lacking\n");
  card_rename(1, "eth1");
  turn();
  card_passes(1, 2);
  assert_string_equal(read_all(), "eth0: rx 1 (11) tx 0 attached\n"
                                  "eth1: rx 1 (202) tx 0 attached\n");
  stop();
}

/* The name stays the other's. */
static void test_a_card_that_goes_after_its_name(void **state) {
  (void)state;
  start_two();
  card_rename_unheard(1, "lost");
  card_rename(2, "eth0");
  turn();
  card_remove(1);
  turn();
  assert_string_equal(fakes.logged, "");
  assert_string_equal(read_all(), "eth0: rx 1 (10) tx 0 attached\n"
                                  "eth1: rx 0 tx 0 lacking\n");
  stop();
}

/* --- settings --------------------------------------------------------------*/

static void test_rename_to_a_name_that_is_not_selected(void **state) {
  (void)state;
  start_two();
  card_rename(1, "lan0");
  turn();
  assert_string_equal(
      fakes.logged, "6 interface \"eth0\" is called \"lan0\" now, which is not "
                    "selected\n"
                    "3 interface \"eth0\" is not counted: there is no such "
                    "interface; it will be as soon as there is one\n");
  assert_string_equal(fakes.happened, "detach 1 rx\nunpublish 1\n");
  assert_string_equal(read_all(), "eth0: rx 0 tx 0 lacking\n"
                                  "eth1: rx 1 (200) tx 0 attached\n");
  stop();
}

/* Its old name is another one's by now. */
static void test_no_name_and_then_one_that_is_not_selected(void **state) {
  (void)state;
  start_two();
  card_rename(1, "");
  card_rename(2, "eth0");
  card_add(3, "eth1");
  turn();
  card_rename(1, "lan0");
  turn();
  assert_string_equal(fakes.logged, "");
  assert_string_equal(fakes.happened, "detach 1 rx\nunpublish 1\n");
  stop();
}

static void test_rename_to_a_name_that_is_selected(void **state) {
  (void)state;
  start_two();
  card_remove(1);
  card_add(3, "lan0");
  turn();
  card_rename(3, "eth0");
  turn();
  assert_string_equal(fakes.tried, "eth0 rx");
  card_passes(3, 1);
  assert_string_equal(read_all(), "eth0: rx 1 (11) tx 0 attached\n"
                                  "eth1: rx 1 (200) tx 0 attached\n");
  stop();
}

/* Renames a card of which this is counted, natively, to a name of its own
 * settings; one frame passes afterwards. */
static void rename_to_other(unsigned directions, struct settings other) {
  static const char called[] = "6 interface \"eth0\" is called \"lan0\" now\n";
  const struct overrides overrides = {.settings = other, .given = ~0U};

  settings.directions = directions;
  add_selected("eth0", NULL);
  add_selected("lan0", &overrides);
  card_add(1, "eth0");
  start();
  card_passes(1, 10);
  card_rename(1, "lan0");
  turn();
  assert_memory_equal(fakes.logged, called, strlen(called));
  card_passes(1, 1);
}

/* Takes the name back, and with it what was counted under it. */
static void assert_then_back(const char *expected) {
  card_rename(1, "eth0");
  turn();
  card_passes(1, 1);
  assert_string_equal(read_all(), expected);
  stop();
}

/* Where it is counted may be another place then; what it sends is counted where
 * it was. */
static void test_rename_to_another_mode(void **state) {
  (void)state;
  rename_to_other(RX | TX,
                  (struct settings){.mode = MODE_TC, .directions = RX | TX});
  assert_string_equal(fakes.happened, "detach 1 rx\nunpublish 1\n");
  assert_string_equal(fakes.tried, "lan0 rx");
  assert_string_equal(read_all(), "eth0: rx 0 tx 0 lacking\n"
                                  "lan0: rx 1 (1) tx 3 (1) attached\n");
  assert_then_back("eth0: rx 1 (11) tx 3 (11) attached\n"
                   "lan0: rx 0 tx 0 lacking\n");
}

static void test_rename_to_the_other_direction(void **state) {
  (void)state;
  rename_to_other(RX, (struct settings){.directions = TX});
  assert_string_equal(fakes.happened, "detach 1 rx\nunpublish 1\n");
  assert_string_equal(fakes.tried, "lan0 tx");
  assert_string_equal(read_all(), "eth0: rx 0 tx 0 lacking\n"
                                  "lan0: rx 0 tx 3 (1) attached\n");
  assert_then_back("eth0: rx 1 (11) tx 0 attached\n"
                   "lan0: rx 0 tx 0 lacking\n");
}

static void test_rename_to_one_direction(void **state) {
  (void)state;
  rename_to_other(RX | TX, (struct settings){.directions = RX});
  assert_string_equal(fakes.happened, "detach 1 tx\nunpublish 1\n");
  assert_string_equal(fakes.tried, "");
  assert_string_equal(read_all(), "eth0: rx 0 tx 0 lacking\n"
                                  "lan0: rx 1 (1) tx 0 attached\n");
  assert_then_back("eth0: rx 1 (11) tx 3 (11) attached\n"
                   "lan0: rx 0 tx 0 lacking\n");
}

static void test_rename_to_both_directions(void **state) {
  (void)state;
  rename_to_other(RX, (struct settings){.directions = RX | TX});
  assert_string_equal(fakes.happened, "");
  assert_string_equal(fakes.tried, "lan0 tx");
  assert_string_equal(read_all(), "eth0: rx 0 tx 0 lacking\n"
                                  "lan0: rx 1 (1) tx 3 (1) attached\n");
  assert_then_back("eth0: rx 1 (11) tx 0 attached\n"
                   "lan0: rx 0 tx 0 lacking\n");
}

static void test_rename_to_another_busy(void **state) {
  (void)state;
  rename_to_other(RX, (struct settings){.directions = RX, .busy = BUSY_SKIP});
  assert_string_equal(fakes.happened, "");
  assert_string_equal(fakes.tried, "");
  assert_string_equal(read_all(), "eth0: rx 0 tx 0 lacking\n"
                                  "lan0: rx 1 (1) tx 0 attached\n");
  assert_then_back("eth0: rx 1 (11) tx 0 attached\n"
                   "lan0: rx 0 tx 0 lacking\n");
}

/* They were received under the old name. */
static void test_the_last_frames_before_another_mode(void **state) {
  (void)state;
  fakes.frames_until_end = 4;
  fakes.frames_of_end = 20;
  rename_to_other(RX, (struct settings){.mode = MODE_TC, .directions = RX});
  fakes.frames_until_end = fakes.frames_of_end = 0;
  assert_string_equal(read_all(), "eth0: rx 0 tx 0 lacking\n"
                                  "lan0: rx 1 (1) tx 0 attached\n");
  assert_then_back("eth0: rx 1 (15) tx 0 attached\n"
                   "lan0: rx 0 tx 0 lacking\n");
}

/* It is tried at once. */
static void test_rename_to_another_busy_while_it_is(void **state) {
  static const struct overrides skip = {
      .settings = {.directions = RX, .busy = BUSY_SKIP}, .given = ~0U};

  (void)state;
  add_selected("eth0", &skip);
  add_selected("lan0", NULL);
  card_add(1, "eth0");
  card_set_program(1, 7);
  card_answers(1, DIRECTION_RX,
               (struct outcome){.error = -EBUSY, .is_busy = true});
  start();
  settle();
  card_answers(1, DIRECTION_RX,
               (struct outcome){.entry = ENTRY_TC_RX, .is_busy = true});
  card_rename(1, "lan0");
  turn();
  assert_string_equal(fakes.tried, "lan0 rx");
  card_passes(1, 1);
  assert_string_equal(read_all(), "eth0: rx 0 tx 0 lacking\n"
                                  "lan0: rx 3 (1) tx 0 attached\n");
  stop();
}

static void look_at_groups(void *context, struct interface_report *report) {
  if (strcmp(report->name, "lan0") == 0)
    *(__u32 *)context = report->sides[DIRECTION_RX].groups;
}

/* All is counted wherever something is told of it. */
static void test_rename_to_another_report(void **state) {
  static const struct overrides overrides = {
      .settings = {.directions = RX, .groups = GROUP_BIT(GROUP_CAST)},
      .given = ~0U};
  __u32 groups = 0;

  (void)state;
  add_selected("eth0", NULL);
  add_selected("lan0", &overrides);
  card_add(1, "eth0");
  start();
  card_rename(1, "lan0");
  turn();
  assert_string_equal(fakes.happened, "");
  assert_string_equal(fakes.tried, "");
  interfaces_read(interfaces, look_at_groups, &groups);
  assert_int_equal(groups, GROUP_BIT(GROUP_CAST));
  stop();
}

static char seen[256];

static void see(void *context, struct interface_report *report) {
  char line[64];

  (void)context;
  snprintf(line, sizeof(line), "%s %u\n", report->name,
           report->sides[DIRECTION_RX].groups);
  if (!strstr(seen, line))
    strcat(seen, line);
}

static void read_meanwhile(void) { interfaces_read(interfaces, see, NULL); }

/* Whenever it is read, each name has its own settings. */
static void test_reads_during_a_rename(void **state) {
  static const struct overrides protocol = {
      .settings = {.directions = RX, .groups = GROUP_BIT(GROUP_PROTOCOL)},
      .given = ~0U};
  static const struct overrides cast = {
      .settings = {.directions = RX, .groups = GROUP_BIT(GROUP_CAST)},
      .given = ~0U};

  (void)state;
  seen[0] = '\0';
  add_selected("/^eth/", &protocol);
  add_selected("/^lan/", &cast);
  card_add(1, "eth0");
  start();
  card_rename(1, "lan0");
  fakes.on_unlock = read_meanwhile;
  turn();
  fakes.on_unlock = NULL;
  assert_string_equal(seen, "lan0 4\n");
  stop();
}

/* --- names that are forgotten ----------------------------------------------*/

/* Removes the card and has it again after that time. */
static void come_back_after(unsigned milliseconds) {
  card_remove(1);
  turn();
  for (unsigned t = 0; t < milliseconds; t += MINUTE)
    turn_after(milliseconds - t < MINUTE ? milliseconds - t : MINUTE);
  card_add(1, "veth0");
  turn();
  card_passes(1, 1);
}

static void start_veth(void) {
  card_add(1, "veth0");
  start_all();
  card_passes(1, 10);
}

static void test_a_name_is_kept_for_an_hour(void **state) {
  (void)state;
  start_veth();
  come_back_after(HOUR - 1000);
  assert_string_equal(read_all(), "veth0: rx 1 (11) tx 0 attached\n");
  stop();
}

static void test_a_name_begins_anew_after_an_hour(void **state) {
  (void)state;
  start_veth();
  come_back_after(HOUR + MINUTE);
  assert_string_equal(read_all(), "veth0: rx 1 (1) tx 0 attached\n");
  stop();
}

/* The clock begins with the machine. */
static void test_a_name_in_the_first_hour_of_the_machine(void **state) {
  (void)state;
  fakes.now = 5 * MINUTE;
  start_veth();
  come_back_after(2 * MINUTE);
  assert_string_equal(read_all(), "veth0: rx 1 (11) tx 0 attached\n");
  stop();
}

static void test_a_name_that_somebody_has_is_not_forgotten(void **state) {
  (void)state;
  start_veth();
  turn_after(3 * HOUR);
  card_passes(1, 1);
  assert_string_equal(read_all(), "veth0: rx 1 (11) tx 0 attached\n");
  stop();
}

static void test_a_configured_name_is_not_forgotten(void **state) {
  (void)state;
  start_two();
  card_remove(1);
  turn();
  turn_after(3 * HOUR);
  turn_after(3 * HOUR);
  card_add(1, "eth0");
  turn();
  assert_string_equal(read_all(), "eth0: rx 1 (10) tx 0 attached\n"
                                  "eth1: rx 1 (200) tx 0 attached\n");
  stop();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_a_card_that_is_made_again),
      TEST(test_a_card_that_is_made_again_at_once),
      TEST(test_the_last_frames_of_a_card),
      TEST(test_rename),
      TEST(test_rename_there_and_back),
      TEST(test_both_directions_of_a_rename),
      TEST(test_swap_by_a_third_name),
      TEST(test_swap),
      TEST(test_a_card_without_a_name),
      TEST(test_a_refused_card_without_a_name),
      TEST(test_a_card_that_has_no_name_at_first),
      TEST(test_a_card_that_goes_without_a_name),
      TEST(test_a_name_whose_loss_is_not_known),
      TEST(test_a_card_that_goes_after_its_name),
      TEST(test_rename_to_a_name_that_is_not_selected),
      TEST(test_no_name_and_then_one_that_is_not_selected),
      TEST(test_rename_to_a_name_that_is_selected),
      TEST(test_rename_to_another_mode),
      TEST(test_rename_to_the_other_direction),
      TEST(test_rename_to_one_direction),
      TEST(test_rename_to_both_directions),
      TEST(test_rename_to_another_busy),
      TEST(test_the_last_frames_before_another_mode),
      TEST(test_rename_to_another_busy_while_it_is),
      TEST(test_rename_to_another_report),
      TEST(test_reads_during_a_rename),
      TEST(test_a_name_is_kept_for_an_hour),
      TEST(test_a_name_begins_anew_after_an_hour),
      TEST(test_a_name_in_the_first_hour_of_the_machine),
      TEST(test_a_name_that_somebody_has_is_not_forgotten),
      TEST(test_a_configured_name_is_not_forgotten),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
