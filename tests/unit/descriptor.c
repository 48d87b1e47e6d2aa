// SPDX-License-Identifier: MIT

/* Limits that were lowered cannot be raised again: each test runs in a process
 * of its own. FD_SETSIZE is 1024. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "plugin/descriptor.h"

/* What the tests need; they only lower it. */
enum { HARD_LIMIT = 5000 };

static void expect(bool is_so, int line) {
  if (is_so)
    return;
  fprintf(stderr, "%s:%d: it is not so, errno %d\n", __FILE__, line, errno);
  _exit(1);
}

#define EXPECT(is_so) expect(is_so, __LINE__)

static void set_limits(rlim_t soft, rlim_t hard) {
  const struct rlimit limit = {soft, hard};

  EXPECT(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static rlim_t soft_limit(void) {
  struct rlimit limit;

  EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  return limit.rlim_cur;
}

static int open_null(void) {
  int fd = open("/dev/null", O_RDONLY);

  EXPECT(fd >= 0);
  return fd;
}

/* One of this number. */
static int open_at(int number) {
  int fd = open_null();

  EXPECT(dup2(fd, number) == number);
  close(fd);
  return number;
}

static bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

static void run_in_child(void (*body)(void)) {
  struct rlimit limit;
  int status;

  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max < HARD_LIMIT) {
    print_message("the hard limit of descriptors is below %d\n", HARD_LIMIT);
    skip();
  }
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    body();
    _exit(0);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

static void move_up(void) {
  int low = open_null(), high;
  struct stat null, moved;

  set_limits(2000, HARD_LIMIT);
  EXPECT(stat("/dev/null", &null) == 0);
  high = descriptor_move_up(low);
  EXPECT(high == 1024);
  EXPECT(!is_open(low));
  EXPECT(fcntl(high, F_GETFD) == FD_CLOEXEC);
  EXPECT(fstat(high, &moved) == 0 && moved.st_ino == null.st_ino);
  EXPECT(descriptor_move_up(open_null()) == 1025);
  EXPECT(soft_limit() == 2000);
}

static void move_none(void) {
  set_limits(256, HARD_LIMIT);
  EXPECT(descriptor_move_up(-EPERM) == -EPERM);
  EXPECT(descriptor_move_up(-1) == -1);
  EXPECT(soft_limit() == 256);
}

/* By no more than is needed soon. */
static void raise_soft_limit(void) {
  set_limits(256, HARD_LIMIT);
  EXPECT(descriptor_move_up(open_null()) == 1024);
  EXPECT(soft_limit() == 2048);
  for (int fd = 1025; fd < 2048; fd++)
    EXPECT(descriptor_move_up(open_null()) == fd);
  EXPECT(soft_limit() == 2048);
  EXPECT(descriptor_move_up(open_null()) == 2048);
  EXPECT(soft_limit() == 4096);
  for (int fd = 2049; fd <= 4096; fd++)
    EXPECT(descriptor_move_up(open_null()) == fd);
  EXPECT(soft_limit() == HARD_LIMIT);
}

static void raise_to_low_hard_limit(void) {
  set_limits(256, 1500);
  EXPECT(descriptor_move_up(open_null()) == 1024);
  EXPECT(soft_limit() == 1500);
}

/* Low numbers are others'. */
static void exhaust_hard_limit(void) {
  set_limits(256, 1026);
  EXPECT(descriptor_move_up(open_null()) == 1024);
  EXPECT(descriptor_move_up(open_null()) == 1025);
  int low = open_null();
  EXPECT(descriptor_move_up(low) == -EMFILE);
  EXPECT(!is_open(low));
  close(1024);
  EXPECT(descriptor_move_up(open_null()) == 1024);
}

/* Of 1025 there is one that is high enough. */
static void hard_limit_just_above(void) {
  set_limits(1025, 1025);
  EXPECT(descriptor_move_up(open_null()) == 1024);
  EXPECT(descriptor_move_up(open_null()) == -EMFILE);
}

static void hard_limit_at_set_size(void) {
  set_limits(1024, 1024);
  EXPECT(descriptor_move_up(open_at(895)) == 895);
  EXPECT(is_open(895));
  EXPECT(descriptor_move_up(open_at(896)) == -EMFILE);
  EXPECT(!is_open(896));
}

/* The reserve is of the hard limit: up to there the soft one is raised. */
static void hard_limit_below_set_size(void) {
  set_limits(200, 512);
  int low = open_null();
  EXPECT(descriptor_move_up(low) == low);
  EXPECT(soft_limit() == 512);
  EXPECT(descriptor_move_up(open_at(383)) == 383);
  EXPECT(descriptor_move_up(open_at(384)) == -EMFILE);
  EXPECT(!is_open(384));
}

static void hard_limit_below_reserve(void) {
  int low = open_null();

  set_limits(100, 100);
  EXPECT(descriptor_move_up(low) == -EMFILE);
  EXPECT(!is_open(low));
}

#define IN_CHILD(name, body)                                                   \
  static void name(void **state) {                                             \
    (void)state;                                                               \
    run_in_child(body);                                                        \
  }

IN_CHILD(test_a_descriptor_moves_up, move_up)
IN_CHILD(test_an_error_is_passed_on, move_none)
IN_CHILD(test_the_soft_limit_is_raised, raise_soft_limit)
IN_CHILD(test_the_soft_limit_is_raised_to_the_hard_one, raise_to_low_hard_limit)
IN_CHILD(test_the_hard_limit_is_exhausted, exhaust_hard_limit)
IN_CHILD(test_a_hard_limit_just_above_the_set, hard_limit_just_above)
IN_CHILD(test_a_hard_limit_at_the_set, hard_limit_at_set_size)
IN_CHILD(test_a_hard_limit_below_the_set, hard_limit_below_set_size)
IN_CHILD(test_a_hard_limit_below_the_reserve, hard_limit_below_reserve)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_descriptor_moves_up),
      cmocka_unit_test(test_an_error_is_passed_on),
      cmocka_unit_test(test_the_soft_limit_is_raised),
      cmocka_unit_test(test_the_soft_limit_is_raised_to_the_hard_one),
      cmocka_unit_test(test_the_hard_limit_is_exhausted),
      cmocka_unit_test(test_a_hard_limit_just_above_the_set),
      cmocka_unit_test(test_a_hard_limit_at_the_set),
      cmocka_unit_test(test_a_hard_limit_below_the_set),
      cmocka_unit_test(test_a_hard_limit_below_the_reserve),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
