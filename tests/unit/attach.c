// SPDX-License-Identifier: MIT

/* Where jobs end up, by which steps, and what becomes of their ports. */
#include <errno.h>
#include <string.h>

#include "tests/unit/attach_fakes.h"

/* --- what is tried, and in which order -------------------------------------*/

static void test_the_best_place_of_each_mode(void **state) {
  (void)state;
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(fakes.tried, "native");
  assert_true(run_rx(MODE_NATIVE));
  assert_string_equal(fakes.tried, "native");
  assert_true(run_rx(MODE_GENERIC));
  assert_string_equal(fakes.tried, "generic");
  assert_true(run_rx(MODE_TC));
  assert_string_equal(fakes.tried, "tc-rx");
}

static void test_auto_goes_on_to_the_last(void **state) {
  (void)state;
  refuse(ENTRY_NATIVE, -EOPNOTSUPP);
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(fakes.tried, "native frags");
  refuse(ENTRY_NATIVE_FRAGS, -EOPNOTSUPP);
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(fakes.tried, "native frags tc-rx");
  refuse(ENTRY_TC_RX, -EINVAL);
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(fakes.tried, "native frags tc-rx generic");
  assert_int_equal(job.entry, ENTRY_GENERIC);
  refuse(ENTRY_GENERIC, -EOPNOTSUPP);
  assert_false(run_rx(MODE_AUTO));
  assert_string_equal(fakes.tried, "native frags tc-rx generic");
  assert_int_equal(job.entry, ENTRY_GENERIC);
  assert_int_equal(job.error, -EOPNOTSUPP);
}

static void test_another_mode_stays_in_its_place(void **state) {
  (void)state;
  for (enum entry e = 0; e < ENTRY_COUNT; e++)
    refuse(e, -EOPNOTSUPP);
  assert_false(run_rx(MODE_NATIVE));
  assert_string_equal(fakes.tried, "native frags");
  assert_false(run_rx(MODE_GENERIC));
  assert_string_equal(fakes.tried, "generic");
  assert_false(run_rx(MODE_TC));
  assert_string_equal(fakes.tried, "tc-rx");
}

static void test_tx_has_one_place(void **state) {
  static const enum mode modes[] = {MODE_AUTO, MODE_NATIVE, MODE_GENERIC,
                                    MODE_TC};

  (void)state;
  for (size_t i = 0; i < COUNT_OF(modes); i++) {
    refuse(ENTRY_TC_TX, 0);
    assert_true(run_tx(modes[i]));
    assert_string_equal(fakes.tried, "tc-tx");
    refuse(ENTRY_TC_TX, -EOPNOTSUPP);
    assert_false(run_tx(modes[i]));
    assert_string_equal(fakes.tried, "tc-tx");
  }
}

/* A round each, so that no frame is counted twice. */
static void test_the_steps_of_a_fallback(void **state) {
  (void)state;
  refuse(ENTRY_NATIVE, -EINVAL);
  fakes.answers[0][ENTRY_NATIVE_FRAGS].create = -EOPNOTSUPP;
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(fakes.happened, "publish 7\n"
                                      "attach 7 native\n"
                                      "unpublish 7\n"
                                      "publish 7\n"
                                      "attach 7 tc-rx\n");
}

/* Of the place that it is counted at, not of one before. */
static void test_how_it_is_attached(void **state) {
  (void)state;
  refuse_native(-EOPNOTSUPP);
  fakes.answers[0][ENTRY_NATIVE].attachment = ATTACHED_BY_FILTER;
  fakes.answers[0][ENTRY_TC_RX].attachment = ATTACHED_BEHIND;
  assert_true(run_rx(MODE_AUTO));
  assert_int_equal(job.attachment, ATTACHED_BEHIND);
}

/* That Mode "auto" tries this where a place answers with the error, be it
 * before it is attached or then. */
static void assert_tried(enum entry place, int error, bool is_counted,
                         const char *expected) {
  struct answer *answer = &fakes.answers[0][place];
  const struct answer before = *answer;
  const struct answer ways[] = {{.create = -error}, {.attach = -error}};

  for (size_t i = 0; i < COUNT_OF(ways); i++) {
    *answer = ways[i];
    assert_int_equal(run_rx(MODE_AUTO), is_counted);
    assert_string_equal(fakes.tried, expected);
    assert_int_equal(job.error, is_counted ? 0 : -error);
    assert_false(job.is_busy);
  }
  *answer = before;
}

/* Which have nothing to do with the place. */
static const int common_errors[] = {ENODEV,   EPERM, EMFILE, ENFILE,
                                    EALREADY, E2BIG, EIO,    EACCES};

static void assert_common_errors_stop(enum entry place, const char *expected) {
  for (size_t i = 0; i < COUNT_OF(common_errors); i++)
    assert_tried(place, common_errors[i], false, expected);
}

static void test_errors_of_native(void **state) {
  static const int refusals[] = {EOPNOTSUPP, EINVAL, ERANGE, ENOSPC, ENOMEM};

  (void)state;
  for (size_t i = 0; i < COUNT_OF(refusals); i++)
    assert_tried(ENTRY_NATIVE, refusals[i], true, "native frags");
  assert_common_errors_stop(ENTRY_NATIVE, "native");
  assert_tried(ENTRY_NATIVE, ENOENT, false, "native");
  assert_tried(ENTRY_NATIVE, EADDRINUSE, false, "native");

  refuse(ENTRY_NATIVE, -EOPNOTSUPP);
  for (size_t i = 0; i < COUNT_OF(refusals); i++)
    assert_tried(ENTRY_NATIVE_FRAGS, refusals[i], true, "native frags tc-rx");
  assert_common_errors_stop(ENTRY_NATIVE_FRAGS, "native frags");
}

static void test_errors_of_tc(void **state) {
  static const int refusals[] = {EOPNOTSUPP, EINVAL, ENOENT, ENOSYS,
                                 EADDRINUSE};

  (void)state;
  refuse_native(-EOPNOTSUPP);
  for (size_t i = 0; i < COUNT_OF(refusals); i++)
    assert_tried(ENTRY_TC_RX, refusals[i], true, "native frags tc-rx generic");
  assert_common_errors_stop(ENTRY_TC_RX, "native frags tc-rx");
  assert_tried(ENTRY_TC_RX, EBUSY, false, "native frags tc-rx");
  assert_tried(ENTRY_TC_RX, EEXIST, false, "native frags tc-rx");
  assert_tried(ENTRY_TC_RX, ERANGE, false, "native frags tc-rx");
  assert_tried(ENTRY_TC_RX, ENOSPC, false, "native frags tc-rx");
  assert_tried(ENTRY_TC_RX, ENOMEM, false, "native frags tc-rx");
}

/* --- why it is not where the mode would have it ----------------------------*/

static void test_nothing_was_refused(void **state) {
  (void)state;
  assert_true(run_rx(MODE_AUTO));
  assert_first(ENTRY_NATIVE, 0);
  assert_true(run_rx(MODE_TC));
  assert_first(ENTRY_TC_RX, 0);
  assert_true(run_tx(MODE_AUTO));
  assert_first(ENTRY_TC_TX, 0);
}

/* The program for several buffers may be refused, or not loaded, for a reason
 * of its own; another one tells more. */
static void test_the_refusal_that_counts(void **state) {
  (void)state;
  refuse(ENTRY_NATIVE, -ERANGE);
  refuse(ENTRY_NATIVE_FRAGS, -EOPNOTSUPP);
  assert_true(run_rx(MODE_AUTO));
  assert_first(ENTRY_NATIVE, -ERANGE);
  refuse(ENTRY_NATIVE_FRAGS, -EINVAL);
  assert_true(run_rx(MODE_AUTO));
  assert_first(ENTRY_NATIVE, -ERANGE);
  refuse(ENTRY_NATIVE_FRAGS, -ENOSPC);
  assert_true(run_rx(MODE_AUTO));
  assert_first(ENTRY_NATIVE_FRAGS, -ENOSPC);
}

/* --- beside another XDP program --------------------------------------------*/

static const enum entry xdp_entries[] = {ENTRY_NATIVE, ENTRY_GENERIC};
static const enum mode xdp_modes[] = {MODE_NATIVE, MODE_GENERIC};
static const int busy_errors[] = {EBUSY, EEXIST};

static void assert_at_tc(const char *tried) {
  assert_string_equal(fakes.tried, tried);
  assert_int_equal(job.entry, ENTRY_TC_RX);
  assert_true(job.is_busy);
}

/* In every Mode: what the program lets pass is all that there is to see. */
static void test_busy_is_counted_at_tc(void **state) {
  static const enum busy ways[] = {BUSY_OBSERVE, BUSY_TC};

  (void)state;
  for (size_t i = 0; i < 2 * 2; i++) {
    settings.busy = ways[i / 2];
    refuse(ENTRY_NATIVE, -busy_errors[i % 2]);
    refuse(ENTRY_GENERIC, -busy_errors[i % 2]);
    assert_true(run_rx(MODE_AUTO));
    assert_at_tc("native tc-rx");
    assert_first(ENTRY_NATIVE, -busy_errors[i % 2]);
    assert_true(run_rx(MODE_NATIVE));
    assert_at_tc("native tc-rx");
    assert_true(run_rx(MODE_GENERIC));
    assert_at_tc("generic tc-rx");
    assert_first(ENTRY_GENERIC, -busy_errors[i % 2]);
  }
}

static void test_busy_in_the_second_place(void **state) {
  (void)state;
  refuse(ENTRY_NATIVE, -EOPNOTSUPP);
  refuse(ENTRY_NATIVE_FRAGS, -EBUSY);
  assert_true(run_rx(MODE_AUTO));
  assert_at_tc("native frags tc-rx");
  refuse_native(-EOPNOTSUPP);
  refuse(ENTRY_TC_RX, -EINVAL);
  refuse(ENTRY_GENERIC, -EEXIST);
  assert_false(run_rx(MODE_AUTO));
  assert_at_tc("native frags tc-rx generic tc-rx");
  assert_int_equal(job.error, -EINVAL);
}

/* There is no other place, whatever the Mode. */
static void test_busy_and_no_tc(void **state) {
  (void)state;
  refuse(ENTRY_NATIVE, -EBUSY);
  refuse(ENTRY_TC_RX, -EINVAL);
  assert_false(run_rx(MODE_AUTO));
  assert_at_tc("native tc-rx");
  assert_int_equal(job.error, -EINVAL);
  assert_first(ENTRY_NATIVE, -EBUSY);
}

static void test_busy_is_skipped(void **state) {
  (void)state;
  settings.busy = BUSY_SKIP;
  for (size_t i = 0; i < 2 * 2; i++) {
    refuse(xdp_entries[i / 2], -busy_errors[i % 2]);
    assert_false(run_rx(xdp_modes[i / 2]));
    assert_int_equal(job.entry, xdp_entries[i / 2]);
    assert_int_equal(job.error, -EBUSY);
    assert_true(job.is_busy);
  }
  assert_false(run_rx(MODE_AUTO));
  assert_string_equal(fakes.tried, "native");
  assert_string_equal(fakes.happened, "publish 7\n"
                                      "attach 7 native\n"
                                      "unpublish 7\n");
}

/* An XDP program does not matter to what does not ask for its place. */
static void test_tc_is_never_busy(void **state) {
  (void)state;
  refuse_native(-EBUSY);
  refuse(ENTRY_GENERIC, -EBUSY);
  assert_true(run_rx(MODE_TC));
  assert_false(job.is_busy);
  assert_true(run_tx(MODE_NATIVE));
  assert_false(job.is_busy);
}

/* --- several at once -------------------------------------------------------*/

static struct device cards[CARDS];
static struct attach_job jobs[CARDS];

static void make_jobs(void) {
  for (size_t i = 0; i < CARDS; i++) {
    cards[i] = device;
    cards[i].ifindex = IFINDEX + i;
    jobs[i] = (struct attach_job){
        .name = "eth", .device = &cards[i], .settings = &settings};
  }
}

static void assert_all_failed(int error) {
  for (size_t i = 0; i < CARDS; i++) {
    assert_null(jobs[i].port);
    assert_int_equal(jobs[i].error, error);
  }
}

/* The kernel waits once for all of them. */
static void test_a_batch_of_one_round(void **state) {
  (void)state;
  make_jobs();
  run_jobs(jobs, CARDS);
  assert_string_equal(fakes.happened, "publish 7 8 9 10\n"
                                      "attach 7 native\n"
                                      "attach 8 native\n"
                                      "attach 9 native\n"
                                      "attach 10 native\n");
  take_back(jobs, CARDS);
}

/* What was refused in a round goes together, before the next one. */
static void test_a_batch_of_several_rounds(void **state) {
  (void)state;
  make_jobs();
  fakes.answers[0][ENTRY_NATIVE].attach = -EOPNOTSUPP;
  fakes.answers[0][ENTRY_NATIVE_FRAGS].create = -EOPNOTSUPP;
  fakes.answers[2][ENTRY_NATIVE].attach = -EINVAL;
  fakes.answers[3][ENTRY_NATIVE].attach = -EPERM;
  run_jobs(jobs, CARDS);
  assert_string_equal(fakes.happened, "publish 7 8 9 10\n"
                                      "attach 7 native\n"
                                      "attach 8 native\n"
                                      "attach 9 native\n"
                                      "attach 10 native\n"
                                      "unpublish 7 9 10\n"
                                      "publish 7 9\n"
                                      "attach 7 tc-rx\n"
                                      "attach 9 frags\n");
  assert_int_equal(jobs[0].entry, ENTRY_TC_RX);
  assert_int_equal(jobs[1].entry, ENTRY_NATIVE);
  assert_int_equal(jobs[2].entry, ENTRY_NATIVE_FRAGS);
  assert_int_equal(jobs[3].error, -EPERM);
  take_back(jobs, CARDS);
}

/* Those for which there is nothing to do are in nobody's way. */
static void test_a_batch_with_gaps(void **state) {
  const enum entry native = ENTRY_NATIVE;

  (void)state;
  make_jobs();
  jobs[0].current = &native;
  fakes.answers[2][ENTRY_NATIVE].create = -EMFILE;
  run_jobs(jobs, CARDS);
  assert_string_equal(fakes.happened, "publish 8 10\n"
                                      "attach 8 native\n"
                                      "attach 10 native\n");
  assert_int_equal(jobs[0].error, 0);
  assert_int_equal(jobs[2].error, -EMFILE);
  take_back(jobs, CARDS);
}

static void test_both_directions(void **state) {
  (void)state;
  make_jobs();
  jobs[1].device = &cards[0];
  jobs[1].direction = DIRECTION_TX;
  run_jobs(jobs, 2);
  assert_string_equal(fakes.happened, "publish 7 7\n"
                                      "attach 7 native\n"
                                      "attach 7 tc-tx\n");
  take_back(jobs, 2);
}

static void test_no_jobs(void **state) {
  (void)state;
  run_jobs(jobs, 0);
  assert_string_equal(fakes.happened, "");
}

/* --- what goes wrong for all -----------------------------------------------*/

static void test_publishing_fails(void **state) {
  (void)state;
  make_jobs();
  fakes.publish_error = -EPERM;
  run_jobs(jobs, CARDS);
  assert_string_equal(fakes.happened, "publish 7 8 9 10\n"
                                      "unpublish 7 8 9 10\n");
  assert_all_failed(-EPERM);
}

/* At each place, as it may be one of the place. */
static void test_no_memory_to_publish(void **state) {
  (void)state;
  fakes.publish_error = -ENOMEM;
  assert_false(run_rx(MODE_AUTO));
  assert_string_equal(fakes.tried, "native frags tc-rx");
  assert_int_equal(job.error, -ENOMEM);
}

static unsigned callocs_until_fail; /* 0: none does */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

/* The linker has attach.c call it. */
void *__wrap_calloc(size_t count, size_t size) {
  if (callocs_until_fail && --callocs_until_fail == 0)
    return NULL;
  return __real_calloc(count, size);
}

static void test_no_memory(void **state) {
  (void)state;
  for (unsigned i = 1; i <= 2; i++) {
    make_jobs();
    callocs_until_fail = i;
    run_jobs(jobs, CARDS);
    assert_string_equal(fakes.tried, "");
    assert_all_failed(-ENOMEM);
  }
  callocs_until_fail = 1;
  assert_stays(MODE_AUTO, ENTRY_TC_RX, "");
}

/* Nothing is begun that takes long. */
static void test_stopped_before(void **state) {
  (void)state;
  make_jobs();
  fakes.stopping = true;
  run_jobs(jobs, CARDS);
  assert_string_equal(fakes.tried, "");
  assert_all_failed(-ECANCELED);
  assert_stays(MODE_AUTO, ENTRY_TC_RX, "");
}

/* A card may take seconds: those after it are left out. */
static void test_stopped_meanwhile(void **state) {
  (void)state;
  make_jobs();
  fakes.attached_until_stop = 2;
  run_jobs(jobs, CARDS);
  assert_string_equal(fakes.happened, "publish 7 8 9 10\n"
                                      "attach 7 native\n"
                                      "attach 8 native\n"
                                      "unpublish 9 10\n");
  assert_int_equal(jobs[0].error, 0);
  assert_int_equal(jobs[1].error, 0);
  assert_int_equal(jobs[2].error, -ECANCELED);
  assert_int_equal(jobs[3].error, -ECANCELED);
  take_back(jobs, CARDS);
}

/* One that was to go on to another place does not. */
static void test_stopped_between_rounds(void **state) {
  (void)state;
  refuse_native(-EOPNOTSUPP);
  fakes.attached_until_stop = 1;
  assert_false(run_rx(MODE_AUTO));
  assert_string_equal(fakes.tried, "native");
  assert_int_equal(job.error, -ECANCELED);
}

/* --- bonds -----------------------------------------------------------------*/

/* XDP in the driver sees the frames as the members'. */
static void test_members_of_a_bond(void **state) {
  (void)state;
  make_device("bond", "bonding");
  assert_true(run_rx(MODE_NATIVE));
  assert_string_equal(fakes.added, "11 12");
  refuse(ENTRY_NATIVE, -EINVAL);
  assert_true(run_rx(MODE_NATIVE));
  assert_string_equal(fakes.tried, "native frags");
  assert_string_equal(fakes.added, "11 12 11 12");
}

static void test_members_elsewhere(void **state) {
  (void)state;
  make_device("bond", "bonding");
  assert_true(run_rx(MODE_GENERIC));
  assert_string_equal(fakes.added, "");
  assert_true(run_rx(MODE_TC));
  assert_string_equal(fakes.added, "");
  assert_true(run_tx(MODE_NATIVE));
  assert_string_equal(fakes.added, "");
  make_device("bridge", "bridge");
  assert_true(run_rx(MODE_NATIVE));
  assert_string_equal(fakes.added, "");
}

/* It keeps its program; whether the bond gets one is up to the kernel. */
static void test_members_counted_for_themselves(void **state) {
  (void)state;
  make_device("bond", "bonding");
  fakes.member_error = -EALREADY;
  assert_true(run_rx(MODE_NATIVE));
  assert_string_equal(fakes.added, "11 12");
}

/* The first error ends it. */
static void test_member_that_cannot_be_added(void **state) {
  (void)state;
  make_device("bond", "bonding");
  fakes.member_error = -EPERM;
  assert_false(run_rx(MODE_AUTO));
  assert_string_equal(fakes.tried, "native");
  assert_string_equal(fakes.added, "11");
  assert_string_equal(fakes.happened, "publish 7\nunpublish 7\n");
  assert_int_equal(job.error, -EPERM);
}

static void test_members_that_cannot_be_told(void **state) {
  (void)state;
  make_device("bond", "bonding");
  fakes.members_error = -EMFILE;
  assert_false(run_rx(MODE_AUTO));
  assert_string_equal(fakes.tried, "native");
  assert_int_equal(job.error, -EMFILE);
}

/* What a bond counts it counts as if its program were attached to the member;
 * at tc, where it does not, that is no reason. */
static void test_counted_for_its_bond(void **state) {
  (void)state;
  device.is_bond_member = true;
  fakes.answers[0][ENTRY_NATIVE].create = -EALREADY;
  fakes.answers[0][ENTRY_GENERIC].create = -EALREADY;
  assert_true(run_rx(MODE_AUTO));
  assert_at_tc("native tc-rx");
  assert_first(ENTRY_NATIVE, -EEXIST);
  settings.busy = BUSY_SKIP;
  assert_false(run_rx(MODE_GENERIC));
  assert_int_equal(job.error, -EBUSY);
  fakes.answers[0][ENTRY_TC_RX].create = -EALREADY;
  assert_false(run_rx(MODE_TC));
  assert_int_equal(job.error, -EALREADY);
  assert_false(job.is_busy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_the_best_place_of_each_mode),
      TEST(test_auto_goes_on_to_the_last),
      TEST(test_another_mode_stays_in_its_place),
      TEST(test_tx_has_one_place),
      TEST(test_the_steps_of_a_fallback),
      TEST(test_how_it_is_attached),
      TEST(test_errors_of_native),
      TEST(test_errors_of_tc),
      TEST(test_nothing_was_refused),
      TEST(test_the_refusal_that_counts),
      TEST(test_busy_is_counted_at_tc),
      TEST(test_busy_in_the_second_place),
      TEST(test_busy_and_no_tc),
      TEST(test_busy_is_skipped),
      TEST(test_tc_is_never_busy),
      TEST(test_a_batch_of_one_round),
      TEST(test_a_batch_of_several_rounds),
      TEST(test_a_batch_with_gaps),
      TEST(test_both_directions),
      TEST(test_no_jobs),
      TEST(test_publishing_fails),
      TEST(test_no_memory_to_publish),
      TEST(test_no_memory),
      TEST(test_stopped_before),
      TEST(test_stopped_meanwhile),
      TEST(test_stopped_between_rounds),
      TEST(test_members_of_a_bond),
      TEST(test_members_elsewhere),
      TEST(test_members_counted_for_themselves),
      TEST(test_member_that_cannot_be_added),
      TEST(test_members_that_cannot_be_told),
      TEST(test_counted_for_its_bond),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
