// SPDX-License-Identifier: MIT

/* Jobs beside somebody else's XDP program, which is observed where it can be,
 * and what is told of that. */
#include <errno.h>
#include <string.h>

#include "tests/unit/attach_fakes.h"

enum { PROGRAM = 42, NEXT_PROGRAM = 43 };

static const enum mode xdp_modes[] = {MODE_AUTO, MODE_NATIVE, MODE_GENERIC};

/* --- which place is tried --------------------------------------------------*/

static void assert_at(enum entry entry, const char *tried) {
  assert_string_equal(fakes.tried, tried);
  assert_int_equal(job.entry, entry);
  assert_int_equal(job.error, 0);
  assert_true(job.is_busy);
}

static void occupy_knowingly(__u32 program) {
  occupy(program, false);
  fakes.is_program_known = true;
}

static void assert_observed(__u32 program, const char *tried) {
  assert_at(ENTRY_OBSERVE, tried);
  assert_int_equal(job.xdp.program, program);
  assert_int_equal(job.observe_error, 0);
  assert_int_equal(fakes.xdp_queries, 1);
}

/* There is no need to try XDP, which may reset a card. */
static void test_a_known_program(void **state) {
  (void)state;
  occupy_knowingly(PROGRAM);
  for (size_t i = 0; i < COUNT_OF(xdp_modes); i++) {
    assert_true(run_rx(xdp_modes[i]));
    assert_observed(PROGRAM, "observe");
    assert_string_equal(fakes.happened, "publish 7\nattach 7 observe\n");
  }
  assert_true(run_rx(MODE_AUTO));
  assert_first(ENTRY_NATIVE, 0);
}

static void test_an_unknown_program(void **state) {
  static const char *const tried[] = {"native observe", "native observe",
                                      "generic observe"};

  (void)state;
  occupy(PROGRAM, false);
  for (size_t i = 0; i < COUNT_OF(xdp_modes); i++) {
    assert_true(run_rx(xdp_modes[i]));
    assert_observed(PROGRAM, tried[i]);
  }
  refuse(ENTRY_NATIVE, -EEXIST);
  assert_true(run_rx(MODE_AUTO));
  assert_observed(PROGRAM, "native observe");
  refuse(ENTRY_NATIVE, -EOPNOTSUPP);
  assert_true(run_rx(MODE_AUTO));
  assert_observed(PROGRAM, "native frags observe");
}

static void test_nobody_is_asked_for_nothing(void **state) {
  (void)state;
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(fakes.tried, "native");
  assert_int_equal(fakes.xdp_queries, 0);
}

/* ... by the time that it is looked at. */
static void test_a_known_program_that_has_gone(void **state) {
  (void)state;
  fakes.is_program_known = true;
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(fakes.tried, "native");
  assert_int_equal(fakes.xdp_queries, 1);
  assert_false(job.is_busy);
}

static void test_what_xdp_is_no_matter_to(void **state) {
  (void)state;
  occupy_knowingly(PROGRAM);
  assert_true(run_rx(MODE_TC));
  assert_string_equal(fakes.tried, "tc-rx");
  assert_false(job.is_busy);
  assert_int_equal(fakes.xdp_queries, 0);
  assert_true(run_tx(MODE_AUTO));
  assert_string_equal(fakes.tried, "tc-tx");
  assert_false(job.is_busy);
  assert_int_equal(fakes.xdp_queries, 0);
}

static void test_busy_tc(void **state) {
  (void)state;
  settings.busy = BUSY_TC;
  occupy(PROGRAM, false);
  assert_true(run_rx(MODE_AUTO));
  assert_at(ENTRY_TC_RX, "native tc-rx");
  fakes.is_program_known = true;
  for (size_t i = 0; i < COUNT_OF(xdp_modes); i++) {
    assert_true(run_rx(xdp_modes[i]));
    assert_at(ENTRY_TC_RX, "tc-rx");
    assert_int_equal(job.observe_error, 0);
  }
}

/* At what the mode would have liked best, known or not: that it is known makes
 * no news of it. */
static void test_busy_skip(void **state) {
  static const enum entry first[] = {ENTRY_NATIVE, ENTRY_NATIVE, ENTRY_GENERIC};

  (void)state;
  settings.busy = BUSY_SKIP;
  occupy(PROGRAM, false);
  for (size_t i = 0; i < 2 * COUNT_OF(xdp_modes); i++) {
    fakes.is_program_known = i % 2;
    assert_false(run_rx(xdp_modes[i / 2]));
    assert_int_equal(job.error, -EBUSY);
    assert_int_equal(job.entry, first[i / 2]);
    assert_true(job.is_busy);
  }
  assert_string_equal(fakes.tried, "");
  fakes.is_program_known = false;
  refuse(ENTRY_NATIVE, -EOPNOTSUPP);
  assert_false(run_rx(MODE_AUTO));
  assert_string_equal(fakes.tried, "native frags");
  assert_int_equal(job.entry, ENTRY_NATIVE);
}

/* --- where it cannot be observed -------------------------------------------*/

static const int observe_errors[] = {EPERM,  EOPNOTSUPP, ENOSYS, ENODATA,
                                     EINVAL, ENOENT,     ENOMEM, EMFILE};

static void test_behind_it_instead(void **state) {
  (void)state;
  occupy_knowingly(PROGRAM);
  for (size_t i = 0; i < 2 * COUNT_OF(observe_errors); i++) {
    int error = -observe_errors[i / 2];
    fakes.answers[0][ENTRY_OBSERVE] = i % 2 ? (struct answer){.create = error}
                                            : (struct answer){.attach = error};
    assert_true(run_rx(xdp_modes[i % 3]));
    assert_at(ENTRY_TC_RX, "observe tc-rx");
    assert_int_equal(job.observe_error, error);
    assert_int_equal(job.xdp.program, PROGRAM);
  }
}

/* No frame is counted twice. */
static void test_the_steps_of_a_fallback(void **state) {
  (void)state;
  occupy_knowingly(PROGRAM);
  refuse(ENTRY_OBSERVE, -EINVAL);
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(fakes.happened, "publish 7\n"
                                      "attach 7 observe\n"
                                      "unpublish 7\n"
                                      "publish 7\n"
                                      "attach 7 tc-rx\n");
}

static void test_neither_beside_nor_behind_it(void **state) {
  (void)state;
  occupy_knowingly(PROGRAM);
  refuse(ENTRY_OBSERVE, -EPERM);
  refuse(ENTRY_TC_RX, -EINVAL);
  assert_false(run_rx(MODE_AUTO));
  assert_string_equal(fakes.tried, "observe tc-rx");
  assert_int_equal(job.error, -EINVAL);
  assert_int_equal(job.observe_error, -EPERM);
  assert_true(job.is_busy);
}

/* As those of bonds, where their members are asked for. */
static void test_a_program_without_an_id(void **state) {
  (void)state;
  occupy(0, false);
  assert_true(run_rx(MODE_AUTO));
  assert_at(ENTRY_TC_RX, "native tc-rx");
  assert_int_equal(job.observe_error, -ENOENT);
  assert_int_equal(job.xdp.program, 0);
}

static void test_a_program_that_cannot_be_asked_for(void **state) {
  (void)state;
  occupy_knowingly(PROGRAM);
  fakes.xdp_error = -EMFILE;
  assert_true(run_rx(MODE_AUTO));
  assert_at(ENTRY_TC_RX, "native tc-rx");
  assert_int_equal(job.observe_error, -ENOENT);
}

/* --- bonds -----------------------------------------------------------------*/

/* The port is sealed or not, which is asserted where it is attached. */
static void test_members_of_a_bond(void **state) {
  (void)state;
  make_device("bond", "bonding");
  occupy(PROGRAM, false);
  assert_true(run_rx(MODE_AUTO));
  assert_observed(PROGRAM, "native observe");
  fakes.is_program_known = true;
  assert_true(run_rx(MODE_AUTO));
  assert_observed(PROGRAM, "observe");
  assert_string_equal(fakes.added, "11 12");
}

/* What a generic program sees are the bond's own frames. */
static void test_a_generic_program_of_a_bond(void **state) {
  (void)state;
  make_device("bond", "bonding");
  occupy(PROGRAM, true);
  fakes.is_program_known = true;
  assert_true(run_rx(MODE_AUTO));
  assert_observed(PROGRAM, "observe");
  assert_string_equal(fakes.added, "");
}

static void test_what_is_no_bond_has_no_members(void **state) {
  (void)state;
  make_device("bridge", "bridge");
  occupy_knowingly(PROGRAM);
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(fakes.added, "");
}

/* --- several at once -------------------------------------------------------*/

static void test_one_program_of_two_cards(void **state) {
  struct device other = device;
  struct attach_job jobs[] = {
      {.name = "eth0", .device = &device, .settings = &settings},
      {.name = "eth1", .device = &other, .settings = &settings},
  };

  (void)state;
  other.ifindex = IFINDEX + 1;
  occupy(PROGRAM, false);
  fakes.xdp[1] = fakes.xdp[0];
  jobs[0].may_be_busy = jobs[1].may_be_busy = true;
  run_jobs(jobs, 2);
  assert_string_equal(fakes.happened, "publish 7 8\n"
                                      "attach 7 observe\n"
                                      "attach 8 observe\n");
  take_back(jobs, 2);
}

/* --- of one that is counted already ----------------------------------------*/

static void test_it_goes_on(void **state) {
  (void)state;
  occupy_knowingly(PROGRAM);
  for (size_t i = 0; i < COUNT_OF(xdp_modes); i++) {
    assert_stays(xdp_modes[i], ENTRY_OBSERVE, "");
    assert_true(job.is_busy);
    assert_int_equal(job.observe_error, 0);
  }
}

/* Whether it is still there nobody knows. */
static void test_it_cannot_be_asked_for(void **state) {
  (void)state;
  occupy_knowingly(PROGRAM);
  fakes.xdp_error = -EMFILE;
  assert_stays(MODE_AUTO, ENTRY_OBSERVE, "");
  assert_true(job.is_busy);
  settings.busy = BUSY_SKIP;
  assert_false(run_again(MODE_AUTO, ENTRY_OBSERVE));
  assert_int_equal(job.error, -EBUSY);
}

static void test_it_has_gone(void **state) {
  static const enum entry best[] = {ENTRY_NATIVE, ENTRY_NATIVE, ENTRY_GENERIC};

  (void)state;
  for (size_t i = 0; i < 2 * COUNT_OF(xdp_modes); i++) {
    fakes.is_program_known = i % 2;
    assert_true(run_again(xdp_modes[i / 2], ENTRY_OBSERVE));
    assert_int_equal(job.entry, best[i / 2]);
    assert_false(job.is_busy);
  }
}

static void test_it_has_gone_and_native_is_refused(void **state) {
  (void)state;
  refuse_native(-EOPNOTSUPP);
  assert_true(run_again(MODE_AUTO, ENTRY_OBSERVE));
  assert_string_equal(fakes.tried, "native frags tc-rx");
  assert_int_equal(job.entry, ENTRY_TC_RX);
  assert_first(ENTRY_NATIVE, -EOPNOTSUPP);
  assert_false(job.is_busy);
  assert_false(run_again(MODE_NATIVE, ENTRY_OBSERVE));
  assert_string_equal(fakes.tried, "native frags");
  assert_int_equal(job.error, -EOPNOTSUPP);
}

/* What has gone is not observed, whatever the error is. */
static void test_it_has_gone_and_there_is_an_error(void **state) {
  (void)state;
  refuse(ENTRY_NATIVE, -EMFILE);
  assert_false(run_again(MODE_AUTO, ENTRY_OBSERVE));
  assert_string_equal(fakes.tried, "native");
  assert_int_equal(job.error, -EMFILE);
}

/* Another one was quicker: that is followed when it is looked at. */
static void test_it_has_gone_and_another_one_comes(void **state) {
  (void)state;
  occupy(NEXT_PROGRAM, false);
  assert_stays(MODE_AUTO, ENTRY_OBSERVE, "native");
  assert_true(job.is_busy);
  assert_int_equal(job.xdp.program, NEXT_PROGRAM);
}

static void test_one_comes_where_it_is_at_tc(void **state) {
  (void)state;
  occupy_knowingly(PROGRAM);
  for (size_t i = 0; i < COUNT_OF(xdp_modes); i++) {
    assert_true(run_again(xdp_modes[i], ENTRY_TC_RX));
    assert_observed(PROGRAM, "observe");
  }
  assert_stays(MODE_TC, ENTRY_TC_RX, "");
  assert_int_equal(fakes.xdp_queries, 0);
  refuse(ENTRY_OBSERVE, -ENODATA);
  assert_stays(MODE_AUTO, ENTRY_TC_RX, "observe");
  assert_true(job.is_busy);
  assert_int_equal(job.observe_error, -ENODATA);
}

/* An interface has one XDP program. */
static void test_our_own_program(void **state) {
  (void)state;
  occupy_knowingly(PROGRAM);
  refuse(ENTRY_TC_RX, -EINVAL);
  assert_stays(MODE_AUTO, ENTRY_NATIVE, "");
  assert_int_equal(fakes.xdp_queries, 0);
  assert_stays(MODE_AUTO, ENTRY_NATIVE_FRAGS, "");
  assert_int_equal(fakes.xdp_queries, 0);
  assert_stays(MODE_GENERIC, ENTRY_GENERIC, "");
  assert_int_equal(fakes.xdp_queries, 0);
}

static void test_another_way_to_be_busy(void **state) {
  (void)state;
  occupy_knowingly(PROGRAM);
  settings.busy = BUSY_TC;
  assert_true(run_again(MODE_AUTO, ENTRY_OBSERVE));
  assert_at(ENTRY_TC_RX, "tc-rx");
  settings.busy = BUSY_SKIP;
  assert_false(run_again(MODE_AUTO, ENTRY_OBSERVE));
  assert_int_equal(job.error, -EBUSY);
  assert_string_equal(fakes.tried, "");
}

/* --- what is told ----------------------------------------------------------*/

#define OBSERVED                                                               \
  "6 interface \"eth0\": rx is counted as another XDP program sees it (id "    \
  "42), by Busy \"observe\"\n"
#define BEHIND                                                                 \
  "4 interface \"eth0\": rx is counted at tc ingress (tcx) as long as "        \
  "another XDP program is attached: what that one drops or redirects is not "  \
  "seen; it cannot be observed: "

/* Nothing of what native XDP does to a device. */
static void test_told_of_what_is_observed(void **state) {
  (void)state;
  occupy(PROGRAM, false);
  for (size_t i = 0; i < 2 * COUNT_OF(xdp_modes); i++) {
    fakes.is_program_known = i % 2;
    assert_true(tell_rx(xdp_modes[i / 2]));
    assert_string_equal(fakes.logged, OBSERVED);
  }
}

static void test_why_it_is_not_observed(void **state) {
  static const struct {
    int error;
    const char *line;
  } lines[] = {
      {EPERM, BEHIND "CAP_SYS_ADMIN is missing (grant it to collectd)\n"},
      {EOPNOTSUPP, BEHIND "the kernel has no BTF or no BPF trampolines, or "
                          "forbids them\n"},
      {ENOSYS, BEHIND "on a kernel with PREEMPT_RT one frame may interrupt "
                      "another\n"},
      {ENODATA, BEHIND "that program has no BTF (have it compiled with clang "
                       "-g)\n"},
      {EBUSY, BEHIND "another one extends or watches that program\n"},
      {EAGAIN, BEHIND "a member of it is still counted for itself\n"},
      {ESRCH, BEHIND "the network namespace is not known (mount /proc)\n"},
      {ENOENT, BEHIND "that program could not be found\n"},
      {EINVAL, BEHIND "the kernel refuses to have that program watched\n"},
      {ENOMEM, BEHIND "no memory for its counters (raise the limit of "
                      "collectd's control group)\n"},
      {EMFILE, BEHIND "out of file descriptors (raise LimitNOFILE= of "
                      "collectd's systemd unit)\n"},
  };

  (void)state;
  occupy_knowingly(PROGRAM);
  for (size_t i = 0; i < COUNT_OF(lines); i++) {
    refuse(ENTRY_OBSERVE, -lines[i].error);
    assert_true(tell_rx(xdp_modes[i % 3]));
    assert_string_equal(fakes.logged, lines[i].line);
  }
}

static void test_the_program_of_its_bond(void **state) {
  (void)state;
  device.is_bond_member = true;
  fakes.answers[0][ENTRY_NATIVE].create = -EALREADY;
  assert_true(tell_rx(MODE_AUTO));
  assert_string_equal(fakes.logged, BEHIND "that program is its bond's\n");
  device.is_bond_member = false;
  occupy(0, false);
  fakes.answers[0][ENTRY_NATIVE].create = -EBUSY;
  assert_true(tell_rx(MODE_AUTO));
  assert_string_equal(fakes.logged, BEHIND "that program could not be found\n");
}

/* As operators want it: no reason is wanted. */
static void test_told_of_other_ways_to_be_busy(void **state) {
  (void)state;
  occupy_knowingly(PROGRAM);
  settings.busy = BUSY_TC;
  assert_true(tell_rx(MODE_AUTO));
  assert_string_equal(
      fakes.logged,
      "4 interface \"eth0\": rx is counted at tc ingress (tcx) as long as "
      "another XDP program is attached: what that one drops or redirects is "
      "not seen\n");
  settings.busy = BUSY_SKIP;
  assert_false(tell_rx(MODE_GENERIC));
  assert_string_equal(fakes.logged,
                      "4 interface \"eth0\": rx is not counted as long as "
                      "another XDP program is attached (Busy \"skip\")\n");
}

static void test_told_of_neither(void **state) {
  (void)state;
  occupy_knowingly(PROGRAM);
  refuse(ENTRY_OBSERVE, -ENODATA);
  refuse(ENTRY_TC_RX, -EPERM);
  assert_false(tell_rx(MODE_NATIVE));
  assert_string_equal(fakes.logged,
                      "3 interface \"eth0\": rx is not counted: CAP_NET_ADMIN "
                      "or CAP_BPF is missing; grant it to collectd\n");
}

static void test_told_of_one_that_comes_and_goes(void **state) {
  (void)state;
  occupy_knowingly(PROGRAM);
  assert_true(tell_again(MODE_AUTO, ENTRY_TC_RX));
  assert_string_equal(fakes.logged, OBSERVED);
  vacate();
  keep_quiet();
  assert_true(tell_again(MODE_AUTO, ENTRY_OBSERVE));
  assert_string_equal(fakes.logged,
                      "6 interface \"eth0\": rx is counted in the driver "
                      "(native XDP), by Mode \"auto\"\n");
  refuse_native(-EOPNOTSUPP);
  assert_false(tell_again(MODE_NATIVE, ENTRY_OBSERVE));
  assert_string_equal(fakes.logged,
                      "3 interface \"eth0\": rx is not counted: its driver has "
                      "no XDP; use Mode \"auto\"\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_a_known_program),
      TEST(test_an_unknown_program),
      TEST(test_nobody_is_asked_for_nothing),
      TEST(test_a_known_program_that_has_gone),
      TEST(test_what_xdp_is_no_matter_to),
      TEST(test_busy_tc),
      TEST(test_busy_skip),
      TEST(test_behind_it_instead),
      TEST(test_the_steps_of_a_fallback),
      TEST(test_neither_beside_nor_behind_it),
      TEST(test_a_program_without_an_id),
      TEST(test_a_program_that_cannot_be_asked_for),
      TEST(test_members_of_a_bond),
      TEST(test_a_generic_program_of_a_bond),
      TEST(test_what_is_no_bond_has_no_members),
      TEST(test_one_program_of_two_cards),
      TEST(test_it_goes_on),
      TEST(test_it_cannot_be_asked_for),
      TEST(test_it_has_gone),
      TEST(test_it_has_gone_and_native_is_refused),
      TEST(test_it_has_gone_and_there_is_an_error),
      TEST(test_it_has_gone_and_another_one_comes),
      TEST(test_one_comes_where_it_is_at_tc),
      TEST(test_our_own_program),
      TEST(test_another_way_to_be_busy),
      TEST(test_told_of_what_is_observed),
      TEST(test_why_it_is_not_observed),
      TEST(test_the_program_of_its_bond),
      TEST(test_told_of_other_ways_to_be_busy),
      TEST(test_told_of_neither),
      TEST(test_told_of_one_that_comes_and_goes),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
