// SPDX-License-Identifier: MIT

/* The datapath, the devices and the log are replaced here: a card refuses or
 * takes as long as a test likes. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/device.h"
#include "plugin/interfaces.h"
#include "plugin/log.h"

enum { CARDS = 4 };

/* By ifindex - 1; each is called "card1" and so on. */
static int native_error[CARDS], generic_error[CARDS];
static unsigned open_ports;
static pthread_mutex_t card_is_slow = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char logged[4096];

struct port {
  unsigned ifindex;
  enum hook hook;
};

void log_write(int severity, const char *format, ...) {
  va_list arguments;

  pthread_mutex_lock(&log_lock);
  size_t length = strlen(logged);
  length += sprintf(logged + length, "%d ", severity);
  va_start(arguments, format);
  vsnprintf(logged + length, sizeof(logged) - length, format, arguments);
  va_end(arguments);
  strcat(logged, "\n");
  pthread_mutex_unlock(&log_lock);
}

unsigned if_nametoindex(const char *name) {
  unsigned ifindex = 0;

  return sscanf(name, "card%u", &ifindex) == 1 ? ifindex : 0;
}

unsigned device_rx_queues(const char *name) { return if_nametoindex(name) + 1; }

struct counts *datapath_new_counts(const struct datapath *datapath) {
  (void)datapath;
  return calloc(1, sizeof(struct counts));
}

int port_open(struct datapath *datapath, unsigned ifindex, enum hook hook,
              struct port **ret_port) {
  const int *errors = hook == HOOK_NATIVE ? native_error : generic_error;

  (void)datapath;
  pthread_mutex_lock(&card_is_slow);
  pthread_mutex_unlock(&card_is_slow);
  if (errors[ifindex - 1])
    return errors[ifindex - 1];
  *ret_port = malloc(sizeof(struct port));
  **ret_port = (struct port){ifindex, hook};
  open_ports++;
  return 0;
}

struct port *port_close(struct port *port) {
  open_ports -= port != NULL;
  free(port);
  return NULL;
}

void port_read(const struct port *port, struct counts *counts) {
  counts->total = (struct cell){port->ifindex, port->hook};
}

static struct config config;
static struct interfaces *interfaces;
static char visited[256];

static void visit(void *context, const char *name, const struct counts *counts,
                  __u64 *dscp_seen) {
  assert_ptr_equal(context, visited);
  assert_int_equal(*dscp_seen, 0);
  assert_int_equal(counts->queues, counts->total.packets + 1);
  sprintf(visited + strlen(visited), "%s:%s ", name,
          counts->total.octets == HOOK_NATIVE ? "native" : "generic");
}

static const char *read_all(void) {
  visited[0] = '\0';
  interfaces_read(interfaces, visit, visited);
  return visited;
}

static int set_up(void **state) {
  static char names[CARDS][IF_NAMESIZE] = {"card1", "card2", "card3", "card4"};

  (void)state;
  config = (struct config){.interfaces = names, .interfaces_count = CARDS};
  memset(native_error, 0, sizeof(native_error));
  memset(generic_error, 0, sizeof(generic_error));
  logged[0] = '\0';
  return 0;
}

static void start(void) {
  assert_int_equal(interfaces_start(&config, NULL, &interfaces), 0);
}

/* Returns when all cards had their turn: a line is logged for each. */
static void start_and_wait(void) {
  unsigned lines = 0;

  start();
  while (lines < config.interfaces_count) {
    sched_yield();
    lines = 0;
    pthread_mutex_lock(&log_lock);
    for (const char *p = logged; *p; p++)
      lines += *p == '\n';
    pthread_mutex_unlock(&log_lock);
  }
}

static void stop(void) {
  interfaces = interfaces_stop(interfaces);
  assert_null(interfaces);
  assert_int_equal(open_ports, 0);
}

#define NATIVE "is counted in the driver (native XDP)"
#define GENERIC                                                                \
  "is counted on the skb (generic XDP), where a GSO or GRO super-frame "       \
  "counts "                                                                    \
  "as one frame"

static void test_all_native(void **state) {
  (void)state;
  start_and_wait();
  assert_string_equal(read_all(),
                      "card1:native card2:native card3:native card4:native ");
  assert_non_null(strstr(logged, "6 interface \"card1\" " NATIVE "\n"));
  stop();
}

static void test_auto_falls_back_where_the_driver_refuses(void **state) {
  (void)state;
  native_error[0] = -EOPNOTSUPP;
  native_error[1] = -ERANGE;
  native_error[2] = -EINVAL;
  native_error[3] = -ENOSPC;
  start_and_wait();
  assert_string_equal(
      read_all(), "card1:generic card2:generic card3:generic card4:generic ");
  assert_non_null(strstr(logged, "5 interface \"card1\" " GENERIC
                                 "; the driver refuses native XDP\n"));
  stop();
}

static void test_one_failure_stops_no_other(void **state) {
  (void)state;
  native_error[1] = -EBUSY;
  native_error[2] = -EEXIST;
  start_and_wait();
  assert_string_equal(read_all(), "card1:native card4:native ");
  assert_non_null(strstr(
      logged,
      "3 interface \"card2\" is not counted: another XDP program is attached "
      "and stays so; to count here, detach it (see ip -d link) and restart "
      "collectd\n"));
  assert_non_null(strstr(logged, "3 interface \"card3\" is not counted: "
                                 "another XDP program is attached in the other "
                                 "mode"));
  stop();
}

static void test_an_explicit_mode_has_no_fallback(void **state) {
  (void)state;
  config.mode = MODE_NATIVE;
  native_error[0] = -EOPNOTSUPP;
  start_and_wait();
  assert_string_equal(read_all(), "card2:native card3:native card4:native ");
  assert_non_null(strstr(
      logged, "3 interface \"card1\" is not counted: its driver has no "
              "XDP, or none with these settings; use Mode \"generic\"\n"));
  stop();
}

static void test_generic(void **state) {
  (void)state;
  config.mode = MODE_GENERIC;
  generic_error[3] = -EOPNOTSUPP;
  start_and_wait();
  assert_string_equal(read_all(), "card1:generic card2:generic card3:generic ");
  assert_non_null(strstr(logged, "5 interface \"card1\" " GENERIC "\n"));
  assert_non_null(strstr(logged, "3 interface \"card4\" is not counted: the "
                                 "device takes no XDP program\n"));
  stop();
}

static void test_missing(void **state) {
  static char names[2][IF_NAMESIZE] = {"absent", "card2"};

  (void)state;
  config.interfaces = names;
  config.interfaces_count = 2;
  start_and_wait();
  assert_string_equal(read_all(), "card2:native ");
  assert_non_null(
      strstr(logged, "3 interface \"absent\" is not counted: there is no such "
                     "interface; check the name in Interface"));
  stop();
}

/* A card that takes its time is waited for by nobody but the thread. */
static void test_slow_card(void **state) {
  (void)state;
  pthread_mutex_lock(&card_is_slow);
  start();
  assert_string_equal(read_all(), "");
  pthread_mutex_unlock(&card_is_slow);
  stop();
}

static void test_stop_without_start(void **state) {
  (void)state;
  assert_null(interfaces_stop(NULL));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_all_native),
      TEST(test_auto_falls_back_where_the_driver_refuses),
      TEST(test_one_failure_stops_no_other),
      TEST(test_an_explicit_mode_has_no_fallback),
      TEST(test_generic),
      TEST(test_missing),
      TEST(test_slow_card),
      TEST(test_stop_without_start),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
