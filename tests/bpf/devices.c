// SPDX-License-Identifier: MIT

/* What the kernel tells of devices; and that what XDP sees as of a member of a
 * bond counts for the bond: a test run comes in by the interface that it names,
 * as frames of a bond's members do. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <linux/bpf.h>
#include <net/if.h>

#include "plugin/datapath.h"
#include "plugin/device.h"
#include "plugin/groups.h"
#include "plugin/log.h"
#include "plugin/port.h"
#include "plugin/rtlink.h"
#include "tests/counting.h"

enum { IFINDEX_LOOPBACK = 1 };

static struct datapath *datapath;
static struct counts *counts;

void log_write(int severity, const char *format, ...) {
  (void)severity;
  (void)format;
}

static void run(enum entry entry, unsigned ifindex) {
  const char frame[60] = {0};
  struct xdp_md context = {.data_end = sizeof(frame),
                           .ingress_ifindex = ifindex};
  LIBBPF_OPTS(bpf_test_run_opts, test, .data_in = frame,
              .data_size_in = sizeof(frame), .ctx_in = &context,
              .ctx_size_in = sizeof(context), .repeat = 1);

  assert_int_equal(
      bpf_prog_test_run_opts(datapath_program(datapath, entry), &test), 0);
  assert_int_equal(test.retval, XDP_PASS);
}

static __u64 packets_of(const struct port *port) {
  port_read(port, counts);
  return counts->total.packets;
}

static struct port *open_port(enum entry entry, unsigned ifindex) {
  struct port *port;

  assert_int_equal(port_new(datapath, entry, ifindex, LINK_ETHERNET, 0, &port),
                   0);
  assert_int_equal(ports_publish(&port, 1), 0);
  return port;
}

static void close_port(struct port *port) {
  ports_unpublish(&port, 1);
  port_free(port);
}

static void check_entry(enum entry entry) {
  unsigned member = if_nametoindex("member1");
  struct port *bond = open_port(entry, IFINDEX_LOOPBACK), *other;

  run(entry, member);
  assert_int_equal(packets_of(bond), 0);
  assert_int_equal(port_add_member(bond, member), 0);
  run(entry, member);
  run(entry, IFINDEX_LOOPBACK);
  assert_int_equal(packets_of(bond), 2);
  /* Counts for one alone. */
  assert_int_equal(port_add_member(bond, member), -EALREADY);
  assert_int_equal(port_new(datapath, entry, member, LINK_ETHERNET, 0, &other),
                   -EALREADY);
  port_remove_member(bond, member);
  run(entry, member);
  assert_int_equal(packets_of(bond), 2);
  assert_int_equal(port_add_member(bond, member), 0);
  close_port(bond);
  /* Gone with the bond's port. */
  other = open_port(entry, member);
  run(entry, member);
  assert_int_equal(packets_of(other), 1);
  close_port(other);
}

/* Since Linux 5.14 a test run comes in by the interface that it names. */
static bool has_context(void) {
  const char frame[60] = {0};
  struct xdp_md context = {.data_end = sizeof(frame)};
  LIBBPF_OPTS(bpf_test_run_opts, test, .data_in = frame,
              .data_size_in = sizeof(frame), .ctx_in = &context,
              .ctx_size_in = sizeof(context), .repeat = 1);
  const struct bpf_insn pass[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
      {.code = BPF_JMP | BPF_EXIT}};

  int program = bpf_prog_load(BPF_PROG_TYPE_XDP, "probe", "GPL", pass, 2, NULL);
  int error = bpf_prog_test_run_opts(program, &test);
  if (program >= 0)
    close(program);
  return error != -EINVAL;
}

static void test_members(void **state) {
  (void)state;
  check_entry(ENTRY_NATIVE);
  if (datapath_program(datapath, ENTRY_NATIVE_FRAGS) >= 0)
    check_entry(ENTRY_NATIVE_FRAGS);
}

static int add_up(void *context, unsigned member) {
  unsigned *sum = context;

  *sum += member;
  return 0;
}

static int give_up(void *context, unsigned member) {
  (void)context;
  (void)member;
  return -ECANCELED;
}

/* A bridge has members as a bond has; this kernel may have no bonds. */
static void test_visit_members(void **state) {
  unsigned sum = 0;

  (void)state;
  assert_int_equal(device_visit_members(if_nametoindex("upper"), add_up, &sum),
                   0);
  assert_int_equal(sum, if_nametoindex("member1") + if_nametoindex("member2"));
  sum = 0;
  assert_int_equal(device_visit_members(IFINDEX_LOOPBACK, add_up, &sum), 0);
  assert_int_equal(sum, 0);
  assert_int_equal(device_visit_members(if_nametoindex("upper"), give_up, &sum),
                   -ECANCELED);
}

static struct device query(const char *name) {
  struct link_state link, master;

  assert_int_equal(rtlink_query(if_nametoindex(name), &link), 0);
  if (link.master)
    assert_int_equal(rtlink_query(link.master, &master), 0);
  struct device device = device_of_link(&link, link.master ? &master : NULL);
  device_query_driver(name, &device);
  return device;
}

static void test_query(void **state) {
  struct device device = query("member1");

  (void)state;
  assert_int_equal(device.ifindex, if_nametoindex("member1"));
  assert_string_equal(device.kind, "veth");
  assert_string_equal(device.driver, "veth");
  assert_int_equal(device.link, LINK_ETHERNET);
  assert_int_equal(device.mtu, 1400);
  assert_false(device.merges);
  assert_false(device.is_bond_member); /* of a bridge */
  device = query("tun0");
  assert_string_equal(device.driver, "tun");
  assert_int_equal(device.link, LINK_IP);
  assert_int_equal(device.rx_queues, 1);
  device = query("lo");
  assert_string_equal(device.kind, "");
  assert_int_equal(device.link, LINK_ETHERNET);
}

static void test_rx_queues(void **state) {
  (void)state;
  /* Of a driver that does not tell, one; before Linux 5.13 veth is such. */
  bool tells = system("ethtool -l member1 >/dev/null 2>&1") == 0;
  assert_int_equal(device_rx_queues("member1"), tells ? 3 : 1);
  assert_int_equal(device_rx_queues("lo"), 1);
  assert_int_equal(device_rx_queues("absent"), 0);
}

static void test_bond_member(void **state) {
  const struct link_state link = {.ifindex = 7, .master = 8};
  struct link_state master = {.ifindex = 8, .kind = "bond"};

  (void)state;
  assert_true(device_of_link(&link, &master).is_bond_member);
  strcpy(master.kind, "bridge");
  assert_false(device_of_link(&link, &master).is_bond_member);
  assert_false(device_of_link(&link, NULL).is_bond_member);
}

static void test_stripped_tags(void **state) {
  (void)state;
  assert_int_equal(system("ethtool -K member1 rxvlan on 2>/dev/null"), 0);
  assert_true(query("member1").strips_tags);
  assert_int_equal(system("ethtool -K member1 rxvlan off 2>/dev/null"), 0);
  assert_false(query("member1").strips_tags);
}

/* The namespace goes with this process. */
static int set_up(void **state) {
  char why[512];

  (void)state;
  if (unshare(CLONE_NEWNET) != 0 ||
      system("ip link add upper type bridge && "
             "ip link add member1 mtu 1400 numrxqueues 3 numtxqueues 3 "
             "type veth peer name peer1 && "
             "ip link add member2 type veth peer name peer2 && "
             "ip link set member1 master upper && "
             "ip link set member2 master upper && "
             "ip tuntap add mode tun name tun0 && "
             "ip link set lo up && ip link set member1 up") != 0)
    return -1;
  if (datapath_open(GROUPS_DEFAULT, NULL,
                    ENTRY_BIT(ENTRY_NATIVE) | ENTRY_BIT(ENTRY_NATIVE_FRAGS),
                    &datapath, why, sizeof(why)) != 0)
    return -1;
  counts = datapath_new_counts(datapath);
  return counts ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  free(counts);
  datapath = datapath_close(datapath);
  return 0;
}

int main(void) {
  const struct CMUnitTest absent = {.name = "test_members" NOT_IN_THIS_KERNEL
                                            "the interface of a test run",
                                    .test_func = counting_test_nothing};
  const struct CMUnitTest members = cmocka_unit_test(test_members);
  const struct CMUnitTest tests[] = {
      has_context() ? members : absent,   cmocka_unit_test(test_visit_members),
      cmocka_unit_test(test_query),       cmocka_unit_test(test_rx_queues),
      cmocka_unit_test(test_bond_member), cmocka_unit_test(test_stripped_tags),
  };

  return cmocka_run_group_tests(tests, set_up, tear_down);
}
