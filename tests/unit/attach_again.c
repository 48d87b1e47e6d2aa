// SPDX-License-Identifier: MIT

/* Jobs of what is counted already: whether it stays, moves or ends. */
#include <errno.h>

#include "tests/unit/attach_fakes.h"

static const enum entry xdp_entries[] = {ENTRY_NATIVE, ENTRY_GENERIC};
static const enum mode xdp_modes[] = {MODE_NATIVE, MODE_GENERIC};
static const int busy_errors[] = {EBUSY, EEXIST};

/* Which have nothing to do with the place. */
static const int common_errors[] = {ENODEV,   EPERM, EMFILE, ENFILE,
                                    EALREADY, E2BIG, EIO,    EACCES};

static void assert_ends(enum mode mode, enum entry current, int error) {
  assert_false(run_again(mode, current));
  assert_int_equal(job.error, error);
}

static void test_it_has_the_best(void **state) {
  (void)state;
  assert_stays(MODE_AUTO, ENTRY_NATIVE, "");
  assert_stays(MODE_NATIVE, ENTRY_NATIVE, "");
  assert_stays(MODE_GENERIC, ENTRY_GENERIC, "");
  assert_stays(MODE_TC, ENTRY_TC_RX, "");
  assert_stays(MODE_AUTO, ENTRY_TC_TX, "");
  assert_string_equal(fakes.happened, "");
}

static void test_nothing_better(void **state) {
  (void)state;
  refuse_native(-EOPNOTSUPP);
  assert_stays(MODE_AUTO, ENTRY_TC_RX, "native frags");
  assert_first(ENTRY_NATIVE, -EOPNOTSUPP);
  assert_false(job.is_busy);
}

static void test_something_better(void **state) {
  (void)state;
  assert_true(run_again(MODE_AUTO, ENTRY_TC_RX));
  assert_int_equal(job.entry, ENTRY_NATIVE);
  refuse(ENTRY_NATIVE, -ERANGE);
  assert_true(run_again(MODE_AUTO, ENTRY_TC_RX));
  assert_int_equal(job.entry, ENTRY_NATIVE_FRAGS);
  assert_string_equal(fakes.tried, "native frags");
}

/* Our own program is no other one. */
static void test_our_own_program_in_the_way(void **state) {
  (void)state;
  fakes.answers[0][ENTRY_NATIVE].create = -EALREADY;
  fakes.answers[0][ENTRY_NATIVE_FRAGS].create = -EALREADY;
  refuse(ENTRY_TC_RX, -EINVAL);
  assert_stays(MODE_AUTO, ENTRY_NATIVE_FRAGS, "");
  assert_stays(MODE_NATIVE, ENTRY_NATIVE_FRAGS, "");
  assert_stays(MODE_AUTO, ENTRY_GENERIC, "tc-rx");
  assert_stays(MODE_NATIVE, ENTRY_GENERIC, "");
  refuse(ENTRY_TC_RX, 0);
  assert_true(run_again(MODE_AUTO, ENTRY_GENERIC));
  assert_int_equal(job.entry, ENTRY_TC_RX);
}

/* It goes on waiting for that program to go. */
static void test_still_busy(void **state) {
  (void)state;
  refuse(ENTRY_NATIVE, -EBUSY);
  refuse(ENTRY_GENERIC, -EEXIST);
  assert_stays(MODE_AUTO, ENTRY_TC_RX, "native");
  assert_true(job.is_busy);
  assert_stays(MODE_NATIVE, ENTRY_TC_RX, "native");
  assert_true(job.is_busy);
  assert_stays(MODE_GENERIC, ENTRY_TC_RX, "generic");
  assert_true(job.is_busy);
}

/* What keeps it from a better place does not undo the one it has. */
static void test_errors_beside_what_it_has(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(common_errors); i++) {
    refuse(ENTRY_NATIVE, -common_errors[i]);
    assert_stays(MODE_AUTO, ENTRY_TC_RX, "native");
    assert_first(ENTRY_NATIVE, -common_errors[i]);
  }
}

/* What is counted is not to be, either. */
static void test_busy_beside_what_it_has(void **state) {
  (void)state;
  settings.busy = BUSY_SKIP;
  for (size_t i = 0; i < 2 * 2; i++) {
    refuse(xdp_entries[i / 2], -busy_errors[i % 2]);
    assert_ends(xdp_modes[i / 2], ENTRY_TC_RX, -EBUSY);
    assert_int_equal(job.entry, xdp_entries[i / 2]);
    assert_true(job.is_busy);
  }
  assert_ends(MODE_AUTO, ENTRY_TC_RX, -EBUSY);
  assert_string_equal(fakes.tried, "native");
}

/* Where it is as long as that program is there, it does not stay: its Mode does
 * not have it. */
static void test_a_place_that_is_not_of_the_mode(void **state) {
  static const int refusals[] = {EOPNOTSUPP, EINVAL};

  (void)state;
  for (size_t i = 0; i < COUNT_OF(refusals); i++) {
    refuse_native(-refusals[i]);
    refuse(ENTRY_GENERIC, -refusals[i]);
    assert_ends(MODE_NATIVE, ENTRY_TC_RX, -refusals[i]);
    assert_string_equal(fakes.tried, "native frags");
    assert_false(job.is_busy);
    assert_ends(MODE_GENERIC, ENTRY_TC_RX, -refusals[i]);
    assert_string_equal(fakes.tried, "generic");
    assert_int_equal(job.entry, ENTRY_GENERIC);
    assert_false(job.is_busy);
    assert_stays(MODE_AUTO, ENTRY_TC_RX, "native frags");
  }
}

/* It is not known whether the mode's place is to be had. */
static void test_no_refusal_of_the_mode(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(common_errors); i++) {
    refuse(ENTRY_NATIVE, -common_errors[i]);
    refuse(ENTRY_GENERIC, -common_errors[i]);
    assert_stays(MODE_NATIVE, ENTRY_TC_RX, "native");
    assert_stays(MODE_GENERIC, ENTRY_TC_RX, "generic");
  }
  refuse(ENTRY_NATIVE, -EOPNOTSUPP);
  refuse(ENTRY_NATIVE_FRAGS, -EMFILE);
  assert_stays(MODE_NATIVE, ENTRY_TC_RX, "native frags");
  refuse(ENTRY_NATIVE_FRAGS, -EBUSY);
  assert_stays(MODE_NATIVE, ENTRY_TC_RX, "native frags");
  assert_true(job.is_busy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_it_has_the_best),
      TEST(test_nothing_better),
      TEST(test_something_better),
      TEST(test_our_own_program_in_the_way),
      TEST(test_still_busy),
      TEST(test_errors_beside_what_it_has),
      TEST(test_busy_beside_what_it_has),
      TEST(test_a_place_that_is_not_of_the_mode),
      TEST(test_no_refusal_of_the_mode),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
