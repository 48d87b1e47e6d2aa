// SPDX-License-Identifier: MIT

/* The devices, the datapath and what attaches to them are replaced here: a card
 * refuses or takes as long as a test likes. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "plugin/attach.h"
#include "plugin/clsact.h"
#include "plugin/device.h"
#include "plugin/interfaces.h"
#include "plugin/log.h"

/* Each card is called "card1" and so on, after its ifindex. */
enum { CARDS = 4 };

/* By ifindex - 1. */
static bool is_refused[CARDS][DIRECTION_COUNT];
static enum entry entries[CARDS]; /* where it is received */

/* What the thread did, a line each. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t something_happened = PTHREAD_COND_INITIALIZER;
static char happened[2048];

/* Who holds it keeps the thread in the card, or in the sweep. */
static pthread_mutex_t card_is_slow = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t sweep_is_slow = PTHREAD_MUTEX_INITIALIZER;

static unsigned open_ports;
static unsigned counts_until_out_of_memory;
static bool is_join_the_end_of_slowness;
static sigset_t signals_of_thread;

struct port {
  unsigned ifindex;
  enum direction direction;
};

static struct datapath *const the_datapath = (void *)&open_ports;

/* What there is to tell, attach_direction() tells. */
void log_write(int severity, const char *format, ...) {
  (void)severity;
  (void)format;
  abort();
}

static void happens(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static void happens(const char *format, ...) {
  va_list arguments;

  pthread_mutex_lock(&lock);
  size_t length = strlen(happened);
  va_start(arguments, format);
  vsnprintf(happened + length, sizeof(happened) - length, format, arguments);
  va_end(arguments);
  pthread_cond_broadcast(&something_happened);
  pthread_mutex_unlock(&lock);
}

static void wait_for(const char *line) {
  pthread_mutex_lock(&lock);
  while (!strstr(happened, line))
    pthread_cond_wait(&something_happened, &lock);
  pthread_mutex_unlock(&lock);
}

static void wait_while_slow(pthread_mutex_t *is_slow) {
  pthread_mutex_lock(is_slow);
  pthread_mutex_unlock(is_slow);
}

void clsact_sweep(void) {
  happens("sweep\n");
  wait_while_slow(&sweep_is_slow);
}

int device_query(const char *name, struct device *ret_device) {
  struct device device = {0};

  if (strcmp(name, "forbidden") == 0)
    return -EPERM;
  if (sscanf(name, "card%u", &device.ifindex) != 1)
    return -ENODEV;
  device.rx_queues = device.ifindex + 1;
  *ret_device = device;
  return 0;
}

void attach_log_missing(const char *name, int error) {
  happens("%s is missing: %d\n", name, -error);
}

/* The thread ends the program where cmocka's assertions would leave it by a
 * jump to another thread's stack. */
static void expect_in_thread(bool is_so) {
  if (!is_so)
    abort();
}

struct port *attach_direction(struct attach *attach, enum direction direction,
                              const char *name, const struct device *device,
                              enum entry *ret_entry) {
  struct port *port = NULL;

  expect_in_thread(attach->datapath == the_datapath);
  pthread_sigmask(SIG_BLOCK, NULL, &signals_of_thread);
  happens("%s %s, mode %d, groups %#x%s\n", name,
          direction == DIRECTION_RX ? "rx" : "tx", attach->mode, attach->groups,
          attach->told[SIDE_EFFECT_OF_CARD] ? ", told" : "");
  attach->told[SIDE_EFFECT_OF_CARD] = true;
  wait_while_slow(&card_is_slow);
  if (is_refused[device->ifindex - 1][direction])
    return NULL;
  *ret_entry =
      direction == DIRECTION_TX ? ENTRY_TC_TX : entries[device->ifindex - 1];
  port = malloc(sizeof(*port));
  expect_in_thread(port);
  *port = (struct port){device->ifindex, direction};
  open_ports++;
  return port;
}

struct port *port_close(struct port *port) {
  open_ports -= port != NULL;
  free(port);
  return NULL;
}

struct counts *datapath_new_counts(const struct datapath *datapath) {
  expect_in_thread(datapath == the_datapath);
  if (!counts_until_out_of_memory--)
    return NULL;
  return calloc(1, sizeof(struct counts));
}

void port_read(const struct port *port, struct counts *counts) {
  counts->total = (struct cell){port->ifindex, port->direction};
}

/* The test that asked for it has the card answer once it is joined, that is,
 * after the thread was told to stop. */
int pthread_join(pthread_t thread, void **ret_result) {
  int error;

  if (is_join_the_end_of_slowness)
    pthread_mutex_unlock(&card_is_slow);
  do {
    sched_yield();
    error = pthread_tryjoin_np(thread, ret_result);
  } while (error == EBUSY);
  return error;
}

static struct settings settings;
static struct selection selection;
static struct interfaces *interfaces;
static char visited[512];
static unsigned reads;

static void visit_side(const struct side_report *side, unsigned ifindex,
                       enum direction direction) {
  if (!side->counts) {
    assert_int_equal(side->mode, 0);
    return;
  }
  assert_int_equal(side->counts->total.packets, ifindex);
  assert_int_equal(side->counts->total.octets, direction);
  assert_int_equal(side->counts->queues, ifindex + 1);
  /* It is of this side alone, and is as the last read left it. */
  __u64 mark = 10 * ifindex + direction;
  assert_int_equal(*side->dscp_seen, reads ? mark : 0);
  *side->dscp_seen = mark;
}

static void visit(void *context, const struct interface_report *report) {
  unsigned ifindex = 0;

  assert_ptr_equal(context, visited);
  sscanf(report->name, "card%u", &ifindex);
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    visit_side(&report->sides[d], ifindex, d);
  assert_int_equal(report->groups,
                   selection_find(&selection, report->name)->groups);
  sprintf(visited + strlen(visited), "%s: rx %u tx %u %s\n", report->name,
          report->sides[DIRECTION_RX].mode, report->sides[DIRECTION_TX].mode,
          report->is_attached ? "attached" : "lacking");
}

static const char *read_all(void) {
  visited[0] = '\0';
  interfaces_read(interfaces, visit, visited);
  reads++;
  return visited;
}

/* Selects one more, as a block where there are overrides. */
static void add_interface(const char *name, const struct overrides *overrides) {
  struct pattern *pattern;
  char why[256];

  assert_int_equal(pattern_open(name, &pattern, why, sizeof(why)), 0);
  assert_int_equal(selection_add(&selection, pattern, overrides), 0);
}

/* Selects the names, which end in NULL, instead of those before. */
static void select_interfaces(const char *const *names) {
  selection_free(&selection);
  for (; *names; names++)
    add_interface(*names, NULL);
}

/* The last interface is missing, which says that all others had their turn.
 * What waits for ever is ended. */
static int set_up(void **state) {
  static const char *const names[] = {"card1", "card2",  "card3",
                                      "card4", "absent", NULL};

  (void)state;
  settings = SETTINGS_DEFAULT;
  select_interfaces(names);
  memset(is_refused, 0, sizeof(is_refused));
  for (size_t i = 0; i < CARDS; i++)
    entries[i] = ENTRY_NATIVE;
  counts_until_out_of_memory = DIRECTION_COUNT;
  is_join_the_end_of_slowness = false;
  happened[0] = '\0';
  reads = 0;
  alarm(60);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  selection_free(&selection);
  return 0;
}

static void start(void) {
  selection_resolve(&selection, &settings);
  assert_int_equal(interfaces_start(&selection, the_datapath, &interfaces), 0);
}

static void look_for_last(void *context,
                          const struct interface_report *report) {
  bool *is_there = context;

  *is_there = strcmp(report->name, "absent") == 0;
}

/* The last of each configuration is absent. */
static void start_and_wait(void) {
  bool is_there = false;

  start();
  while (!is_there)
    interfaces_read(interfaces, look_for_last, &is_there);
}

static void stop(void) {
  interfaces = interfaces_stop(interfaces);
  assert_null(interfaces);
  assert_int_equal(open_ports, 0);
}

#define RX DIRECTION_BIT(DIRECTION_RX)
#define TX DIRECTION_BIT(DIRECTION_TX)

static void test_rx(void **state) {
  (void)state;
  entries[1] = ENTRY_NATIVE_FRAGS;
  entries[2] = ENTRY_GENERIC;
  entries[3] = ENTRY_TC_RX;
  start_and_wait();
  assert_string_equal(read_all(), "card1: rx 1 tx 0 attached\n"
                                  "card2: rx 1 tx 0 attached\n"
                                  "card3: rx 2 tx 0 attached\n"
                                  "card4: rx 3 tx 0 attached\n"
                                  "absent: rx 0 tx 0 lacking\n");
  assert_int_equal(open_ports, 4);
  stop();
}

static void test_tx(void **state) {
  (void)state;
  settings.directions = TX;
  start_and_wait();
  assert_string_equal(read_all(), "card1: rx 0 tx 3 attached\n"
                                  "card2: rx 0 tx 3 attached\n"
                                  "card3: rx 0 tx 3 attached\n"
                                  "card4: rx 0 tx 3 attached\n"
                                  "absent: rx 0 tx 0 lacking\n");
  stop();
}

/* Twice: what the visitor keeps is there again. */
static void test_both(void **state) {
  (void)state;
  settings.directions = RX | TX;
  start_and_wait();
  for (int i = 0; i < 2; i++)
    assert_string_equal(read_all(), "card1: rx 1 tx 3 attached\n"
                                    "card2: rx 1 tx 3 attached\n"
                                    "card3: rx 1 tx 3 attached\n"
                                    "card4: rx 1 tx 3 attached\n"
                                    "absent: rx 0 tx 0 lacking\n");
  assert_int_equal(open_ports, 8);
  stop();
}

static void test_order(void **state) {
  (void)state;
  settings.mode = MODE_TC;
  settings.groups = GROUP_BIT(GROUP_VLAN);
  settings.directions = RX | TX;
  select_interfaces((const char *const[]){"card3", "card4", "absent", NULL});
  start_and_wait();
  stop();
  assert_string_equal(happened, "sweep\n"
                                "card3 rx, mode 3, groups 0x10\n"
                                "card3 tx, mode 3, groups 0x10, told\n"
                                "card4 rx, mode 3, groups 0x10, told\n"
                                "card4 tx, mode 3, groups 0x10, told\n"
                                "absent is missing: 19\n");
}

static void test_only_what_is_asked_for_is_attached(void **state) {
  (void)state;
  settings.directions = TX;
  select_interfaces((const char *const[]){"card4", "absent", NULL});
  start_and_wait();
  stop();
  assert_string_equal(happened, "sweep\n"
                                "card4 tx, mode 0, groups 0x2\n"
                                "absent is missing: 19\n");
}

/* Those of a block are its own; what is a regex waits for the monitor. */
static void test_settings_of_a_block(void **state) {
  const struct overrides tc = {
      .settings = {.mode = MODE_TC, .directions = TX, .groups = 0x10},
      .given = ~0U};

  (void)state;
  select_interfaces((const char *const[]){"card1", "/card/", NULL});
  add_interface("card3", &tc);
  add_interface("absent", NULL);
  start_and_wait();
  assert_string_equal(read_all(), "card1: rx 1 tx 0 attached\n"
                                  "card3: rx 0 tx 3 attached\n"
                                  "absent: rx 0 tx 0 lacking\n");
  stop();
  assert_string_equal(happened, "sweep\n"
                                "card1 rx, mode 0, groups 0x2\n"
                                "card3 tx, mode 3, groups 0x10, told\n"
                                "absent is missing: 19\n");
}

static void test_one_failure_stops_no_other(void **state) {
  (void)state;
  is_refused[1][DIRECTION_RX] = is_refused[2][DIRECTION_RX] = true;
  start_and_wait();
  assert_string_equal(read_all(), "card1: rx 1 tx 0 attached\n"
                                  "card2: rx 0 tx 0 lacking\n"
                                  "card3: rx 0 tx 0 lacking\n"
                                  "card4: rx 1 tx 0 attached\n"
                                  "absent: rx 0 tx 0 lacking\n");
  stop();
}

static void test_a_direction_stops_no_other(void **state) {
  (void)state;
  settings.directions = RX | TX;
  is_refused[0][DIRECTION_RX] = true;
  is_refused[1][DIRECTION_TX] = true;
  is_refused[2][DIRECTION_RX] = is_refused[2][DIRECTION_TX] = true;
  start_and_wait();
  assert_string_equal(read_all(), "card1: rx 0 tx 3 lacking\n"
                                  "card2: rx 1 tx 0 lacking\n"
                                  "card3: rx 0 tx 0 lacking\n"
                                  "card4: rx 1 tx 3 attached\n"
                                  "absent: rx 0 tx 0 lacking\n");
  assert_int_equal(open_ports, 4);
  stop();
}

/* Told once, whatever the directions; the others are attached. */
static void test_missing(void **state) {
  (void)state;
  settings.directions = RX | TX;
  select_interfaces(
      (const char *const[]){"forbidden", "card2", "absent", NULL});
  start_and_wait();
  assert_string_equal(read_all(), "forbidden: rx 0 tx 0 lacking\n"
                                  "card2: rx 1 tx 3 attached\n"
                                  "absent: rx 0 tx 0 lacking\n");
  stop();
  assert_string_equal(happened, "sweep\n"
                                "forbidden is missing: 1\n"
                                "card2 rx, mode 0, groups 0x2\n"
                                "card2 tx, mode 0, groups 0x2, told\n"
                                "absent is missing: 19\n");
}

/* A card that takes its time is waited for by nobody but the thread. */
static void test_slow_card(void **state) {
  (void)state;
  pthread_mutex_lock(&card_is_slow);
  start();
  assert_string_equal(read_all(), "");
  wait_for("card1 rx");
  assert_string_equal(read_all(), "");
  pthread_mutex_unlock(&card_is_slow);
  stop();
}

static void test_slow_sweep(void **state) {
  (void)state;
  pthread_mutex_lock(&sweep_is_slow);
  start();
  assert_string_equal(read_all(), "");
  wait_for("sweep\n");
  assert_string_equal(read_all(), "");
  pthread_mutex_unlock(&sweep_is_slow);
  stop();
}

/* The card that it is busy with is waited for, and detached, the rest is
 * left. */
static void test_stop_while_attaching(void **state) {
  (void)state;
  pthread_mutex_lock(&card_is_slow);
  start();
  wait_for("card1 rx");
  is_join_the_end_of_slowness = true;
  stop();
  assert_string_equal(happened, "sweep\ncard1 rx, mode 0, groups 0x2\n");
}

static void test_stop_without_start(void **state) {
  (void)state;
  assert_null(interfaces_stop(NULL));
}

static void assert_blocked(const sigset_t *set, bool are_all) {
  for (int number = 1; number < 32; number++)
    if (number != SIGKILL && number != SIGSTOP)
      assert_int_equal(sigismember(set, number), are_all);
}

/* Signals are for the daemon's main thread. */
static void test_signals(void **state) {
  sigset_t none, after;

  (void)state;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, NULL);
  start_and_wait();
  stop();
  pthread_sigmask(SIG_SETMASK, NULL, &after);
  assert_blocked(&after, false);
  assert_blocked(&signals_of_thread, true);
}

static void test_out_of_memory(void **state) {
  (void)state;
  for (unsigned i = 0; i < DIRECTION_COUNT; i++) {
    counts_until_out_of_memory = i;
    assert_int_equal(interfaces_start(&selection, the_datapath, &interfaces),
                     -ENOMEM);
    assert_null(interfaces);
  }
  assert_string_equal(happened, "");
}

/* A stack that no address space has room for. */
static void test_no_thread(void **state) {
  pthread_attr_t usual, huge;

  (void)state;
  assert_int_equal(pthread_getattr_default_np(&usual), 0);
  assert_int_equal(pthread_attr_init(&huge), 0);
  assert_int_equal(pthread_attr_setstacksize(&huge, SIZE_MAX / 2 + 1), 0);
  assert_int_equal(pthread_setattr_default_np(&huge), 0);
  int error = interfaces_start(&selection, the_datapath, &interfaces);
  assert_int_equal(pthread_setattr_default_np(&usual), 0);
  assert_int_equal(error, -EAGAIN);
  assert_null(interfaces);
  pthread_attr_destroy(&huge);
  pthread_attr_destroy(&usual);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_rx),
      TEST(test_tx),
      TEST(test_both),
      TEST(test_order),
      TEST(test_only_what_is_asked_for_is_attached),
      TEST(test_settings_of_a_block),
      TEST(test_one_failure_stops_no_other),
      TEST(test_a_direction_stops_no_other),
      TEST(test_missing),
      TEST(test_slow_card),
      TEST(test_slow_sweep),
      TEST(test_stop_while_attaching),
      TEST(test_stop_without_start),
      TEST(test_signals),
      TEST(test_out_of_memory),
      TEST(test_no_thread),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
