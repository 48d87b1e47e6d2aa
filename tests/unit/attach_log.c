// SPDX-License-Identifier: MIT

/* What operators are told of a job, word by word. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/attach_fakes.h"

/* --- what is told of one that is counted -----------------------------------*/

static void test_where_it_is_counted(void **state) {
  (void)state;
  keep_quiet();
  assert_true(tell_rx(MODE_AUTO));
  assert_string_equal(fakes.logged,
                      "6 interface \"eth0\": rx is counted in the "
                      "driver (native XDP), by Mode \"auto\"\n");
  assert_true(tell_rx(MODE_NATIVE));
  assert_string_equal(fakes.logged,
                      "6 interface \"eth0\": rx is counted in the "
                      "driver (native XDP), by Mode \"native\"\n");
  assert_true(tell_rx(MODE_GENERIC));
  assert_string_equal(fakes.logged,
                      "5 interface \"eth0\": rx is counted on the skb (generic "
                      "XDP), where a GSO or GRO super-frame counts as one "
                      "frame, by Mode \"generic\"\n");
  assert_true(tell_rx(MODE_TC));
  assert_string_equal(fakes.logged, "6 interface \"eth0\": rx is counted at tc "
                                    "ingress (tcx), by Mode \"tc\"\n");
}

/* The driver has it: no refusal to speak of. */
static void test_frames_of_several_buffers(void **state) {
  (void)state;
  keep_quiet();
  device.mtu = 9000;
  refuse(ENTRY_NATIVE, -EINVAL);
  assert_true(tell_rx(MODE_AUTO));
  assert_string_equal(fakes.logged,
                      "6 interface \"eth0\": rx is counted in the driver "
                      "(native XDP, frames of several buffers), by Mode "
                      "\"auto\"\n");
  assert_true(tell_rx(MODE_NATIVE));
  assert_string_equal(fakes.logged,
                      "6 interface \"eth0\": rx is counted in the driver "
                      "(native XDP, frames of several buffers), by Mode "
                      "\"native\"\n");
}

static void test_filters(void **state) {
  (void)state;
  fakes.answers[0][ENTRY_TC_RX].attachment = ATTACHED_BY_FILTER;
  assert_true(tell_rx(MODE_TC));
  assert_string_equal(fakes.logged,
                      "6 interface \"eth0\": rx is counted at tc ingress "
                      "(clsact: the kernel has no tcx), by Mode \"tc\"\n");
  fakes.answers[0][ENTRY_TC_RX].attachment = ATTACHED_BEHIND;
  assert_true(tell_rx(MODE_TC));
  assert_string_equal(
      fakes.logged,
      "5 interface \"eth0\": rx is counted at tc ingress "
      "(clsact: the kernel has no tcx) behind another filter: "
      "what that one drops or keeps is not counted, by Mode \"tc\"\n");
}

static void test_tx(void **state) {
  (void)state;
  assert_true(tell_tx(MODE_AUTO));
  assert_string_equal(fakes.logged, "6 interface \"eth0\": tx is counted at tc "
                                    "egress (tcx), as in every Mode\n");
  fakes.answers[0][ENTRY_TC_TX].attachment = ATTACHED_BY_FILTER;
  assert_true(tell_tx(MODE_GENERIC));
  assert_string_equal(fakes.logged,
                      "6 interface \"eth0\": tx is counted at tc egress "
                      "(clsact: the kernel has no tcx), as in every Mode\n");
  fakes.answers[0][ENTRY_TC_TX].attachment = ATTACHED_BEHIND;
  assert_true(tell_tx(MODE_TC));
  assert_string_equal(
      fakes.logged,
      "5 interface \"eth0\": tx is counted at tc egress "
      "(clsact: the kernel has no tcx) behind another filter: "
      "what that one drops or keeps is not counted, as in every Mode\n");
}

#define SINCE "since native XDP is refused: "
#define AT_TC "6 interface \"eth0\": rx is counted at tc ingress (tcx), " SINCE

static void test_why_auto_is_not_native(void **state) {
  (void)state;
  refuse_native(-EOPNOTSUPP);
  assert_true(tell_rx(MODE_AUTO));
  assert_string_equal(fakes.logged, AT_TC "its driver has no XDP\n");
  device.mtu = 9000;
  assert_true(tell_rx(MODE_AUTO));
  assert_string_equal(fakes.logged, AT_TC
                      "its driver has no XDP, or none with an MTU of 9000\n");
  refuse_native(-ENOSPC);
  assert_true(tell_rx(MODE_AUTO));
  assert_string_equal(fakes.logged,
                      AT_TC "it has too few queues for XDP (to have "
                            "it, add some (ethtool -L eth0))\n");
}

#define NOT_ONE_BUFFER                                                         \
  "its driver refuses the program, as it does where a frame (MTU 9000) does "  \
  "not fit into one buffer"

/* The program for several buffers may be refused, or not loaded, for a reason
 * of its own. */
static void test_the_first_refusal_is_told(void **state) {
  (void)state;
  device.mtu = 9000;
  refuse(ENTRY_NATIVE, -ERANGE);
  fakes.answers[0][ENTRY_NATIVE_FRAGS].create = -EOPNOTSUPP;
  assert_true(tell_rx(MODE_AUTO));
  assert_string_equal(fakes.logged,
                      AT_TC NOT_ONE_BUFFER " (to have it, lower the MTU)\n");
}

static void test_auto_behind_a_filter(void **state) {
  (void)state;
  refuse_native(-EOPNOTSUPP);
  fakes.answers[0][ENTRY_TC_RX].attachment = ATTACHED_BEHIND;
  assert_true(tell_rx(MODE_AUTO));
  assert_string_equal(fakes.logged,
                      "5 interface \"eth0\": rx is counted at tc ingress "
                      "(clsact: the kernel has no tcx) behind another filter: "
                      "what that one drops or keeps is not counted, " SINCE
                      "its driver has no XDP\n");
}

static void test_auto_on_the_skb(void **state) {
  (void)state;
  refuse_native(-EOPNOTSUPP);
  refuse(ENTRY_TC_RX, -EINVAL);
  device.merges = true;
  assert_true(tell_rx(MODE_AUTO));
  assert_string_equal(
      fakes.logged,
      "5 interface \"eth0\": rx is counted on the skb (generic "
      "XDP), where a GSO or GRO super-frame counts as one "
      "frame, " SINCE "its driver has no XDP, or none while large receive "
      "offload is on (to have it, turn it off (ethtool -K eth0 lro off))\n");
}

/* --- what is told of one that is not counted -------------------------------*/

#define NOT_COUNTED "3 interface \"eth0\": rx is not counted: "
#define USE_AUTO "use Mode \"auto\"\n"

static void test_no_native_xdp(void **state) {
  (void)state;
  refuse_native(-EOPNOTSUPP);
  assert_false(tell_rx(MODE_NATIVE));
  assert_string_equal(fakes.logged,
                      NOT_COUNTED "its driver has no XDP; " USE_AUTO);
  device.mtu = 1501;
  assert_false(tell_rx(MODE_NATIVE));
  assert_string_equal(
      fakes.logged, NOT_COUNTED
      "its driver has no XDP, or none with an MTU of 1501; " USE_AUTO);
  device.merges = true;
  assert_false(tell_rx(MODE_NATIVE));
  assert_string_equal(
      fakes.logged, NOT_COUNTED
      "its driver has no XDP, or none while large receive "
      "offload is on; turn it off (ethtool -K eth0 lro off), or " USE_AUTO);
}

static void test_native_xdp_refused(void **state) {
  static const int errors[] = {EINVAL, ERANGE};

  (void)state;
  device.mtu = 9000;
  for (size_t i = 0; i < COUNT_OF(errors); i++) {
    refuse_native(-errors[i]);
    assert_false(tell_rx(MODE_NATIVE));
    assert_string_equal(fakes.logged, NOT_COUNTED NOT_ONE_BUFFER
                        "; lower the MTU, or " USE_AUTO);
  }
}

/* As in Mode "auto", where it has another place. */
static void test_the_first_refusal_is_why(void **state) {
  (void)state;
  device.mtu = 9000;
  refuse(ENTRY_NATIVE, -EINVAL);
  fakes.answers[0][ENTRY_NATIVE_FRAGS].create = -EOPNOTSUPP;
  assert_false(tell_rx(MODE_NATIVE));
  assert_string_equal(fakes.logged, NOT_COUNTED NOT_ONE_BUFFER
                      "; lower the MTU, or " USE_AUTO);
  fakes.answers[0][ENTRY_NATIVE_FRAGS].create = -EPERM;
  assert_false(tell_rx(MODE_NATIVE));
  assert_string_equal(fakes.logged, NOT_COUNTED
                      "CAP_NET_ADMIN or CAP_BPF is missing; grant it to "
                      "collectd\n");
}

/* Large receive offload does not take queues. */
static void test_too_few_queues(void **state) {
  (void)state;
  device.merges = true;
  refuse_native(-ENOSPC);
  assert_false(tell_rx(MODE_NATIVE));
  assert_string_equal(fakes.logged, NOT_COUNTED
                      "it has too few queues for XDP; add some (ethtool -L "
                      "eth0), or " USE_AUTO);
}

static void test_bond_refused(void **state) {
  (void)state;
  make_device("bond", "bonding");
  device.merges = true;
  refuse_native(-EOPNOTSUPP);
  assert_false(tell_rx(MODE_NATIVE));
  assert_string_equal(fakes.logged, NOT_COUNTED
                      "a driver of its members has no XDP, or one of them "
                      "has a program already; " USE_AUTO);
}

#define NO_XDP_AT_ALL "the device takes no XDP program"

static void test_generic_xdp_refused(void **state) {
  (void)state;
  refuse(ENTRY_GENERIC, -EINVAL);
  assert_false(tell_rx(MODE_GENERIC));
  assert_string_equal(fakes.logged, NOT_COUNTED NO_XDP_AT_ALL "; " USE_AUTO);
}

/* There is nothing left to advise. */
static void test_all_of_auto_refused(void **state) {
  (void)state;
  refuse_native(-EOPNOTSUPP);
  refuse(ENTRY_TC_RX, -EINVAL);
  refuse(ENTRY_GENERIC, -EOPNOTSUPP);
  assert_false(tell_rx(MODE_AUTO));
  assert_string_equal(fakes.logged, NOT_COUNTED NO_XDP_AT_ALL "\n");
}

#define SHARED                                                                 \
  "its clsact qdisc shares its filters with other interfaces; make the qdisc " \
  "without ingress_block and egress_block"
#define NEITHER(error)                                                         \
  "the kernel has neither tcx nor filters of BPF (" error                      \
  "); boot one with CONFIG_NET_CLS_BPF and CONFIG_NET_SCH_INGRESS"

static void test_tc_refused(void **state) {
  (void)state;
  refuse(ENTRY_TC_RX, -EOPNOTSUPP);
  assert_false(tell_rx(MODE_TC));
  assert_string_equal(fakes.logged, NOT_COUNTED SHARED ", or " USE_AUTO);
  refuse(ENTRY_TC_RX, -ENOENT);
  assert_false(tell_rx(MODE_TC));
  assert_string_equal(
      fakes.logged,
      NOT_COUNTED NEITHER("No such file or directory") ", or " USE_AUTO);
}

#define TX_NOT_COUNTED "interface \"fifteen-octets.\": tx is not counted: "

/* No Mode has another place for what is sent. */
static void test_tx_refused(void **state) {
  static const struct {
    int error;
    const char *line;
  } refusals[] = {
      {EOPNOTSUPP, "3 " TX_NOT_COUNTED SHARED "\n"},
      {EINVAL, "3 " TX_NOT_COUNTED NEITHER("Invalid argument") "\n"},
      {EADDRINUSE,
       "3 " TX_NOT_COUNTED
       "its ingress qdisc keeps clsact out, and has no egress; replace it (tc "
       "qdisc delete dev fifteen-octets. ingress; tc qdisc add dev "
       "fifteen-octets. clsact)\n"},
  };

  (void)state;
  card_name = "fifteen-octets.";
  for (size_t i = 0; i < COUNT_OF(refusals); i++) {
    refuse(ENTRY_TC_TX, -refusals[i].error);
    assert_false(tell_tx(MODE_TC));
    assert_string_equal(fakes.logged, refusals[i].line);
  }
}

#define RAISE_FILES                                                            \
  "out of file descriptors; raise LimitNOFILE= of collectd's systemd unit"

/* Cause and remedy, the same in every Mode. */
static const struct {
  int error;
  const char *words;
} common_words[] = {
    {ENODEV, "there is no such interface"},
    {EALREADY, "it is counted for its bond"},
    {EPERM, "CAP_NET_ADMIN or CAP_BPF is missing; grant it to collectd"},
    {EMFILE, RAISE_FILES},
    {ENFILE, RAISE_FILES},
    {E2BIG, "Argument list too long"},
    {EIO, "Input/output error"},
};

static void assert_failure(enum mode mode, enum entry place, int error,
                           const char *words) {
  char expected[512];

  refuse(place, -error);
  assert_false(tell_rx(mode));
  snprintf(expected, sizeof(expected), NOT_COUNTED "%s\n", words);
  assert_string_equal(fakes.logged, expected);
}

static void test_what_is_wrong_anywhere(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(common_words); i++) {
    int error = common_words[i].error;
    const char *words = common_words[i].words;
    assert_failure(MODE_AUTO, ENTRY_NATIVE, error, words);
    assert_failure(MODE_NATIVE, ENTRY_NATIVE, error, words);
    assert_failure(MODE_GENERIC, ENTRY_GENERIC, error, words);
    assert_failure(MODE_TC, ENTRY_TC_RX, error, words);
  }
}

/* Of a driver it is one of queues; of the next place it is what it says. */
static void test_no_memory(void **state) {
  static const char words[] =
      "no memory for its counters; raise the limit of collectd's control group";

  (void)state;
  assert_failure(MODE_GENERIC, ENTRY_GENERIC, ENOMEM, words);
  assert_failure(MODE_TC, ENTRY_TC_RX, ENOMEM, words);
  refuse_native(-ENOMEM);
  assert_failure(MODE_AUTO, ENTRY_TC_RX, ENOMEM, words);
  assert_failure(MODE_NATIVE, ENTRY_NATIVE, ENOMEM,
                 "it has too few queues for XDP on each CPU, or no memory; "
                 "use Mode \"auto\"");
}

/* It is not a program of XDP that is in the way. */
static void test_tc_is_busy(void **state) {
  (void)state;
  assert_failure(MODE_TC, ENTRY_TC_RX, EBUSY, "Device or resource busy");
  assert_failure(MODE_TC, ENTRY_TC_RX, EEXIST, "File exists");
}

/* The error that stopped it, not the refusal that came before. */
static void test_the_last_error_is_told(void **state) {
  (void)state;
  refuse_native(-EOPNOTSUPP);
  assert_failure(MODE_AUTO, ENTRY_TC_RX, EPERM,
                 "CAP_NET_ADMIN or CAP_BPF is missing; grant it to collectd");
}

static void assert_explained(const char *expected) {
  char why[ATTACH_WHY_MAX];

  attach_explain(&job, why, sizeof(why));
  assert_string_equal(why, expected);
}

/* The same for those who do not read the log. */
static void test_refusals_for_others(void **state) {
  (void)state;
  device.mtu = 9000;
  refuse(ENTRY_NATIVE, -EINVAL);
  refuse(ENTRY_NATIVE_FRAGS, -EOPNOTSUPP);
  assert_false(run_rx(MODE_NATIVE));
  assert_explained(NOT_ONE_BUFFER "; lower the MTU, or use Mode \"auto\"");
  refuse(ENTRY_TC_RX, -EPERM);
  assert_false(run_rx(MODE_AUTO));
  assert_explained("CAP_NET_ADMIN or CAP_BPF is missing; grant it to collectd");
}

/* --- beside another XDP program --------------------------------------------*/

#define AS_LONG_AS                                                             \
  " as long as another XDP program is attached: what that one drops or "       \
  "redirects is not seen\n"
#define BEHIND_XDP                                                             \
  "4 interface \"eth0\": rx is counted at tc ingress (tcx)" AS_LONG_AS

static void test_busy(void **state) {
  (void)state;
  settings.busy = BUSY_TC;
  refuse(ENTRY_NATIVE, -EBUSY);
  refuse(ENTRY_GENERIC, -EEXIST);
  assert_true(tell_rx(MODE_AUTO));
  assert_string_equal(fakes.logged, BEHIND_XDP);
  assert_true(tell_rx(MODE_GENERIC));
  assert_string_equal(fakes.logged, BEHIND_XDP);
  assert_true(tell_rx(MODE_NATIVE));
  assert_string_equal(fakes.logged, BEHIND_XDP);
  fakes.answers[0][ENTRY_TC_RX].attachment = ATTACHED_BY_FILTER;
  assert_true(tell_rx(MODE_NATIVE));
  assert_string_equal(fakes.logged,
                      "4 interface \"eth0\": rx is counted at tc ingress "
                      "(clsact: the kernel has no tcx)" AS_LONG_AS);
}

/* As the configuration has it: no failure. */
static void test_busy_is_skipped(void **state) {
  static const char line[] =
      "4 interface \"eth0\": rx is not counted as long as another XDP program "
      "is attached (Busy \"skip\")\n";

  (void)state;
  settings.busy = BUSY_SKIP;
  refuse(ENTRY_NATIVE, -EBUSY);
  refuse(ENTRY_GENERIC, -EEXIST);
  assert_false(tell_rx(MODE_AUTO));
  assert_string_equal(fakes.logged, line);
  assert_explained("another XDP program is attached");
  assert_false(tell_rx(MODE_GENERIC));
  assert_string_equal(fakes.logged, line);
  assert_explained("another XDP program is attached");
}

/* What Busy says is no matter where nobody is. */
static void test_nothing_to_skip(void **state) {
  (void)state;
  settings.busy = BUSY_SKIP;
  assert_failure(MODE_NATIVE, ENTRY_NATIVE, EPERM,
                 "CAP_NET_ADMIN or CAP_BPF is missing; grant it to collectd");
  assert_failure(MODE_TC, ENTRY_TC_RX, EBUSY, "Device or resource busy");
  refuse(ENTRY_TC_RX, 0);
  assert_true(tell_rx(MODE_TC));
  assert_string_equal(fakes.logged, "6 interface \"eth0\": rx is counted at tc "
                                    "ingress (tcx), by Mode \"tc\"\n");
}

/* Mode "auto" would find the same program there. */
static void test_busy_and_no_tc(void **state) {
  (void)state;
  refuse(ENTRY_NATIVE, -EBUSY);
  refuse(ENTRY_TC_RX, -ENOENT);
  assert_false(tell_rx(MODE_NATIVE));
  assert_string_equal(fakes.logged,
                      NOT_COUNTED NEITHER("No such file or directory") "\n");
}

/* --- of one that is counted already ----------------------------------------*/

static void test_it_becomes_busy(void **state) {
  (void)state;
  settings.busy = BUSY_TC;
  refuse(ENTRY_NATIVE, -EEXIST);
  assert_false(tell_again(MODE_AUTO, ENTRY_TC_RX));
  assert_string_equal(fakes.logged, BEHIND_XDP);
}

static void test_it_is_kept(void **state) {
  (void)state;
  refuse_native(-EOPNOTSUPP);
  assert_false(tell_again(MODE_AUTO, ENTRY_TC_RX));
  assert_string_equal(fakes.logged, AT_TC "its driver has no XDP\n");
  refuse_native(-EMFILE);
  assert_false(tell_again(MODE_AUTO, ENTRY_TC_RX));
  assert_string_equal(fakes.logged,
                      AT_TC "out of file descriptors (to have it, raise "
                            "LimitNOFILE= of collectd's systemd unit)\n");
}

/* ... or not: it is told as if it had not been counted. */
static void test_it_ends(void **state) {
  (void)state;
  refuse_native(-EOPNOTSUPP);
  assert_false(tell_again(MODE_NATIVE, ENTRY_TC_RX));
  assert_string_equal(fakes.logged,
                      NOT_COUNTED "its driver has no XDP; use Mode \"auto\"\n");
  settings.busy = BUSY_SKIP;
  refuse(ENTRY_NATIVE, -EBUSY);
  assert_false(tell_again(MODE_AUTO, ENTRY_TC_RX));
  assert_string_equal(fakes.logged,
                      "4 interface \"eth0\": rx is not counted as long as "
                      "another XDP program is attached (Busy \"skip\")\n");
}

/* --- users' counters -------------------------------------------------------*/

/* A line for each, with what it is called; nothing of those that can. */
static void test_counters_that_are_not_available(void **state) {
  static struct counters counters;
  struct counter_place place = {LINK_ETHERNET, ENTRY_NATIVE, true};
  char why[256];
  unsigned index;

  (void)state;
  counters_add(&counters, "dns", "udp port 53", &index, why, sizeof(why));
  counters_add(&counters, "guests", "vlan 100", &index, why, sizeof(why));
  counters_add(&counters, "arp", "arp", &index, why, sizeof(why));
  assert_int_equal(counters.count, 3);

  job = (struct attach_job){.name = "eth0", .direction = DIRECTION_RX};
  attach_log_counters(&job, &counters, 0, &place);
  assert_string_equal(fakes.logged, "");
  attach_log_counters(&job, &counters, 0x2, &place);
  assert_string_equal(fakes.logged,
                      "5 interface \"eth0\": counter \"guests\" is not "
                      "available for rx: VLAN tags are taken off before XDP; "
                      "use Mode \"tc\"\n");

  fakes.logged[0] = '\0';
  place = (struct counter_place){LINK_OTHER, ENTRY_TC_TX, false};
  job.name = "can0";
  job.direction = DIRECTION_TX;
  attach_log_counters(&job, &counters, 0x5, &place);
  assert_string_equal(
      fakes.logged,
      "5 interface \"can0\": counter \"dns\" is not available for tx: its "
      "frames begin neither with Ethernet nor with IP\n"
      "5 interface \"can0\": counter \"arp\" is not available for tx: its "
      "frames begin neither with Ethernet nor with IP\n");
  counters_clear(&counters);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_where_it_is_counted),
      TEST(test_frames_of_several_buffers),
      TEST(test_filters),
      TEST(test_tx),
      TEST(test_why_auto_is_not_native),
      TEST(test_the_first_refusal_is_told),
      TEST(test_auto_behind_a_filter),
      TEST(test_auto_on_the_skb),
      TEST(test_no_native_xdp),
      TEST(test_native_xdp_refused),
      TEST(test_the_first_refusal_is_why),
      TEST(test_too_few_queues),
      TEST(test_bond_refused),
      TEST(test_generic_xdp_refused),
      TEST(test_all_of_auto_refused),
      TEST(test_tc_refused),
      TEST(test_tx_refused),
      TEST(test_what_is_wrong_anywhere),
      TEST(test_no_memory),
      TEST(test_tc_is_busy),
      TEST(test_the_last_error_is_told),
      TEST(test_refusals_for_others),
      TEST(test_busy),
      TEST(test_busy_is_skipped),
      TEST(test_nothing_to_skip),
      TEST(test_busy_and_no_tc),
      TEST(test_it_becomes_busy),
      TEST(test_it_is_kept),
      TEST(test_it_ends),
      TEST(test_counters_that_are_not_available),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
