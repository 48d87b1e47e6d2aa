// SPDX-License-Identifier: MIT

/* The datapath, the devices and the log are replaced here: each entry refuses,
 * in any step, as a test likes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/attach.h"
#include "plugin/log.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { IFINDEX = 7, MEMBERS = 2 };

/* What an entry answers. */
struct answer {
  int open, attach; /* 0 or -errno */
  enum attachment attachment;
};

static const char *const entry_names[ENTRY_COUNT] = {
    [ENTRY_NATIVE] = "native",   [ENTRY_NATIVE_FRAGS] = "frags",
    [ENTRY_GENERIC] = "generic", [ENTRY_TC_RX] = "tc-rx",
    [ENTRY_TC_TX] = "tc-tx",
};

static struct answer answers[ENTRY_COUNT];
static int members_error, member_error;
static bool has_vlan;

static struct attach attach;
static struct device device;
static enum entry entry; /* of the port that attach_direction() returned */

static char tried[256]; /* the entries that were opened, or refused that */
static char added[64];  /* members, by their ifindex */
static unsigned opened, closed;
static char logged[2048];

struct port {
  enum entry entry;
  bool is_attached;
};

static struct datapath *const the_datapath = (void *)&opened;

void log_write(int severity, const char *format, ...) {
  size_t length = strlen(logged);
  va_list arguments;

  length += sprintf(logged + length, "%d ", severity);
  va_start(arguments, format);
  vsnprintf(logged + length, sizeof(logged) - length, format, arguments);
  va_end(arguments);
  strcat(logged, "\n");
}

bool device_has_vlan(unsigned ifindex) {
  assert_int_equal(ifindex, IFINDEX);
  return has_vlan;
}

int device_visit_members(unsigned ifindex,
                         int (*visit)(void *context, unsigned member),
                         void *context) {
  assert_int_equal(ifindex, IFINDEX);
  for (unsigned i = 0; i < MEMBERS; i++) {
    int error = visit(context, 11 + i);
    if (error)
      return error;
  }
  return members_error;
}

int port_open(struct datapath *datapath, enum entry place, unsigned ifindex,
              enum link link, struct port **ret_port) {
  assert_ptr_equal(datapath, the_datapath);
  assert_int_equal(ifindex, IFINDEX);
  assert_int_equal(link, device.link);
  /* No frame is counted twice. */
  assert_int_equal(opened, closed);
  sprintf(tried + strlen(tried), "%s%s", *tried ? " " : "", entry_names[place]);
  if (answers[place].open)
    return answers[place].open;
  *ret_port = calloc(1, sizeof(struct port));
  (*ret_port)->entry = place;
  opened++;
  return 0;
}

/* From the first frame on they are all to be found. */
int port_add_member(struct port *port, unsigned ifindex) {
  assert_false(port->is_attached);
  sprintf(added + strlen(added), "%s%u", *added ? " " : "", ifindex);
  return member_error;
}

int port_attach(struct port *port, enum attachment *ret_attachment) {
  const struct answer *answer = &answers[port->entry];

  if (answer->attach)
    return answer->attach;
  port->is_attached = true;
  *ret_attachment = answer->attachment;
  return 0;
}

struct port *port_close(struct port *port) {
  closed += port != NULL;
  free(port);
  return NULL;
}

static void forget(void) {
  tried[0] = added[0] = logged[0] = '\0';
  opened = closed = 0;
}

static int set_up(void **state) {
  (void)state;
  memset(answers, 0, sizeof(answers));
  members_error = member_error = 0;
  has_vlan = false;
  attach = (struct attach){.datapath = the_datapath,
                           .groups = GROUP_BIT(GROUP_PROTOCOL)};
  device = (struct device){.ifindex = IFINDEX, .mtu = 1500, .rx_queues = 1};
  forget();
  return 0;
}

/* Leaves what it brings along untold. */
static void keep_quiet(void) {
  memset(attach.told, true, sizeof(attach.told));
  memset(attach.told_mtu, true, sizeof(attach.told_mtu));
}

/* Returns whether it is counted. What was opened is closed but the one port
 * that counts, which is then closed here. */
static bool run_named(enum mode mode, enum direction direction,
                      const char *name) {
  forget();
  attach.mode = mode;
  struct port *port =
      attach_direction(&attach, direction, name, &device, &entry);
  assert_int_equal(opened - closed, port ? 1 : 0);
  if (!port)
    return false;
  assert_true(port->is_attached);
  assert_int_equal(port->entry, entry);
  port_close(port);
  return true;
}

static bool run(enum mode mode, enum direction direction) {
  return run_named(mode, direction, "eth0");
}

static bool run_rx(enum mode mode) { return run(mode, DIRECTION_RX); }

static bool run_tx(enum mode mode) { return run(mode, DIRECTION_TX); }

static void refuse(enum entry place, int error) {
  answers[place].attach = error;
}

static void refuse_native(int error) {
  refuse(ENTRY_NATIVE, error);
  refuse(ENTRY_NATIVE_FRAGS, error);
}

/* --- what is tried, and in which order -------------------------------------*/

static void test_the_best_place_of_each_mode(void **state) {
  (void)state;
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(tried, "native");
  assert_true(run_rx(MODE_NATIVE));
  assert_string_equal(tried, "native");
  assert_true(run_rx(MODE_GENERIC));
  assert_string_equal(tried, "generic");
  assert_true(run_rx(MODE_TC));
  assert_string_equal(tried, "tc-rx");
}

static void test_auto_goes_on_to_the_last(void **state) {
  (void)state;
  refuse(ENTRY_NATIVE, -EOPNOTSUPP);
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(tried, "native frags");
  refuse(ENTRY_NATIVE_FRAGS, -EOPNOTSUPP);
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(tried, "native frags tc-rx");
  refuse(ENTRY_TC_RX, -EINVAL);
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(tried, "native frags tc-rx generic");
  assert_int_equal(entry, ENTRY_GENERIC);
  refuse(ENTRY_GENERIC, -EOPNOTSUPP);
  assert_false(run_rx(MODE_AUTO));
  assert_string_equal(tried, "native frags tc-rx generic");
  assert_int_equal(closed, 4);
}

static void test_another_mode_stays_in_its_place(void **state) {
  (void)state;
  for (enum entry e = 0; e < ENTRY_COUNT; e++)
    refuse(e, -EOPNOTSUPP);
  assert_false(run_rx(MODE_NATIVE));
  assert_string_equal(tried, "native frags");
  assert_false(run_rx(MODE_GENERIC));
  assert_string_equal(tried, "generic");
  assert_false(run_rx(MODE_TC));
  assert_string_equal(tried, "tc-rx");
}

static void test_tx_has_one_place(void **state) {
  static const enum mode modes[] = {MODE_AUTO, MODE_NATIVE, MODE_GENERIC,
                                    MODE_TC};

  (void)state;
  for (size_t i = 0; i < COUNT_OF(modes); i++) {
    refuse(ENTRY_TC_TX, 0);
    assert_true(run_tx(modes[i]));
    assert_string_equal(tried, "tc-tx");
    refuse(ENTRY_TC_TX, -EOPNOTSUPP);
    assert_false(run_tx(modes[i]));
    assert_string_equal(tried, "tc-tx");
  }
}

/* The programs of a place are loaded if it may be tried. */
static void test_entries_to_load(void **state) {
  const unsigned rx = DIRECTION_BIT(DIRECTION_RX);
  const unsigned tx = DIRECTION_BIT(DIRECTION_TX);
  const unsigned native =
      ENTRY_BIT(ENTRY_NATIVE) | ENTRY_BIT(ENTRY_NATIVE_FRAGS);

  (void)state;
  assert_int_equal(places_entries(MODE_AUTO, rx),
                   native | ENTRY_BIT(ENTRY_TC_RX) | ENTRY_BIT(ENTRY_GENERIC));
  assert_int_equal(places_entries(MODE_NATIVE, rx), native);
  assert_int_equal(places_entries(MODE_GENERIC, rx), ENTRY_BIT(ENTRY_GENERIC));
  assert_int_equal(places_entries(MODE_TC, rx), ENTRY_BIT(ENTRY_TC_RX));
  assert_int_equal(places_entries(MODE_AUTO, tx), ENTRY_BIT(ENTRY_TC_TX));
  assert_int_equal(places_entries(MODE_NATIVE, rx | tx),
                   native | ENTRY_BIT(ENTRY_TC_TX));
}

/* As they are documented; they stay what they are in everybody's graphs. */
static void test_numbers(void **state) {
  (void)state;
  assert_int_equal(places_number(ENTRY_NATIVE), 1);
  assert_int_equal(places_number(ENTRY_NATIVE_FRAGS), 1);
  assert_int_equal(places_number(ENTRY_GENERIC), 2);
  assert_int_equal(places_number(ENTRY_TC_RX), 3);
  assert_int_equal(places_number(ENTRY_TC_TX), 3);
}

/* That Mode "auto" tries this where a place answers with the error, be it
 * before it is attached or then. */
static void assert_tried(enum entry place, int error, bool is_counted,
                         const char *expected) {
  const struct answer before = answers[place];
  const struct answer ways[] = {{.open = -error}, {.attach = -error}};

  for (size_t i = 0; i < COUNT_OF(ways); i++) {
    answers[place] = ways[i];
    assert_int_equal(run_rx(MODE_AUTO), is_counted);
    assert_string_equal(tried, expected);
  }
  answers[place] = before;
}

/* Which have nothing to do with the place. */
static const int common_errors[] = {EBUSY,  EEXIST,   ENODEV, EPERM, EMFILE,
                                    ENFILE, EALREADY, E2BIG,  EIO,   EACCES};

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
  assert_tried(ENTRY_TC_RX, ERANGE, false, "native frags tc-rx");
  assert_tried(ENTRY_TC_RX, ENOSPC, false, "native frags tc-rx");
  assert_tried(ENTRY_TC_RX, ENOMEM, false, "native frags tc-rx");
}

/* --- what is told of one that is counted -----------------------------------*/

static void test_where_it_is_counted(void **state) {
  (void)state;
  keep_quiet();
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(logged, "6 interface \"eth0\": rx is counted in the "
                              "driver (native XDP), by Mode \"auto\"\n");
  assert_true(run_rx(MODE_NATIVE));
  assert_string_equal(logged, "6 interface \"eth0\": rx is counted in the "
                              "driver (native XDP), by Mode \"native\"\n");
  assert_true(run_rx(MODE_GENERIC));
  assert_string_equal(logged,
                      "5 interface \"eth0\": rx is counted on the skb (generic "
                      "XDP), where a GSO or GRO super-frame counts as one "
                      "frame, by Mode \"generic\"\n");
  assert_true(run_rx(MODE_TC));
  assert_string_equal(logged, "6 interface \"eth0\": rx is counted at tc "
                              "ingress (tcx), by Mode \"tc\"\n");
}

/* The driver has it: no refusal to speak of. */
static void test_frames_of_several_buffers(void **state) {
  (void)state;
  keep_quiet();
  device.mtu = 9000;
  refuse(ENTRY_NATIVE, -EINVAL);
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(logged,
                      "6 interface \"eth0\": rx is counted in the driver "
                      "(native XDP, frames of several buffers), by Mode "
                      "\"auto\"\n");
  assert_true(run_rx(MODE_NATIVE));
  assert_string_equal(logged,
                      "6 interface \"eth0\": rx is counted in the driver "
                      "(native XDP, frames of several buffers), by Mode "
                      "\"native\"\n");
}

static void test_filters(void **state) {
  (void)state;
  answers[ENTRY_TC_RX].attachment = ATTACHED_BY_FILTER;
  assert_true(run_rx(MODE_TC));
  assert_string_equal(logged,
                      "6 interface \"eth0\": rx is counted at tc ingress "
                      "(clsact: the kernel has no tcx), by Mode \"tc\"\n");
  answers[ENTRY_TC_RX].attachment = ATTACHED_BEHIND;
  assert_true(run_rx(MODE_TC));
  assert_string_equal(
      logged, "5 interface \"eth0\": rx is counted at tc ingress "
              "(clsact: the kernel has no tcx) behind another filter: "
              "what that one drops or keeps is not counted, by Mode \"tc\"\n");
}

static void test_tx(void **state) {
  (void)state;
  assert_true(run_tx(MODE_AUTO));
  assert_string_equal(logged, "6 interface \"eth0\": tx is counted at tc "
                              "egress (tcx), as in every Mode\n");
  answers[ENTRY_TC_TX].attachment = ATTACHED_BY_FILTER;
  assert_true(run_tx(MODE_GENERIC));
  assert_string_equal(logged,
                      "6 interface \"eth0\": tx is counted at tc egress "
                      "(clsact: the kernel has no tcx), as in every Mode\n");
  answers[ENTRY_TC_TX].attachment = ATTACHED_BEHIND;
  assert_true(run_tx(MODE_TC));
  assert_string_equal(
      logged,
      "5 interface \"eth0\": tx is counted at tc egress "
      "(clsact: the kernel has no tcx) behind another filter: "
      "what that one drops or keeps is not counted, as in every Mode\n");
}

#define SINCE "since native XDP is refused: "
#define AT_TC "6 interface \"eth0\": rx is counted at tc ingress (tcx), " SINCE

static void test_why_auto_is_not_native(void **state) {
  (void)state;
  refuse_native(-EOPNOTSUPP);
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(logged, AT_TC "its driver has no XDP\n");
  device.mtu = 9000;
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(logged, AT_TC
                      "its driver has no XDP, or none with an MTU of 9000\n");
  refuse_native(-ENOSPC);
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(logged, AT_TC "it has too few queues for XDP (to have "
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
  answers[ENTRY_NATIVE_FRAGS].open = -EOPNOTSUPP;
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(logged,
                      AT_TC NOT_ONE_BUFFER " (to have it, lower the MTU)\n");
}

static void test_auto_behind_a_filter(void **state) {
  (void)state;
  refuse_native(-EOPNOTSUPP);
  answers[ENTRY_TC_RX].attachment = ATTACHED_BEHIND;
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(logged,
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
  assert_true(run_rx(MODE_AUTO));
  assert_string_equal(
      logged,
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
  assert_false(run_rx(MODE_NATIVE));
  assert_string_equal(logged, NOT_COUNTED "its driver has no XDP; " USE_AUTO);
  device.mtu = 1501;
  assert_false(run_rx(MODE_NATIVE));
  assert_string_equal(
      logged, NOT_COUNTED
      "its driver has no XDP, or none with an MTU of 1501; " USE_AUTO);
  device.merges = true;
  assert_false(run_rx(MODE_NATIVE));
  assert_string_equal(
      logged, NOT_COUNTED
      "its driver has no XDP, or none while large receive "
      "offload is on; turn it off (ethtool -K eth0 lro off), or " USE_AUTO);
}

static void test_native_xdp_refused(void **state) {
  static const int errors[] = {EINVAL, ERANGE};

  (void)state;
  device.mtu = 9000;
  for (size_t i = 0; i < COUNT_OF(errors); i++) {
    refuse_native(-errors[i]);
    assert_false(run_rx(MODE_NATIVE));
    assert_string_equal(logged, NOT_COUNTED NOT_ONE_BUFFER
                        "; lower the MTU, or " USE_AUTO);
  }
}

/* As in Mode "auto", where it has another place. */
static void test_the_first_refusal_is_why(void **state) {
  (void)state;
  device.mtu = 9000;
  refuse(ENTRY_NATIVE, -EINVAL);
  answers[ENTRY_NATIVE_FRAGS].open = -EOPNOTSUPP;
  assert_false(run_rx(MODE_NATIVE));
  assert_string_equal(logged, NOT_COUNTED NOT_ONE_BUFFER
                      "; lower the MTU, or " USE_AUTO);
  answers[ENTRY_NATIVE_FRAGS].open = -EPERM;
  assert_false(run_rx(MODE_NATIVE));
  assert_string_equal(logged, NOT_COUNTED
                      "CAP_NET_ADMIN or CAP_BPF is missing; grant it to "
                      "collectd\n");
}

/* Large receive offload does not take queues. */
static void test_too_few_queues(void **state) {
  (void)state;
  device.merges = true;
  refuse_native(-ENOSPC);
  assert_false(run_rx(MODE_NATIVE));
  assert_string_equal(logged, NOT_COUNTED
                      "it has too few queues for XDP; add some (ethtool -L "
                      "eth0), or " USE_AUTO);
}

#define NO_XDP_AT_ALL "the device takes no XDP program"

static void test_generic_xdp_refused(void **state) {
  (void)state;
  refuse(ENTRY_GENERIC, -EINVAL);
  assert_false(run_rx(MODE_GENERIC));
  assert_string_equal(logged, NOT_COUNTED NO_XDP_AT_ALL "; " USE_AUTO);
}

/* There is nothing left to advise. */
static void test_all_of_auto_refused(void **state) {
  (void)state;
  refuse_native(-EOPNOTSUPP);
  refuse(ENTRY_TC_RX, -EINVAL);
  refuse(ENTRY_GENERIC, -EOPNOTSUPP);
  assert_false(run_rx(MODE_AUTO));
  assert_string_equal(logged, NOT_COUNTED NO_XDP_AT_ALL "\n");
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
  assert_false(run_rx(MODE_TC));
  assert_string_equal(logged, NOT_COUNTED SHARED ", or " USE_AUTO);
  refuse(ENTRY_TC_RX, -ENOENT);
  assert_false(run_rx(MODE_TC));
  assert_string_equal(
      logged,
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
  for (size_t i = 0; i < COUNT_OF(refusals); i++) {
    refuse(ENTRY_TC_TX, -refusals[i].error);
    assert_false(run_named(MODE_TC, DIRECTION_TX, "fifteen-octets."));
    assert_string_equal(logged, refusals[i].line);
  }
}

#define DETACH "detach it (see ip -d link) and restart collectd"
#define RAISE_FILES                                                            \
  "out of file descriptors; raise LimitNOFILE= of collectd's systemd unit"

/* Cause and remedy, the same in every Mode. */
static const struct {
  int error;
  const char *words;
} common_words[] = {
    {ENODEV, "there is no such interface; check the name in Interface, and "
             "restart collectd when it is there"},
    {EALREADY, "it is counted under another name of the same device; remove "
               "one of the two Interface lines"},
    {E2BIG, "its ifindex is beyond 65535; create it with a lower one (ip link "
            "add ... index N)"},
    {EPERM, "CAP_NET_ADMIN or CAP_BPF is missing; grant it to collectd"},
    {EMFILE, RAISE_FILES},
    {ENFILE, RAISE_FILES},
    {EIO, "Input/output error"},
};

static void assert_failure(enum mode mode, enum entry place, int error,
                           const char *words) {
  char expected[512];

  refuse(place, -error);
  assert_false(run_rx(mode));
  snprintf(expected, sizeof(expected), NOT_COUNTED "%s\n", words);
  assert_string_equal(logged, expected);
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

static void test_another_program_stays(void **state) {
  static const char busy[] =
      "another XDP program is attached and stays so; " DETACH;
  static const char elsewhere[] =
      "another XDP program is attached in the other mode, or to the bond "
      "above, and stays so; " DETACH;

  (void)state;
  assert_failure(MODE_AUTO, ENTRY_NATIVE, EBUSY, busy);
  assert_failure(MODE_NATIVE, ENTRY_NATIVE, EEXIST, elsewhere);
  assert_failure(MODE_GENERIC, ENTRY_GENERIC, EEXIST, elsewhere);
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

static void test_missing(void **state) {
  (void)state;
  attach_log_missing("eth0", -ENODEV);
  assert_string_equal(logged,
                      "3 interface \"eth0\" is not counted: there is no such "
                      "interface; check the name in Interface, and restart "
                      "collectd when it is there\n");
  forget();
  attach_log_missing("eth0", -EMFILE);
  assert_string_equal(logged,
                      "3 interface \"eth0\" is not counted: " RAISE_FILES "\n");
  forget();
  attach_log_missing("eth0", -EIO);
  assert_string_equal(
      logged, "3 interface \"eth0\" is not counted: Input/output error\n");
}

/* --- what it brings along --------------------------------------------------*/

#define IN_THE_DRIVER(name)                                                    \
  "6 interface \"" name "\": rx is counted in the driver (native XDP), by "    \
  "Mode \"auto\"\n"
#define OTHERS(name) "5 interface \"" name "\" and others of its kind: "
#define TC_DOES_NOT "; Mode \"tc\" does not\n"

static void make_device(const char *kind, const char *driver) {
  snprintf(device.kind, sizeof(device.kind), "%s", kind);
  snprintf(device.driver, sizeof(device.driver), "%s", driver);
}

static void assert_native(const char *name, const char *lines) {
  assert_true(run_named(MODE_AUTO, DIRECTION_RX, name));
  assert_string_equal(logged, lines);
}

static void test_side_effects(void **state) {
  (void)state;
  make_device("veth", "veth");
  assert_native(
      "veth0",
      IN_THE_DRIVER("veth0") OTHERS(
          "veth0") "native XDP on a veth turns off the segmentation offload of "
                   "its peer, which slows TCP through it down to about a "
                   "third, "
                   "and keeps the MTU from being raised beyond one "
                   "buffer" TC_DOES_NOT);
  make_device("", "virtio_net");
  assert_native("eth0",
                IN_THE_DRIVER("eth0")
                    OTHERS("eth0") "native XDP on virtio_net turns off the "
                                   "offloads of the host's "
                                   "tap, and keeps the MTU from being raised "
                                   "beyond one buffer" TC_DOES_NOT);
  make_device("", "ixgbe");
  assert_native(
      "eth1",
      IN_THE_DRIVER("eth1") OTHERS(
          "eth1") "native XDP makes some cards reset their rings or drop the "
                  "link for seconds when it is attached and detached, and "
                  "keeps "
                  "the MTU from being raised beyond one buffer" TC_DOES_NOT);
}

/* Each kind once, whatever comes between. */
static void test_side_effects_are_told_once(void **state) {
  static const struct {
    const char *kind, *driver;
    bool is_first;
  } devices[] = {
      {"veth", "veth", true},    {"", "ixgbe", true},  {"veth", "veth", false},
      {"", "virtio_net", true},  {"", "i40e", false},  {"bond", "", false},
      {"", "virtio_net", false}, {"", "ixgbe", false},
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(devices); i++) {
    make_device(devices[i].kind, devices[i].driver);
    assert_true(run_rx(MODE_NATIVE));
    assert_int_equal(strstr(logged, "and others of its kind") != NULL,
                     devices[i].is_first);
  }
}

/* The MTU is told of as soon as it is limited, which it is not by frags. */
static void test_side_effect_on_the_mtu(void **state) {
  (void)state;
  make_device("veth", "veth");
  refuse(ENTRY_NATIVE, -ERANGE);
  assert_true(run_rx(MODE_NATIVE));
  assert_non_null(
      strstr(logged, "down to about a third; Mode \"tc\" does not\n"));
  refuse(ENTRY_NATIVE, 0);
  assert_true(run_rx(MODE_NATIVE));
  assert_non_null(strstr(logged,
                         "down to about a third, and keeps the MTU from "
                         "being raised beyond one buffer; Mode \"tc\" "
                         "does not\n"));
  assert_true(run_rx(MODE_NATIVE));
  assert_null(strstr(logged, "others of its kind"));
}

/* What a bond has taken counts for the bond; elsewhere it is a second name. */
static void test_member_of_a_bond(void **state) {
  (void)state;
  answers[ENTRY_NATIVE].open = -EALREADY;
  answers[ENTRY_TC_RX].open = -EALREADY;
  device.is_bond_member = true;
  assert_false(run_rx(MODE_NATIVE));
  assert_non_null(strstr(logged, "in the other mode, or to the bond above"));
  assert_false(run_rx(MODE_TC));
  assert_non_null(strstr(logged, "under another name of the same device"));
  device.is_bond_member = false;
  assert_false(run_rx(MODE_NATIVE));
  assert_non_null(strstr(logged, "under another name of the same device"));
}

static void test_bond_refused(void **state) {
  (void)state;
  make_device("bond", "bonding");
  device.merges = true;
  refuse_native(-EOPNOTSUPP);
  assert_false(run_rx(MODE_NATIVE));
  assert_string_equal(logged, NOT_COUNTED
                      "a driver of its members has no XDP, or one of them "
                      "has a program already; " USE_AUTO);
}

/* A tap has nothing to lose; a bond has what its members have. */
static void test_side_effects_of_other_kinds(void **state) {
  (void)state;
  make_device("tun", "tun");
  assert_native("eth0", IN_THE_DRIVER("eth0"));
  make_device("bridge", "bridge");
  assert_native("eth0", IN_THE_DRIVER("eth0"));
  make_device("bond", "bonding");
  assert_true(run_rx(MODE_AUTO));
  assert_non_null(strstr(logged, "native XDP makes some cards reset"));
}

/* Nor does what is not told count as told. */
static void test_no_side_effect_elsewhere(void **state) {
  (void)state;
  make_device("veth", "veth");
  assert_true(run_rx(MODE_GENERIC));
  assert_null(strstr(logged, "others of its kind"));
  assert_true(run_rx(MODE_TC));
  assert_null(strstr(logged, "others of its kind"));
  assert_true(run_tx(MODE_NATIVE));
  assert_null(strstr(logged, "others of its kind"));
  refuse(ENTRY_NATIVE, -EBUSY);
  assert_false(run_rx(MODE_NATIVE));
  assert_null(strstr(logged, "others of its kind"));

  refuse(ENTRY_NATIVE, -EINVAL);
  assert_true(run_rx(MODE_NATIVE));
  assert_non_null(strstr(logged, "others of its kind"));
}

#define TAGS(who, commands)                                                    \
  "5 interface \"eth0\": VLAN tags are taken off before XDP and not seen, "    \
  "unless " who " them in the frame (ethtool -K " commands " off); to "        \
  "have them counted use Mode \"tc\"\n"

static void test_stripped_tags(void **state) {
  (void)state;
  keep_quiet();
  device.strips_tags = true;
  attach.groups = GROUP_BIT(GROUP_VLAN);
  assert_native("eth0",
                IN_THE_DRIVER("eth0") TAGS("the card leaves", "eth0 rxvlan"));
  /* On a veth the sender leaves them out. */
  make_device("veth", "veth");
  assert_native("eth0",
                IN_THE_DRIVER("eth0") TAGS("its peer leaves", "PEER txvlan"));
  /* Of a bond, the members do. */
  make_device("bond", "bonding");
  assert_native("eth0", IN_THE_DRIVER("eth0")
                            TAGS("its members leave", "MEMBER rxvlan"));
}

/* On what stands on other devices they went before generic XDP, whatever the
 * device itself does. */
static void test_tags_that_others_took_off(void **state) {
  static const char *const kinds[] = {"bridge",  "bond",    "team",
                                      "macvlan", "macvtap", "ipvlan"};

  (void)state;
  attach.groups = GROUP_BIT(GROUP_VLAN);
  for (size_t i = 0; i < 2 * COUNT_OF(kinds); i++) {
    make_device(kinds[i / 2], "");
    device.strips_tags = i % 2;
    assert_true(run_rx(MODE_GENERIC));
    assert_non_null(strstr(
        logged, "5 interface \"eth0\": VLAN tags are taken off before XDP and "
                "not seen; to have them counted use Mode \"tc\"\n"));
    assert_true(run_rx(MODE_TC));
    assert_null(strstr(logged, "VLAN tags"));
  }
  make_device("dummy", "");
  device.strips_tags = false;
  assert_true(run_rx(MODE_GENERIC));
  assert_null(strstr(logged, "VLAN tags"));
}

#define TOLD_OF_TAGS (strstr(logged, "VLAN tags are taken off") != NULL)

static void test_stripped_tags_that_matter(void **state) {
  (void)state;
  device.strips_tags = true;
  assert_true(run_rx(MODE_AUTO));
  assert_false(TOLD_OF_TAGS);
  has_vlan = true;
  assert_true(run_rx(MODE_AUTO));
  assert_true(TOLD_OF_TAGS);
  has_vlan = false;
  attach.groups |= GROUP_BIT(GROUP_VLAN);
  assert_true(run_rx(MODE_AUTO));
  assert_true(TOLD_OF_TAGS);
  device.strips_tags = false;
  has_vlan = true;
  assert_true(run_rx(MODE_AUTO));
  assert_false(TOLD_OF_TAGS);
}

/* tc knows a tag that was taken off. */
static void test_stripped_tags_by_place(void **state) {
  (void)state;
  device.strips_tags = has_vlan = true;
  assert_true(run_rx(MODE_GENERIC));
  assert_true(TOLD_OF_TAGS);
  assert_true(run_rx(MODE_TC));
  assert_false(TOLD_OF_TAGS);
  assert_true(run_tx(MODE_GENERIC));
  assert_false(TOLD_OF_TAGS);
  refuse(ENTRY_NATIVE, -EINVAL);
  assert_true(run_rx(MODE_NATIVE));
  assert_true(TOLD_OF_TAGS);
  refuse(ENTRY_NATIVE, -EBUSY);
  assert_false(run_rx(MODE_NATIVE));
  assert_false(TOLD_OF_TAGS);
}

static bool is_link_told(void) {
  return strstr(logged, "\n5 interface \"eth0\": its frames begin neither with "
                        "Ethernet nor with IP; all are counted as \"other\"\n");
}

static void test_unknown_link(void **state) {
  (void)state;
  assert_true(run_rx(MODE_AUTO));
  assert_false(is_link_told());
  device.link = LINK_OTHER;
  refuse(ENTRY_TC_RX, -EINVAL);
  assert_false(run_rx(MODE_TC));
  assert_false(is_link_told());
  assert_true(run_rx(MODE_AUTO));
  assert_true(is_link_told());
  /* It is the same in the other direction. */
  assert_true(run_tx(MODE_AUTO));
  assert_false(is_link_told());
}

static void test_unknown_link_of_tx(void **state) {
  (void)state;
  device.link = LINK_OTHER;
  assert_true(run_tx(MODE_TC));
  assert_true(is_link_told());
}

static void test_link_of_ip(void **state) {
  (void)state;
  device.link = LINK_IP;
  assert_true(run_rx(MODE_AUTO));
  assert_false(is_link_told());
}

/* --- bonds -----------------------------------------------------------------*/

/* XDP in the driver sees the frames as the members'. */
static void test_members_of_a_bond(void **state) {
  (void)state;
  make_device("bond", "bonding");
  assert_true(run_rx(MODE_NATIVE));
  assert_string_equal(added, "11 12");
  refuse(ENTRY_NATIVE, -EINVAL);
  assert_true(run_rx(MODE_NATIVE));
  assert_string_equal(tried, "native frags");
  assert_string_equal(added, "11 12 11 12");
}

static void test_members_elsewhere(void **state) {
  (void)state;
  make_device("bond", "bonding");
  assert_true(run_rx(MODE_GENERIC));
  assert_string_equal(added, "");
  assert_true(run_rx(MODE_TC));
  assert_string_equal(added, "");
  assert_true(run_tx(MODE_NATIVE));
  assert_string_equal(added, "");
  make_device("bridge", "bridge");
  assert_true(run_rx(MODE_NATIVE));
  assert_string_equal(added, "");
}

/* The first error ends it; the port is closed, as run() tells. */
static void test_member_that_cannot_be_added(void **state) {
  (void)state;
  make_device("bond", "bonding");
  member_error = -E2BIG;
  assert_false(run_rx(MODE_AUTO));
  assert_string_equal(tried, "native");
  assert_string_equal(added, "11");
  assert_int_equal(closed, 1);
  assert_string_equal(logged, NOT_COUNTED
                      "its ifindex is beyond 65535; create it with a lower one "
                      "(ip link add ... index N)\n");
}

static void test_members_that_cannot_be_told(void **state) {
  (void)state;
  make_device("bond", "bonding");
  members_error = -EMFILE;
  assert_false(run_rx(MODE_AUTO));
  assert_string_equal(tried, "native");
  assert_int_equal(closed, 1);
  assert_string_equal(logged, NOT_COUNTED RAISE_FILES "\n");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_the_best_place_of_each_mode),
      TEST(test_auto_goes_on_to_the_last),
      TEST(test_another_mode_stays_in_its_place),
      TEST(test_tx_has_one_place),
      TEST(test_entries_to_load),
      TEST(test_numbers),
      TEST(test_errors_of_native),
      TEST(test_errors_of_tc),
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
      TEST(test_generic_xdp_refused),
      TEST(test_all_of_auto_refused),
      TEST(test_tc_refused),
      TEST(test_tx_refused),
      TEST(test_what_is_wrong_anywhere),
      TEST(test_no_memory),
      TEST(test_another_program_stays),
      TEST(test_the_last_error_is_told),
      TEST(test_missing),
      TEST(test_side_effects),
      TEST(test_side_effects_are_told_once),
      TEST(test_side_effect_on_the_mtu),
      TEST(test_member_of_a_bond),
      TEST(test_bond_refused),
      TEST(test_side_effects_of_other_kinds),
      TEST(test_no_side_effect_elsewhere),
      TEST(test_stripped_tags),
      TEST(test_tags_that_others_took_off),
      TEST(test_stripped_tags_that_matter),
      TEST(test_stripped_tags_by_place),
      TEST(test_unknown_link),
      TEST(test_unknown_link_of_tx),
      TEST(test_link_of_ip),
      TEST(test_members_of_a_bond),
      TEST(test_members_elsewhere),
      TEST(test_member_that_cannot_be_added),
      TEST(test_members_that_cannot_be_told),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
