// SPDX-License-Identifier: MIT

/* The thread, and what is read while it works. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/interfaces_fakes.h"

/* --- what is read ----------------------------------------------------------*/

static void test_each_place(void **state) {
  static const enum entry places[] = {ENTRY_NATIVE, ENTRY_NATIVE_FRAGS,
                                      ENTRY_GENERIC, ENTRY_TC_RX};
  static const char *const names[] = {"eth0", "eth1", "eth2", "eth3"};

  (void)state;
  for (unsigned i = 0; i < COUNT_OF(places); i++) {
    add_selected(names[i], NULL);
    card_add(i + 1, names[i]);
    card_answers(i + 1, DIRECTION_RX, (struct outcome){.entry = places[i]});
  }
  start();
  card_passes(3, 7);
  assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n"
                                  "eth1: rx 1 (0) tx 0 attached\n"
                                  "eth2: rx 2 (7) tx 0 attached\n"
                                  "eth3: rx 3 (0) tx 0 attached\n");
  stop();
}

static void test_directions(void **state) {
  static const struct overrides rx = {.settings = {.directions = RX},
                                      .given = ~0U};
  static const struct overrides tx = {.settings = {.directions = TX},
                                      .given = ~0U};

  (void)state;
  settings.directions = RX | TX;
  add_selected("eth0", NULL);
  add_selected("eth1", &rx);
  add_selected("eth2", &tx);
  for (unsigned i = 1; i <= 3; i++)
    card_add(i, (const char *const[]){"eth0", "eth1", "eth2"}[i - 1]);
  start();
  assert_string_equal(fakes.tried, "eth0 rx, eth0 tx, eth1 rx, eth2 tx");
  for (unsigned i = 1; i <= 3; i++)
    card_passes(i, 10 * i);
  assert_string_equal(read_all(), "eth0: rx 1 (10) tx 3 (10) attached\n"
                                  "eth1: rx 1 (20) tx 0 attached\n"
                                  "eth2: rx 0 tx 3 (30) attached\n");
  stop();
}

static void test_a_failure_stops_no_other(void **state) {
  (void)state;
  settings.directions = RX | TX;
  add_selected("/^eth/", NULL);
  for (unsigned i = 1; i <= 4; i++)
    card_add(i, (const char *const[]){"eth1", "eth2", "eth3", "eth4"}[i - 1]);
  card_refuses(1, DIRECTION_RX, -EPERM);
  card_refuses(2, DIRECTION_TX, -EPERM);
  card_refuses(3, DIRECTION_RX, -EPERM);
  card_refuses(3, DIRECTION_TX, -EPERM);
  start();
  assert_string_equal(read_all(), "eth1: rx 0 tx 3 (0) lacking\n"
                                  "eth2: rx 1 (0) tx 0 lacking\n"
                                  "eth3: rx 0 tx 0 lacking\n"
                                  "eth4: rx 1 (0) tx 3 (0) attached\n");
  stop();
}

/* Of a regex there is nothing to be missed. */
static void test_missing_ones_that_are_configured(void **state) {
  static const struct overrides block;

  (void)state;
  add_selected("eth0", NULL);
  add_selected("/^veth/", NULL);
  add_selected("eth1", &block);
  start();
  assert_string_equal(read_all(), "eth0: rx 0 tx 0 lacking\n"
                                  "eth1: rx 0 tx 0 lacking\n");
  stop();
}

static void test_what_is_not_selected_is_left_alone(void **state) {
  (void)state;
  add_selected("eth0", NULL);
  card_add(1, "lo");
  card_add(2, "eth0");
  start();
  assert_string_equal(fakes.tried, "eth0 rx");
  assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n");
  stop();
}

static void look_at_settings(void *context, struct interface_report *report) {
  __u32 *groups = context;

  groups[report->name[3] - '0'] = report->sides[DIRECTION_RX].groups;
}

static void test_groups_of_a_block(void **state) {
  static const struct overrides block = {
      .settings = {.directions = RX, .groups = GROUP_BIT(GROUP_VLAN)},
      .given = ~0U};
  __u32 groups[2] = {0};

  (void)state;
  add_selected("eth0", NULL);
  add_selected("eth1", &block);
  card_add(1, "eth0");
  card_add(2, "eth1");
  start();
  interfaces_read(interfaces, look_at_settings, groups);
  assert_int_equal(groups[0], GROUPS_DEFAULT);
  assert_int_equal(groups[1], GROUP_BIT(GROUP_VLAN));
  stop();
}

static void look_at_queues(void *context, struct interface_report *report) {
  *(unsigned *)context = report->sides[DIRECTION_RX].counts->queues;
}

/* The machine gives each card one more than its ifindex. */
static void test_queues(void **state) {
  unsigned queues = 0;

  (void)state;
  add_selected("eth0", NULL);
  card_add(6, "eth0");
  start();
  interfaces_read(interfaces, look_at_queues, &queues);
  assert_int_equal(queues, 7);
  stop();
}

/* Marks what it is given with 100 times the interface plus the direction, and
 * notes what was there before. */
static void mark(void *context, struct interface_report *report) {
  __u64 *before = context;
  unsigned number = report->name[3] - '0';

  for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
    before[2 * number + d] = report->sides[d].dscp_seen;
    report->sides[d].dscp_seen = 100 * (number + 1) + d;
  }
}

static void test_what_the_visitor_keeps(void **state) {
  __u64 before[4] = {1, 1, 1, 1};

  (void)state;
  settings.directions = RX | TX;
  add_selected("eth0", NULL);
  add_selected("eth1", NULL);
  card_add(1, "eth0");
  card_add(2, "eth1");
  start();
  interfaces_read(interfaces, mark, before);
  assert_memory_equal(before, ((__u64[]){0, 0, 0, 0}), sizeof(before));
  interfaces_read(interfaces, mark, before);
  assert_memory_equal(before, ((__u64[]){100, 101, 200, 201}), sizeof(before));
  stop();
}

/* It is the name's, as the series are. */
static void test_what_the_visitor_keeps_after_a_swap(void **state) {
  __u64 before[4];

  (void)state;
  add_selected("eth0", NULL);
  add_selected("eth1", NULL);
  card_add(1, "eth0");
  card_add(2, "eth1");
  start();
  interfaces_read(interfaces, mark, before);
  card_rename(1, "");
  card_rename(2, "eth0");
  card_rename(1, "eth1");
  turn();
  interfaces_read(interfaces, mark, before);
  assert_int_equal(before[0], 100);
  assert_int_equal(before[2], 200);
  stop();
}

/* Whoever is visited may take as long as it likes: what it was given goes
 * meanwhile. */
static void remove_it(void *context, struct interface_report *report) {
  unsigned *visits = context;

  assert_string_equal(report->name, "veth0");
  card_remove(1);
  turn();
  turn_after(61 * 60 * 1000);
  report->sides[DIRECTION_RX].dscp_seen = 1;
  ++*visits;
}

static void test_a_name_that_is_forgotten_while_it_is_visited(void **state) {
  unsigned visits = 0;

  (void)state;
  add_selected("/veth/", NULL);
  card_add(1, "veth0");
  start();
  interfaces_read(interfaces, remove_it, &visits);
  assert_int_equal(visits, 1);
  assert_string_equal(read_all(), "");
  stop();
}

/* --- nobody waits ----------------------------------------------------------*/

static void test_nothing_is_told_before_it_is_known(void **state) {
  (void)state;
  add_selected("eth0", NULL);
  add_selected("absent", NULL);
  card_add(1, "eth0");
  fakes.is_sweep_slow = true;
  fakes.slow_card = 1;
  start_only();
  assert_string_equal(read_all(), "");
  wait_until_slow();
  assert_string_equal(fakes.happened, "sweep\n");
  assert_int_equal(fakes.opened, 0);
  assert_string_equal(read_all(), "");
  fakes.is_sweep_slow = false;
  end_slowness();
  stop();
}

/* What is missing is known before what a card takes its time for. */
static void test_a_slow_card_at_the_start(void **state) {
  (void)state;
  add_selected("eth0", NULL);
  add_selected("absent", NULL);
  card_add(1, "eth0");
  fakes.slow_card = 1;
  start_only();
  wait_until_slow();
  assert_string_equal(fakes.noticed, "");
  assert_string_equal(read_all(), "absent: rx 0 tx 0 lacking\n");
  end_slowness();
  turn();
  assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n"
                                  "absent: rx 0 tx 0 lacking\n");
  stop();
}

static void test_reads_go_on_while_a_card_is_slow(void **state) {
  (void)state;
  add_selected("/^eth/", NULL);
  card_add(1, "eth0");
  start();
  fakes.slow_card = 2;
  card_add(2, "eth1");
  turn_only();
  wait_until_slow();
  card_passes(1, 5);
  assert_string_equal(read_all(), "eth0: rx 1 (5) tx 0 attached\n");
  end_slowness();
  turn();
  assert_string_equal(read_all(), "eth0: rx 1 (5) tx 0 attached\n"
                                  "eth1: rx 1 (0) tx 0 attached\n");
  stop();
}

/* They are told, be they counted or not; the words wait. */
static void test_what_was_settled_before_a_slow_card(void **state) {
  (void)state;
  add_selected("/^eth/", NULL);
  for (unsigned i = 1; i <= 4; i++)
    card_add(i, (const char *const[]){"eth1", "eth2", "eth3", "eth4"}[i - 1]);
  card_refuses(2, DIRECTION_RX, -EIO);
  fakes.slow_card = 3;
  start_only();
  wait_until_slow();
  assert_string_equal(fakes.tried, "eth1 rx, eth2 rx, eth3 rx");
  card_passes(1, 5);
  assert_string_equal(read_all(), "eth1: rx 1 (5) tx 0 attached\n"
                                  "eth2: rx 0 tx 0 lacking\n");
  assert_string_equal(fakes.logged, "");
  end_slowness();
  turn();
  assert_string_equal(read_all(), "eth1: rx 1 (5) tx 0 attached\n"
                                  "eth2: rx 0 tx 0 lacking\n"
                                  "eth3: rx 1 (0) tx 0 attached\n"
                                  "eth4: rx 1 (0) tx 0 attached\n");
  stop();
}

/* What has gone does not wait for what comes. */
static void test_a_card_that_goes_before_a_slow_one(void **state) {
  (void)state;
  add_selected("/^eth/", NULL);
  card_add(1, "eth0");
  start();
  card_remove(1);
  card_add(2, "eth1");
  fakes.slow_card = 2;
  turn_only();
  wait_until_slow();
  assert_string_equal(fakes.happened, "detach 1 rx\nunpublish 1\n");
  end_slowness();
  stop();
}

/* The card that it is busy with is waited for; what is left is not, and nothing
 * is told of it. */
static void test_stop_while_a_card_is_slow(void **state) {
  (void)state;
  add_selected("/^eth/", NULL);
  card_add(1, "eth0");
  card_add(2, "eth1");
  fakes.slow_card = 1;
  start_only();
  wait_until_slow();
  fakes.is_join_the_end_of_slowness = true;
  stop();
  assert_string_equal(fakes.logged, "");
  assert_string_equal(fakes.noticed, "");
}

/* What another program is in the way of is not said to have recovered. */
static void test_stop_before_a_busy_card_has_its_turn(void **state) {
  static const struct outcome busy_at_tc = {.entry = ENTRY_TC_RX,
                                            .is_busy = true};

  (void)state;
  add_selected("/^eth/", NULL);
  card_add(1, "eth0");
  card_add(2, "eth1");
  card_set_program(2, 7);
  card_answers(2, DIRECTION_RX, busy_at_tc);
  start();
  card_add(3, "eth2");
  card_change(2);
  fakes.slow_card = 2;
  turn_only();
  wait_until_slow();
  fakes.is_join_the_end_of_slowness = true;
  stop();
  assert_string_equal(fakes.tried, "eth1 rx, eth2 rx");
  assert_string_equal(fakes.logged, "");
  assert_string_equal(fakes.noticed, "");
}

/* --- start and stop --------------------------------------------------------*/

static void test_stop_without_start(void **state) {
  (void)state;
  assert_null(interfaces_stop(NULL));
}

/* The datapath closes next, and takes them along. */
static void test_stop_unpublishes_nothing(void **state) {
  (void)state;
  settings.directions = RX | TX;
  add_selected("/^eth/", NULL);
  card_add(1, "eth0");
  card_add(2, "eth1");
  start();
  turn();
  stop();
  assert_string_equal(fakes.happened, "");
}

/* The first five seconds' worth is detached, the rest is the kernel's. */
static void test_stop_takes_no_longer_than_five_seconds(void **state) {
  (void)state;
  settings.directions = RX | TX;
  add_selected("/^eth/", NULL);
  card_add(1, "eth0");
  card_add(2, "eth1");
  card_add(3, "eth2");
  card_add(4, "eth3");
  card_refuses(4, DIRECTION_RX, -EIO);
  start();
  turn();
  fakes.port_takes = 1000;
  stop();
  assert_string_equal(fakes.happened, "leave 3 tx\nleave 4 tx\n");
  assert_string_equal(
      fakes.logged,
      "5 programs that are left to the kernel, which detaches them when "
      "collectd has ended: 2\n");
}

static void test_stop_within_five_seconds(void **state) {
  (void)state;
  settings.directions = RX | TX;
  add_selected("/^eth/", NULL);
  card_add(1, "eth0");
  card_add(2, "eth1");
  start();
  turn();
  fakes.port_takes = 1666;
  stop();
  assert_string_equal(fakes.happened, "");
  assert_string_equal(fakes.logged, "");
}

static void assert_blocked(const sigset_t *set, bool are_all) {
  assert_int_equal(sigismember(set, SIGTERM), are_all);
  assert_int_equal(sigismember(set, SIGINT), are_all);
  assert_int_equal(sigismember(set, SIGUSR1), are_all);
  assert_int_equal(sigismember(set, SIGHUP), are_all);
}

/* They are the daemon's, whose own mask stays as it is. */
static void test_signals(void **state) {
  sigset_t none, after;

  (void)state;
  add_selected("eth0", NULL);
  card_add(1, "eth0");
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, NULL);
  start();
  stop();
  pthread_sigmask(SIG_SETMASK, NULL, &after);
  assert_blocked(&after, false);
  assert_blocked(&fakes.signals, true);
}

/* The thread's own allocations begin after those of the start. */
static void test_no_memory_to_start(void **state) {
  struct datapath *datapath = (void *)&fakes;
  unsigned failures = 0;
  int error;

  (void)state;
  add_selected("eth0", NULL);
  fakes.is_sweep_slow = true;
  do {
    fakes.allocations = ++failures;
    error = interfaces_start(&selection, &own_counters, datapath, &interfaces);
    assert_true(!error || error == -ENOMEM);
    assert_true(!error || !interfaces);
  } while (error);
  /* At least itself, three counts, the list of names and a name. */
  assert_true(failures > 6);
  wait_until_slow();
  fakes.allocations = 0;
  fakes.is_join_the_end_of_slowness = true;
  stop();
}

static void assert_not_started(int expected) {
  assert_int_equal(
      interfaces_start(&selection, &own_counters, (void *)&fakes, &interfaces),
      expected);
  assert_null(interfaces);
}

static void test_no_notices(void **state) {
  (void)state;
  add_selected("eth0", NULL);
  fakes.notices_error = -EAGAIN;
  assert_not_started(-EAGAIN);
}

/* A stack that no address space has room for. */
static void test_no_thread(void **state) {
  pthread_attr_t usual, huge;

  (void)state;
  assert_int_equal(pthread_getattr_default_np(&usual), 0);
  assert_int_equal(pthread_attr_init(&huge), 0);
  assert_int_equal(pthread_attr_setstacksize(&huge, SIZE_MAX / 2 + 1), 0);
  assert_int_equal(pthread_setattr_default_np(&huge), 0);
  int error =
      interfaces_start(&selection, &own_counters, (void *)&fakes, &interfaces);
  assert_int_equal(pthread_setattr_default_np(&usual), 0);
  assert_int_equal(error, -EAGAIN);
  assert_null(interfaces);
  pthread_attr_destroy(&huge);
  pthread_attr_destroy(&usual);
}

/* --- the monitor -----------------------------------------------------------*/

static void test_rest_without_a_reason_to_wake(void **state) {
  (void)state;
  add_selected("eth0", NULL);
  card_add(1, "eth0");
  start();
  settle();
  assert_true(fakes.polls_monitor);
  /* Until names are swept, and programs looked after. */
  assert_int_equal(fakes.wait, 10000);
  stop();
}

#define CANNOT_FOLLOW "3 cannot follow which interfaces there are: "

/* Nothing is missing as long as nobody knows. */
static void test_no_monitor_for_a_while(void **state) {
  (void)state;
  add_selected("eth0", NULL);
  add_selected("absent", NULL);
  card_add(1, "eth0");
  fakes.open_error = -EMFILE;
  start();
  assert_string_equal(fakes.logged,
                      CANNOT_FOLLOW "Too many open files; it is tried again\n");
  assert_false(fakes.polls_monitor);
  turn_after(fakes.wait);
  assert_int_equal(fakes.wait, 1000);
  assert_string_equal(fakes.logged, "");
  assert_string_equal(fakes.noticed, "");
  assert_string_equal(read_all(), "");
  fakes.open_error = 0;
  turn_after(1000);
  assert_memory_equal(fakes.logged,
                      "5 follows again which interfaces there are\n",
                      strlen("5 follows again which interfaces there are\n"));
  assert_string_equal(read_all(), "eth0: rx 1 (0) tx 0 attached\n"
                                  "absent: rx 0 tx 0 lacking\n");
  assert_int_equal(fakes.opened, 1);
  stop();
}

/* What is counted is counted on, and what happened meanwhile is followed. */
static void test_a_monitor_that_cannot_be_read(void **state) {
  (void)state;
  add_selected("/^eth/", NULL);
  card_add(1, "eth0");
  start();
  fakes.read_error = -ENOMEM;
  card_add(2, "eth1");
  turn();
  assert_string_equal(fakes.logged, CANNOT_FOLLOW
                      "Cannot allocate memory; it is tried again\n");
  assert_int_equal(fakes.wait, 1000);
  turn_after(1000);
  assert_string_equal(fakes.logged, "");
  card_passes(1, 3);
  assert_string_equal(read_all(), "eth0: rx 1 (3) tx 0 attached\n");
  fakes.read_error = -EIO;
  turn();
  assert_string_equal(fakes.logged,
                      CANNOT_FOLLOW "Input/output error; it is tried again\n");
  fakes.read_error = 0;
  turn();
  assert_string_equal(fakes.logged,
                      "5 follows again which interfaces there are\n"
                      "6 eth1 rx: in the driver (native XDP), error 0\n");
  turn();
  assert_string_equal(fakes.logged, "");
  assert_string_equal(read_all(), "eth0: rx 1 (3) tx 0 attached\n"
                                  "eth1: rx 1 (0) tx 0 attached\n");
  stop();
}

#define MATCHES_NONE "matches no interface so far\n"

static void test_regexes_that_match_none(void **state) {
  (void)state;
  add_selected("/^veth/", NULL);
  add_selected("eth0", NULL);
  add_selected("/eth[01]/", NULL);
  add_selected("/^tap/", NULL);
  card_add(1, "eth0");
  card_add(2, "lo");
  start();
  assert_string_equal(fakes.logged,
                      "5 configuration: Interface \"/^veth/\": " MATCHES_NONE
                      "5 configuration: Interface \"/^tap/\": " MATCHES_NONE
                      "6 eth0 rx: in the driver (native XDP), error 0\n");
  turn();
  assert_string_equal(fakes.logged, "");
  stop();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_each_place),
      TEST(test_directions),
      TEST(test_a_failure_stops_no_other),
      TEST(test_missing_ones_that_are_configured),
      TEST(test_what_is_not_selected_is_left_alone),
      TEST(test_groups_of_a_block),
      TEST(test_queues),
      TEST(test_what_the_visitor_keeps),
      TEST(test_what_the_visitor_keeps_after_a_swap),
      TEST(test_a_name_that_is_forgotten_while_it_is_visited),
      TEST(test_nothing_is_told_before_it_is_known),
      TEST(test_a_slow_card_at_the_start),
      TEST(test_reads_go_on_while_a_card_is_slow),
      TEST(test_what_was_settled_before_a_slow_card),
      TEST(test_a_card_that_goes_before_a_slow_one),
      TEST(test_stop_while_a_card_is_slow),
      TEST(test_stop_before_a_busy_card_has_its_turn),
      TEST(test_stop_without_start),
      TEST(test_stop_unpublishes_nothing),
      TEST(test_stop_takes_no_longer_than_five_seconds),
      TEST(test_stop_within_five_seconds),
      TEST(test_signals),
      TEST(test_no_memory_to_start),
      TEST(test_no_notices),
      TEST(test_no_thread),
      TEST(test_rest_without_a_reason_to_wake),
      TEST(test_no_monitor_for_a_while),
      TEST(test_a_monitor_that_cannot_be_read),
      TEST(test_regexes_that_match_none),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
