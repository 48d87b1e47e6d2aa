// SPDX-License-Identifier: MIT

/* The dispatch is replaced here: it takes as long as a test likes. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "plugin/log.h"
#include "plugin/notices.h"

/* What was dispatched, a line each, of those that have room. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t something_happened = PTHREAD_COND_INITIALIZER;
static char dispatched[512];
static char last[64];
static unsigned dispatches;
static bool is_in_dispatch;
static sigset_t signals_of_thread;
static struct timespec told_time;

/* Who holds it keeps the thread in the dispatch. */
static pthread_mutex_t dispatch_blocks = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool is_slow;

static char logged[1024];
static unsigned log_lines;

void notify_dispatch(enum notice_severity severity, const struct timespec *time,
                     const char *interface, const char *text) {
  pthread_mutex_lock(&lock);
  snprintf(last, sizeof(last), "%d %s: %s\n", severity, interface, text);
  if (strlen(dispatched) + strlen(last) < sizeof(dispatched))
    strcat(dispatched, last);
  dispatches++;
  is_in_dispatch = true;
  told_time = *time;
  pthread_sigmask(SIG_BLOCK, NULL, &signals_of_thread);
  pthread_cond_broadcast(&something_happened);
  pthread_mutex_unlock(&lock);
  pthread_mutex_lock(&dispatch_blocks);
  pthread_mutex_unlock(&dispatch_blocks);
  if (is_slow)
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
  pthread_mutex_lock(&lock);
  is_in_dispatch = false;
  pthread_cond_broadcast(&something_happened);
  pthread_mutex_unlock(&lock);
}

void log_write(int severity, const char *format, ...) {
  va_list arguments;

  assert_int_equal(severity, LOG_WARNING);
  va_start(arguments, format);
  vsnprintf(logged, sizeof(logged), format, arguments);
  va_end(arguments);
  log_lines++;
}

static void wait_for(unsigned count) {
  pthread_mutex_lock(&lock);
  while (dispatches < count)
    pthread_cond_wait(&something_happened, &lock);
  pthread_mutex_unlock(&lock);
}

/* Who blocks the dispatch after this blocks the next one, not the last. */
static void wait_for_return(void) {
  pthread_mutex_lock(&lock);
  while (is_in_dispatch)
    pthread_cond_wait(&something_happened, &lock);
  pthread_mutex_unlock(&lock);
}

static struct notices *notices;

/* What waits for ever is ended. */
static int set_up(void **state) {
  (void)state;
  dispatched[0] = last[0] = logged[0] = '\0';
  dispatches = log_lines = 0;
  is_slow = false;
  alarm(60);
  return notices_start(&notices);
}

static void stop(void) {
  notices = notices_stop(notices);
  assert_null(notices);
}

static time_t now(void) {
  struct timespec time;

  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec;
}

static void test_order(void **state) {
  char text[] = "is gone";

  (void)state;
  pthread_mutex_lock(&dispatch_blocks);
  notices_add(notices, NOTICE_FAILURE, "eth0", text);
  /* It is copied. */
  strcpy(text, "is new");
  notices_add(notices, NOTICE_WARNING, "eth1", "is busy");
  notices_add(notices, NOTICE_OKAY, "eth0.100", "counts again");
  pthread_mutex_unlock(&dispatch_blocks);
  stop();
  assert_string_equal(dispatched, "0 eth0: is gone\n"
                                  "1 eth1: is busy\n"
                                  "2 eth0.100: counts again\n");
  assert_int_equal(log_lines, 0);
}

/* Without a stop, and again after it has slept. */
static void test_at_once(void **state) {
  (void)state;
  for (unsigned i = 1; i <= 3; i++) {
    notices_add(notices, NOTICE_OKAY, "eth0", "counts");
    wait_for(i);
  }
  stop();
}

/* It is told when it happened, not when others were done. */
static void test_time(void **state) {
  struct timespec before, after, pause = {.tv_nsec = 20000000};

  (void)state;
  pthread_mutex_lock(&dispatch_blocks);
  notices_add(notices, NOTICE_OKAY, "eth0", "counts");
  wait_for(1);
  clock_gettime(CLOCK_REALTIME, &before);
  notices_add(notices, NOTICE_OKAY, "eth1", "counts");
  clock_gettime(CLOCK_REALTIME, &after);
  nanosleep(&pause, NULL);
  pthread_mutex_unlock(&dispatch_blocks);
  stop();
  int64_t told = told_time.tv_sec * 1000000000LL + told_time.tv_nsec;
  assert_in_range(told, before.tv_sec * 1000000000LL + before.tv_nsec,
                  after.tv_sec * 1000000000LL + after.tv_nsec);
}

/* While the first one blocks the oldest of those that wait give way; which is
 * told once, and again once there was an end to it. */
static void test_overflow(void **state) {
  char text[32];

  (void)state;
  for (unsigned round = 1; round <= 2; round++) {
    pthread_mutex_lock(&dispatch_blocks);
    dispatches = 0;
    dispatched[0] = '\0';
    notices_add(notices, NOTICE_OKAY, "eth0", "blocks");
    wait_for(1);
    for (unsigned i = 0; i < NOTICES_MAX + 5; i++) {
      snprintf(text, sizeof(text), "%u", i);
      notices_add(notices, NOTICE_OKAY, "eth0", text);
      assert_int_equal(log_lines, round - (i < NOTICES_MAX));
    }
    assert_non_null(strstr(logged, "notifications are lost"));
    pthread_mutex_unlock(&dispatch_blocks);
    wait_for(1 + NOTICES_MAX);
    wait_for_return();
  }
  stop();
  assert_ptr_equal(strstr(dispatched, "2 eth0: blocks\n2 eth0: 5\n2 eth0: 6\n"),
                   dispatched);
  assert_string_equal(last, "2 eth0: 10004\n");
  assert_int_equal(dispatches, 1 + NOTICES_MAX);
  assert_int_equal(log_lines, 2);
}

/* The stop does not wait for ever, the rest is lost; and what the thread finds
 * when it comes back later is still its own. */
static void test_stop_while_blocked(void **state) {
  (void)state;
  pthread_mutex_lock(&dispatch_blocks);
  notices_add(notices, NOTICE_FAILURE, "eth0", "is gone");
  notices_add(notices, NOTICE_FAILURE, "eth1", "is gone");
  notices_add(notices, NOTICE_FAILURE, "eth2", "is gone");
  wait_for(1);
  time_t start = now();
  stop();
  assert_in_range(now() - start, 4, 7);
  assert_int_equal(log_lines, 1);
  assert_non_null(strstr(logged, "2 notifications after it are lost"));
  pthread_mutex_unlock(&dispatch_blocks);
  struct timespec pause = {.tv_nsec = 200000000};
  nanosleep(&pause, NULL);
  pthread_mutex_lock(&lock);
  assert_string_equal(dispatched, "0 eth0: is gone\n");
  pthread_mutex_unlock(&lock);
}

/* What takes its time, but ends, is waited for. */
static void test_stop_while_slow(void **state) {
  (void)state;
  is_slow = true;
  notices_add(notices, NOTICE_FAILURE, "eth0", "is gone");
  notices_add(notices, NOTICE_OKAY, "eth0", "counts");
  wait_for(1);
  stop();
  assert_string_equal(dispatched, "0 eth0: is gone\n2 eth0: counts\n");
  assert_int_equal(log_lines, 0);
}

static void test_stop_without_start(void **state) {
  (void)state;
  assert_null(notices_stop(NULL));
}

static void test_nothing_to_tell(void **state) {
  (void)state;
  stop();
  assert_int_equal(dispatches, 0);
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
  stop();
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, NULL);
  assert_int_equal(notices_start(&notices), 0);
  notices_add(notices, NOTICE_OKAY, "eth0", "counts");
  stop();
  pthread_sigmask(SIG_SETMASK, NULL, &after);
  assert_blocked(&after, false);
  assert_blocked(&signals_of_thread, true);
}

/* A stack that no address space has room for. */
static void test_no_thread(void **state) {
  pthread_attr_t usual, huge;

  (void)state;
  stop();
  assert_int_equal(pthread_getattr_default_np(&usual), 0);
  assert_int_equal(pthread_attr_init(&huge), 0);
  assert_int_equal(pthread_attr_setstacksize(&huge, SIZE_MAX / 2 + 1), 0);
  assert_int_equal(pthread_setattr_default_np(&huge), 0);
  int error = notices_start(&notices);
  assert_int_equal(pthread_setattr_default_np(&usual), 0);
  assert_int_equal(error, -EAGAIN);
  assert_null(notices);
  pthread_attr_destroy(&huge);
  pthread_attr_destroy(&usual);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_order),
      TEST(test_at_once),
      TEST(test_time),
      TEST(test_overflow),
      TEST(test_stop_while_blocked),
      TEST(test_stop_while_slow),
      cmocka_unit_test(test_stop_without_start),
      TEST(test_nothing_to_tell),
      TEST(test_signals),
      TEST(test_no_thread),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
