// SPDX-License-Identifier: MIT

/* Filters at tc in the kernel, between those of others, which tc makes. All
 * happens in a network namespace that goes with this process. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "plugin/clsact.h"
#include "plugin/netlink.h"

enum {
  DEADLINE_MS = 5000,
  /* For local experiments: nobody else sends it. */
  FRAME_TYPE = 0x88b5,
};

/* What others attach: programs whose only instruction returns TC_ACT_SHOT or
 * TC_ACT_UNSPEC. */
#define DROP "bpf da bytecode '1,6 0 0 2'"
#define GO_ON "bpf da bytecode '1,6 0 0 4294967295'"

/* One direction of the device "near", whose peer is "far". */
struct side {
  bool is_egress;
  const char *name;
  const char *sender; /* the device where its frames are sent */
};

static const struct side sides[] = {{false, "ingress", "far"},
                                    {true, "egress", "near"}};
static const struct side *const rx = &sides[0], *const tx = &sides[1];

/* The program counts in a cell how often it ran. */
static int cell, program;
static unsigned near;

/* Other processes that attach both directions. */
static struct child {
  pid_t process; /* 0: there is none */
  int leave;     /* what is written there has it detach */
} children[2];

/* --- waiting ---------------------------------------------------------------*/

static double now_ms(void) {
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* Asks until it is so, and returns whether it became so in time. */
static bool wait_until(bool (*is_so)(const void *), const void *context) {
  double deadline = now_ms() + DEADLINE_MS;

  while (!is_so(context)) {
    if (now_ms() > deadline)
      return false;
    usleep(1000);
  }
  return true;
}

/* --- commands --------------------------------------------------------------*/

__attribute__((format(printf, 1, 2))) static void run(const char *format, ...) {
  char command[256];
  va_list arguments;

  va_start(arguments, format);
  int length = vsnprintf(command, sizeof(command), format, arguments);
  va_end(arguments);
  assert_in_range(length, 1, sizeof(command) - 1);
  if (system(command) != 0)
    fail_msg("failed: %s", command);
}

static void add_filter(const struct side *side, const char *filter) {
  run("tc filter add dev near %s %s", side->name, filter);
}

/* Until the next call. */
static const char *output(const char *command) {
  static char text[16384];
  FILE *pipe = popen(command, "re");

  assert_non_null(pipe);
  text[fread(text, 1, sizeof(text) - 1, pipe)] = '\0';
  assert_int_equal(pclose(pipe), 0);
  return text;
}

static const char *filters(const struct side *side) {
  return output(side->is_egress ? "tc filter show dev near egress"
                                : "tc filter show dev near ingress");
}

static bool has_filter(const struct side *side, const char *words) {
  return strstr(filters(side), words);
}

static bool has_qdisc(const char *kind) {
  char words[32];

  snprintf(words, sizeof(words), "qdisc %s ffff:", kind);
  return strstr(output("tc qdisc show dev near"), words);
}

static void assert_nothing_left(void) {
  assert_false(has_qdisc("clsact"));
  assert_false(has_qdisc("ingress"));
}

static void assert_order(const struct side *side, const char *first,
                         const char *second) {
  const char *text = filters(side);
  const char *at_first = strstr(text, first), *at_second = strstr(text, second);

  if (!at_first || !at_second || at_first > at_second)
    fail_msg("not %s, then %s:\n%s", first, second, text);
}

/* --- frames ----------------------------------------------------------------*/

/* Until then the kernel has frames disappear. */
static bool is_running(const void *name) {
  struct ifreq request = {0};
  int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

  strcpy(request.ifr_name, name);
  int status = ioctl(descriptor, SIOCGIFFLAGS, &request);
  close(descriptor);
  return status == 0 && request.ifr_flags & IFF_RUNNING;
}

/* Returns 0 or -errno; -ENOBUFS where it is dropped on its way out. */
static int send_frame(const struct side *side) {
  static const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,
                                    0,    0,    0,    0,    1,    0x88, 0xb5};
  struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                .sll_protocol = htons(FRAME_TYPE),
                                .sll_ifindex = if_nametoindex(side->sender)};
  int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  ssize_t length = sendto(descriptor, frame, sizeof(frame), 0,
                          (struct sockaddr *)&address, sizeof(address));
  int error = length < 0 ? -errno : 0;

  close(descriptor);
  return error;
}

static uint64_t count(void) {
  uint64_t value = 0;
  uint32_t key = 0;

  assert_int_equal(bpf_map_lookup_elem(cell, &key, &value), 0);
  return value;
}

static bool counted(const void *value) {
  return count() >= *(const uint64_t *)value;
}

static void assert_count(uint64_t expected) {
  wait_until(counted, &expected);
  assert_int_equal(count(), expected);
}

/* A program that adds one to the cell and returns TC_ACT_UNSPEC. */
static int load_program(const char *name) {
  const struct bpf_insn instructions[] = {
      {.code = BPF_LD | BPF_DW | BPF_IMM,
       .dst_reg = BPF_REG_1,
       .src_reg = BPF_PSEUDO_MAP_VALUE,
       .imm = cell},
      {0},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 1},
      {.code = BPF_STX | BPF_DW | BPF_ATOMIC,
       .dst_reg = BPF_REG_1,
       .src_reg = BPF_REG_2,
       .imm = BPF_ADD},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1},
      {.code = BPF_JMP | BPF_EXIT},
  };

  return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, name, "GPL", instructions,
                       sizeof(instructions) / sizeof(*instructions), NULL);
}

/* --- before and after each test --------------------------------------------*/

/* Frames of the kernel's own would be counted. Where there is no IPv6 there are
 * none. */
static void disable_ipv6(void) {
  int descriptor = open("/proc/sys/net/ipv6/conf/default/disable_ipv6",
                        O_WRONLY | O_CLOEXEC);

  if (descriptor >= 0 && write(descriptor, "1", 1) != 1)
    perror("IPv6 stays");
  close(descriptor);
}

static bool enter_namespace(void) {
  if (unshare(CLONE_NEWNET) != 0)
    return false;
  disable_ipv6();
  return system("ip link set lo up") == 0;
}

static int set_up(void **state) {
  (void)state;
  cell = bpf_map_create(BPF_MAP_TYPE_ARRAY, "runs", 4, 8, 1, NULL);
  program = load_program("ours");
  assert_true(cell >= 0 && program >= 0);
  run("ip link add near type veth peer name far");
  run("ip link set near up && ip link set far up");
  near = if_nametoindex("near");
  assert_true(wait_until(is_running, "near") && wait_until(is_running, "far"));
  return 0;
}

/* Waits for it, and returns whether it was well. */
static bool end_child(struct child *child) {
  int status = -1;

  close(child->leave);
  waitpid(child->process, &status, 0);
  child->process = 0;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void kill_child(struct child *child) {
  if (!child->process)
    return;
  kill(child->process, SIGKILL);
  end_child(child);
}

static int tear_down(void **state) {
  (void)state;
  for (size_t i = 0; i < 2; i++)
    kill_child(&children[i]);
  close(program);
  close(cell);
  return system("ip link del near");
}

/* --- attach and detach -----------------------------------------------------*/

static struct clsact attach(const struct side *side) {
  struct clsact clsact = {0};

  assert_int_equal(clsact_attach(program, near, side->is_egress, &clsact), 0);
  assert_int_equal(clsact.ifindex, near);
  assert_int_equal(clsact.is_egress, side->is_egress);
  return clsact;
}

static void detach(const struct side *side, const struct clsact *clsact) {
  clsact_detach(clsact);
  assert_false(has_filter(side, "collectd-xdp"));
}

static void test_no_qdisc(void **state) {
  const struct side *side = *state;
  struct clsact clsact = attach(side);

  assert_true(clsact.made_qdisc);
  assert_false(clsact.is_behind);
  assert_true(has_qdisc("clsact"));
  assert_true(
      has_filter(side, "filter protocol all pref 7 bpf chain 0 handle"));
  assert_true(has_filter(side, "qdisc direct-action skip_hw"));
  assert_int_equal(send_frame(side), 0);
  assert_count(1);
  detach(side, &clsact);
  assert_nothing_left();
}

static void test_other_direction_is_not_seen(void **state) {
  const struct side *side = *state;
  struct clsact clsact = attach(side);

  assert_int_equal(send_frame(side == rx ? tx : rx), 0);
  assert_int_equal(send_frame(side), 0);
  assert_count(1);
  detach(side, &clsact);
}

static void test_qdisc_of_others(void **state) {
  const struct side *side = *state;

  run("tc qdisc add dev near clsact");
  struct clsact clsact = attach(side);
  assert_false(clsact.made_qdisc);
  assert_false(has_filter(side, "qdisc direct-action"));
  detach(side, &clsact);
  assert_true(has_qdisc("clsact"));
}

static void test_filters_of_others(void **state) {
  const struct side *side = *state;

  run("tc qdisc add dev near clsact");
  add_filter(rx, "pref 3 protocol all " GO_ON);
  add_filter(tx, "pref 4 protocol ip " DROP);
  struct clsact clsact = attach(side);
  detach(side, &clsact);
  assert_true(has_filter(rx, "pref 3 bpf chain 0 handle 0x1"));
  assert_true(has_filter(tx, "pref 4 bpf chain 0 handle 0x1"));
}

static void test_ingress_qdisc(void **state) {
  struct clsact none;

  (void)state;
  run("tc qdisc add dev near ingress");
  add_filter(rx, "pref 20 protocol all " GO_ON);
  assert_int_equal(clsact_attach(program, near, true, &none), -EADDRINUSE);
  assert_false(has_filter(rx, "collectd-xdp"));
  struct clsact clsact = attach(rx);
  assert_false(clsact.made_qdisc);
  assert_int_equal(clsact.priority, 7);
  assert_int_equal(clsact_attach(program, near, true, &none), -EADDRINUSE);
  assert_int_equal(send_frame(rx), 0);
  assert_count(1);
  detach(rx, &clsact);
  assert_true(has_qdisc("ingress"));
  assert_true(has_filter(rx, "pref 20 bpf chain 0 handle 0x1"));
}

/* What stands where ours was is not ours. */
static void test_qdisc_replaced_by_others(void **state) {
  struct clsact clsact = attach(rx);

  (void)state;
  run("tc qdisc del dev near clsact && tc qdisc add dev near ingress");
  detach(rx, &clsact);
  assert_true(has_qdisc("ingress"));
}

static void test_qdisc_replaced_by_its_like(void **state) {
  const struct side *side = *state;
  struct clsact clsact = attach(side);

  run("tc qdisc del dev near clsact && tc qdisc add dev near clsact");
  detach(side, &clsact);
  assert_true(has_qdisc("clsact"));
}

static void test_device_replaced_by_its_like(void **state) {
  const struct side *side = *state;
  struct clsact clsact = attach(side);

  run("ip link del near");
  run("ip link add near index %u type veth peer name far", near);
  assert_int_equal(if_nametoindex("near"), near);
  run("tc qdisc add dev near clsact");
  detach(side, &clsact);
  assert_true(has_qdisc("clsact"));
}

static void test_filter_removed_by_others(void **state) {
  const struct side *first = *state, *second = first == rx ? tx : rx;
  struct clsact of_first = attach(first), of_second = attach(second);

  run("tc filter del dev near %s", first->name);
  detach(first, &of_first);
  assert_true(has_filter(second, "collectd-xdp"));
  detach(second, &of_second);
  assert_nothing_left();
}

/* Where filters are yet to be added. */
static void test_chain_of_others(void **state) {
  const struct side *side = *state;
  struct clsact of_rx = attach(rx), of_tx = attach(tx);

  run("tc chain add dev near %s chain 5", side->name);
  detach(rx, &of_rx);
  detach(tx, &of_tx);
  assert_true(has_qdisc("clsact"));
  run("tc chain del dev near %s chain 5", side->name);
}

static void test_both_directions(void **state) {
  const struct side *first = *state, *second = first == rx ? tx : rx;
  struct clsact of_first = attach(first), of_second = attach(second);

  assert_true(of_first.made_qdisc);
  assert_true(of_second.made_qdisc);
  assert_int_equal(send_frame(rx), 0);
  assert_int_equal(send_frame(tx), 0);
  assert_count(2);
  detach(first, &of_first);
  assert_true(has_filter(second, "collectd-xdp"));
  detach(second, &of_second);
  assert_nothing_left();
}

static void test_last_attached_is_first_detached(void **state) {
  const struct side *first = *state, *second = first == rx ? tx : rx;
  struct clsact of_first = attach(first), of_second = attach(second);

  detach(second, &of_second);
  assert_true(has_filter(first, "collectd-xdp"));
  detach(first, &of_first);
  assert_nothing_left();
}

/* What others add while we are attached, and how it is shown. */
struct late {
  const struct side *side;
  const char *filter;
  const char *shown;
};

static void test_others_come_later(void **state) {
  const struct late *late = *state;
  struct clsact of_rx = attach(rx), of_tx = attach(tx);

  add_filter(late->side, late->filter);
  detach(rx, &of_rx);
  detach(tx, &of_tx);
  assert_true(has_qdisc("clsact"));
  assert_true(has_filter(late->side, late->shown));
}

static void test_failure_leaves_nothing(void **state) {
  const struct side *side = *state, *other = side == rx ? tx : rx;
  struct clsact clsact, unchanged = {.priority = 77};

  clsact = unchanged;
  assert_int_equal(clsact_attach(-1, near, side->is_egress, &clsact), -EBADF);
  assert_memory_equal(&clsact, &unchanged, sizeof(clsact));
  assert_nothing_left();
  assert_int_equal(clsact_attach(program, 9999, side->is_egress, &clsact),
                   -ENODEV);
  clsact = attach(other);
  assert_int_equal(clsact_attach(-1, near, side->is_egress, &unchanged),
                   -EBADF);
  assert_true(has_filter(other, "collectd-xdp"));
  detach(other, &clsact);
  assert_nothing_left();
}

static void test_device_goes(void **state) {
  struct clsact clsact = attach(*state);

  run("ip link del near");
  clsact_detach(&clsact);
  /* tear_down() wants one. */
  run("ip link add near type veth peer name far");
}

/* A block has the filters of several devices. */
static void test_shared_block(void **state) {
  const struct side *side = *state, *other = side == rx ? tx : rx;
  struct clsact clsact;

  run("tc qdisc add dev near %s_block 7 clsact", side->name);
  assert_int_equal(clsact_attach(program, near, side->is_egress, &clsact),
                   -EOPNOTSUPP);
  assert_string_equal(output("tc filter show block 7"), "");
  clsact = attach(other);
  assert_false(clsact.made_qdisc);
  detach(other, &clsact);
  assert_non_null(strstr(output("tc qdisc show dev near"), "_block 7"));
}

/* --- priorities ------------------------------------------------------------*/

static void test_before_others(void **state) {
  const struct side *side = *state;

  run("tc qdisc add dev near clsact");
  add_filter(side, "pref 12 protocol all " DROP);
  add_filter(side, "pref 10 protocol ip " GO_ON);
  struct clsact clsact = attach(side);
  assert_int_equal(clsact.priority, 7);
  assert_false(clsact.is_behind);
  assert_order(side, "pref 7 bpf chain 0 handle", "pref 10 bpf");
  detach(side, &clsact);
  add_filter(side, "pref 4 protocol all " DROP);
  clsact = attach(side);
  assert_int_equal(clsact.priority, 3);
  assert_false(clsact.is_behind);
  assert_order(side, "pref 3 bpf chain 0 handle", "pref 4 bpf");
  assert_int_equal(send_frame(side), side->is_egress ? -ENOBUFS : 0);
  assert_count(1);
  detach(side, &clsact);
}

/* The lowest is one whose kind and protocol take ours beside them: theirs drop
 * what we have seen. */
static void test_beside_others(void **state) {
  const struct side *side = *state;

  run("tc qdisc add dev near clsact");
  add_filter(side, "pref 1 protocol all " DROP);
  add_filter(side, "pref 1 protocol all " GO_ON);
  add_filter(side, "pref 2 protocol ip " GO_ON);
  struct clsact clsact = attach(side);
  assert_int_equal(clsact.priority, 1);
  assert_false(clsact.is_behind);
  assert_order(side, "collectd-xdp", "bytecode");
  assert_int_equal(send_frame(side), side->is_egress ? -ENOBUFS : 0);
  assert_count(1);
  detach(side, &clsact);
  assert_order(side, "bytecode '1,6 0 0 4294967295'", "bytecode '1,6 0 0 2'");
  assert_true(has_filter(side, "pref 2 bpf chain 0 handle 0x1"));
}

/* Of these one has a priority to itself. */
struct kind {
  const char *filter;
  char title[128];
};

static struct kind kinds[] = {
    {"protocol ip " GO_ON, ""},
    {"protocol all u32 match u32 0 0 flowid :1", ""},
    {"protocol ip u32 match u32 0 0 flowid :1", ""},
    {"protocol all matchall flowid :1", ""},
    {"protocol all flower flowid :1", ""},
    {"protocol all fw", ""}, /* no more than a priority */
};

static void check_behind(const struct side *side, const char *filter) {
  run("tc filter add dev near %s pref 1 %s", side->name, filter);
  add_filter(side, "pref 2 protocol all " GO_ON);
  add_filter(side, "pref 4 protocol all " GO_ON);
  char *before = strdup(filters(side));
  struct clsact clsact = attach(side);

  assert_int_equal(clsact.priority, 3);
  assert_true(clsact.is_behind);
  assert_order(side, "pref 2 bpf", "collectd-xdp");
  assert_order(side, "collectd-xdp", "pref 4 bpf");
  detach(side, &clsact);
  assert_string_equal(filters(side), before);
  free(before);
}

static void test_behind(void **state) {
  const struct kind *kind = *state;
  struct clsact clsact = attach(rx);

  run("tc filter add dev near ingress pref 1 %s", kind->filter);
  detach(rx, &clsact);
  assert_true(has_qdisc("clsact"));
  run("tc filter del dev near ingress");
  check_behind(rx, kind->filter);
  check_behind(tx, kind->filter);
}

static void test_nothing(void **state) { (void)state; }

/* By the title, since skip() of cmocka 1.1 says "not ok" in TAP. */
static struct CMUnitTest test_of_kind(struct kind *kind) {
  char command[256];

  snprintf(command, sizeof(command),
           "exec 2>/dev/null; tc qdisc add dev lo clsact; "
           "tc filter add dev lo ingress pref 1 %s; status=$?; "
           "tc qdisc del dev lo clsact; exit $status",
           kind->filter);
  bool is_known = system(command) == 0;
  snprintf(kind->title, sizeof(kind->title), "test_behind, %s%s", kind->filter,
           is_known ? "" : " # SKIP not in this kernel");
  if (is_known)
    return (struct CMUnitTest){kind->title, test_behind, set_up, tear_down,
                               kind};
  return (struct CMUnitTest){kind->title, test_nothing, NULL, NULL, NULL};
}

/* Frames get there only if a filter of chain 0 says so. */
static void test_other_chains_have_priorities_of_their_own(void **state) {
  const struct side *side = *state;

  run("tc qdisc add dev near clsact");
  add_filter(side, "chain 5 pref 1 protocol ip " GO_ON);
  struct clsact clsact = attach(side);
  assert_int_equal(clsact.priority, 7);
  assert_false(clsact.is_behind);
  detach(side, &clsact);
  add_filter(side, "pref 3 protocol ip " GO_ON);
  clsact = attach(side);
  assert_int_equal(clsact.priority, 2);
  detach(side, &clsact);
  assert_true(has_filter(side, "pref 1 bpf chain 5 handle 0x1"));
}

/* Adds a filter as libbpf does, which calls it "NAME:[NUMBER]". */
static void add_filter_of_libbpf(const struct side *side, const char *name,
                                 unsigned priority) {
  LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = near,
              .attach_point = side->is_egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
  int others = load_program(name);
  LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = others, .handle = 9,
              .priority = priority);
  int error = bpf_tc_attach(&hook, &options);

  close(others);
  assert_int_equal(error, 0);
}

/* Theirs counts in the same cell. */
static void test_filters_behind_still_run(void **state) {
  const struct side *side = *state;
  struct clsact clsact = attach(side);

  add_filter_of_libbpf(side, "theirs", 8);
  assert_order(side, "pref 7 bpf chain 0 handle",
               "pref 8 bpf chain 0 handle 0x9 theirs:[");
  assert_int_equal(send_frame(side), 0);
  assert_count(2);
  detach(side, &clsact);
}

/* --- what was left behind --------------------------------------------------*/

static int attach_both(struct clsact clsact[static 2]) {
  int error = clsact_attach(program, near, false, &clsact[0]);

  return error ? error : clsact_attach(program, near, true, &clsact[1]);
}

/* In the child: attaches, and stays until it is told to leave, or for good. */
__attribute__((noreturn)) static void be_child(int result, int leave) {
  struct clsact clsact[2];
  char octet;

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  clsact_sweep();
  int error = attach_both(clsact);
  if (write(result, &error, sizeof(error)) != sizeof(error))
    _exit(1);
  if (read(leave, &octet, 1) != 1)
    _exit(1);
  clsact_detach(&clsact[0]);
  clsact_detach(&clsact[1]);
  _exit(0);
}

/* What a system call gives in place of what it does. */
struct denial {
  unsigned call;
  int family; /* of the socket; 0: whatever the first argument is */
  unsigned error;
};

static const struct denial no_unix_socket = {SYS_socket, AF_UNIX, EACCES};

/* For the rest of the process. */
static bool deny(const struct denial *denial) {
  unsigned denied = SECCOMP_RET_ERRNO | denial->error;
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, denial->call, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
               offsetof(struct seccomp_data, args) +
                   (__BYTE_ORDER == __BIG_ENDIAN ? 4 : 0)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, denial->family, 0, !!denial->family),
      BPF_STMT(BPF_RET | BPF_K, denied),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog bpf = {sizeof(filter) / sizeof(*filter), filter};

  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &bpf) == 0;
}

/* In a PID namespace of its own it is number 1. */
static pid_t fork_apart(bool is_number_1) {
  int ours = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);

  assert_true(ours >= 0);
  if (is_number_1)
    assert_int_equal(unshare(CLONE_NEWPID), 0);
  pid_t process = fork();
  if (process && is_number_1)
    assert_int_equal(setns(ours, CLONE_NEWPID), 0);
  close(ours);
  assert_true(process >= 0);
  return process;
}

static void start(struct child *child, bool is_number_1,
                  const struct denial *denial) {
  int result[2], leave[2], error = -1;

  assert_int_equal(pipe2(result, O_CLOEXEC), 0);
  assert_int_equal(pipe2(leave, O_CLOEXEC), 0);
  child->process = fork_apart(is_number_1);
  if (child->process == 0) {
    close(result[0]); /* a write to nobody ends the child */
    if ((is_number_1 && getpid() != 1) || (denial && !deny(denial)))
      _exit(1);
    be_child(result[1], leave[0]);
  }
  child->leave = leave[1];
  close(leave[0]);
  close(result[1]);
  ssize_t length = read(result[0], &error, sizeof(error));
  close(result[0]);
  assert_int_equal(length, sizeof(error));
  assert_int_equal(error, 0);
}

static void start_child(void) { start(&children[0], false, NULL); }

static void assert_leaves(struct child *child) {
  assert_int_equal(write(child->leave, "", 1), 1);
  assert_true(end_child(child));
}

/* How many of ours there are in each direction. */
static void assert_ours(size_t expected) {
  for (size_t i = 0; i < 2; i++) {
    size_t ours = 0;
    const char *at = filters(&sides[i]);
    while ((at = strstr(at, "collectd-xdp "))) {
      ours++;
      at++;
    }
    assert_int_equal(ours, expected);
  }
}

static void test_sweep_after_the_dead(void **state) {
  (void)state;
  start_child();
  kill_child(&children[0]);
  assert_ours(1);
  clsact_sweep();
  assert_ours(0);
  assert_nothing_left();
}

static void test_sweep_leaves_the_qdisc_of_others(void **state) {
  (void)state;
  run("tc qdisc add dev near clsact");
  start_child();
  kill_child(&children[0]);
  clsact_sweep();
  assert_ours(0);
  assert_true(has_qdisc("clsact"));
}

static void test_sweep_leaves_filters_of_others(void **state) {
  const struct side *side = *state;

  start_child();
  add_filter(side, "pref 1 protocol ip " GO_ON);
  add_filter(side, "pref 7 protocol all " GO_ON);
  kill_child(&children[0]);
  clsact_sweep();
  assert_ours(0);
  assert_true(has_filter(side, "pref 1 bpf chain 0 handle 0x1"));
  assert_true(has_filter(side, "pref 7 bpf chain 0 handle 0x1"));
}

static void test_sweep_leaves_the_living(void **state) {
  (void)state;
  start_child();
  clsact_sweep();
  assert_ours(1);
  assert_int_equal(send_frame(rx), 0);
  assert_int_equal(send_frame(tx), 0);
  assert_count(2);
  kill_child(&children[0]);
  clsact_sweep();
  assert_nothing_left();
}

/* Who goes last takes the qdisc along, whoever made it. */
static void test_qdisc_goes_with_the_last_process(void **state) {
  (void)state;
  start_child();
  struct clsact clsact = attach(rx);
  assert_true(clsact.made_qdisc);
  assert_leaves(&children[0]);
  assert_true(has_filter(rx, "collectd-xdp"));
  clsact_detach(&clsact);
  assert_nothing_left();
}

/* Each is number 1, as in a container of its own; each sweeps as it starts. */
static void test_same_number_in_other_namespaces(void **state) {
  (void)state;
  start(&children[0], true, NULL);
  start(&children[1], true, NULL);
  assert_ours(2);
  clsact_sweep();
  assert_ours(2);
  assert_leaves(&children[0]);
  assert_ours(1);
  clsact_sweep();
  assert_ours(1);
  kill_child(&children[1]);
  assert_ours(1);
  start(&children[0], true, NULL);
  assert_ours(1);
  assert_leaves(&children[0]);
  assert_nothing_left();
}

/* They share a priority, so that handles alone tell them apart. */
static void test_same_number_and_priority(void **state) {
  (void)state;
  run("tc qdisc add dev near clsact");
  add_filter(rx, "pref 1 protocol all " GO_ON);
  add_filter(tx, "pref 1 protocol all " GO_ON);
  start(&children[0], true, NULL);
  start(&children[1], true, NULL);
  assert_ours(2);
  assert_leaves(&children[0]);
  assert_ours(1);
  kill_child(&children[1]);
  clsact_sweep();
  assert_ours(0);
  assert_true(has_filter(rx, "pref 1 bpf chain 0 handle 0x1"));
  assert_true(has_filter(tx, "pref 1 bpf chain 0 handle 0x1"));
}

static void test_sweep_leaves_what_is_beside_the_dead(void **state) {
  (void)state;
  start(&children[0], false, NULL);
  start(&children[1], true, NULL);
  kill_child(&children[0]);
  clsact_sweep();
  assert_ours(1);
  assert_leaves(&children[1]);
  assert_nothing_left();
}

/* Nobody can tell then whether it lives. */
static void test_sweep_leaves_who_has_no_socket(void **state) {
  (void)state;
  start(&children[0], true, &no_unix_socket);
  assert_true(has_filter(rx, "collectd-xdp 0000000000000000 qdisc "));
  clsact_sweep();
  assert_ours(1);
  assert_leaves(&children[0]);
  assert_nothing_left();
  start(&children[0], true, &no_unix_socket);
  kill_child(&children[0]);
  clsact_sweep();
  assert_ours(1);
}

/* Who is denied a socket cannot ask whether others live. */
static void test_sweep_without_a_socket(void **state) {
  (void)state;
  start(&children[0], false, NULL);
  start(&children[1], false, &no_unix_socket);
  assert_ours(2);
  kill_child(&children[0]);
  assert_leaves(&children[1]);
  clsact_sweep();
  assert_nothing_left();
}

static void test_sweep_leaves_the_qdisc_that_came_after(void **state) {
  (void)state;
  start_child();
  run("tc qdisc del dev near clsact && tc qdisc add dev near clsact");
  kill_child(&children[0]);
  clsact_sweep();
  assert_true(has_qdisc("clsact"));
}

static void test_sweep_leaves_ourselves(void **state) {
  struct clsact of_rx = attach(rx), of_tx = attach(tx);

  (void)state;
  clsact_sweep();
  assert_ours(1);
  detach(rx, &of_rx);
  clsact_sweep();
  assert_true(has_filter(tx, "collectd-xdp"));
  detach(tx, &of_tx);
  assert_nothing_left();
}

/* Somebody may remove the filter, its qdisc or the device. */
static void test_is_attached(void **state) {
  const struct side *side = *state;
  struct clsact clsact = attach(side);

  assert_true(clsact_is_attached(&clsact));
  run("tc filter del dev near %s pref 7", side->name);
  assert_false(clsact_is_attached(&clsact));
  clsact_detach(&clsact);
  clsact = attach(side);
  run("tc qdisc del dev near clsact");
  assert_false(clsact_is_attached(&clsact));
  clsact_detach(&clsact);
}

/* Both devices, one with the older qdisc. */
static void test_sweep_all_devices(void **state) {
  struct clsact none;
  unsigned far = if_nametoindex("far");

  (void)state;
  run("tc qdisc add dev far ingress");
  pid_t process = fork();
  assert_true(process >= 0);
  if (process == 0)
    _exit(clsact_attach(program, far, false, &none) != 0 ||
          clsact_attach(program, near, true, &none) != 0);
  assert_int_equal(waitpid(process, NULL, 0), process);
  assert_true(has_filter(tx, "collectd-xdp"));
  assert_string_not_equal(output("tc filter show dev far ingress"), "");
  clsact_sweep();
  assert_nothing_left();
  assert_string_equal(output("tc filter show dev far ingress"), "");
  assert_non_null(strstr(output("tc qdisc show dev far"), "qdisc ingress"));
}

static void test_sweep_without_anything(void **state) {
  (void)state;
  clsact_sweep();
  assert_nothing_left();
}

/* Its program is "ours", the name of the filter is not. */
static void add_filter_named(const struct side *side, const char *name,
                             unsigned priority) {
  union {
    struct nlmsghdr header;
    char buffer[NETLINK_REQUEST_MAX];
  } request;
  unsigned minor = side->is_egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS;
  struct nlmsghdr *header = mnl_nlmsg_put_header(request.buffer);

  header->nlmsg_type = RTM_NEWTFILTER;
  header->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
  struct tcmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
  message->tcm_ifindex = near;
  message->tcm_parent = TC_H_MAKE(TC_H_CLSACT, minor);
  message->tcm_info = TC_H_MAKE(priority << 16, htons(ETH_P_ALL));
  mnl_attr_put_strz(header, TCA_KIND, "bpf");
  struct nlattr *options = mnl_attr_nest_start(header, TCA_OPTIONS);
  mnl_attr_put_u32(header, TCA_BPF_FD, program);
  mnl_attr_put_strz(header, TCA_BPF_NAME, name);
  mnl_attr_nest_end(header, options);
  assert_int_equal(netlink_request(header, NULL, NULL), 0);
}

static void test_sweep_leaves_other_names(void **state) {
  const struct side *side = *state;

  run("tc qdisc add dev near clsact");
  add_filter_of_libbpf(side, "collectd", 7);
  add_filter_named(side, "collectd-xdp 0123456789abcdef theirs", 8);
  add_filter_named(side, "collectd-xdp 0123456789abcde", 9);
  add_filter_named(side, "collectd-xdp 0123456789abcdef0", 10);
  add_filter_named(side, "collectd-xdp 1234 qdisc", 11);
  clsact_sweep();
  assert_true(has_filter(side, "pref 7 bpf chain 0 handle 0x9 collectd:["));
  assert_true(has_filter(side, "0123456789abcdef theirs "));
  assert_true(has_filter(side, "0123456789abcde "));
  assert_true(has_filter(side, "0123456789abcdef0 "));
  assert_true(has_filter(side, "1234 qdisc "));
}

/* --- the process -----------------------------------------------------------*/

enum { DESCRIPTORS = 2048, SELECTABLE = 1024 };

static bool is_named(int descriptor) {
  struct sockaddr_un address = {0};
  socklen_t length = sizeof(address);

  return getsockname(descriptor, (struct sockaddr *)&address, &length) == 0 &&
         address.sun_family == AF_UNIX &&
         strncmp(address.sun_path + 1, "collectd-xdp-", 13) == 0;
}

/* -1: there is none. */
static int find_socket(void) {
  for (int descriptor = 0; descriptor < DESCRIPTORS; descriptor++) {
    if (is_named(descriptor))
      return descriptor;
  }
  return -1;
}

static void limit_descriptors(unsigned limit) {
  struct rlimit descriptors;

  assert_int_equal(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
  assert_true(descriptors.rlim_max >= limit);
  descriptors.rlim_cur = limit;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &descriptors), 0);
}

static void test_socket(void **state) {
  const char *line;
  char token[17] = "", name[64];

  (void)state;
  assert_int_equal(find_socket(), -1);
  limit_descriptors(DESCRIPTORS);
  struct clsact of_rx = attach(rx), of_tx = attach(tx);
  assert_in_range(find_socket(), SELECTABLE, DESCRIPTORS - 1);
  assert_true(fcntl(find_socket(), F_GETFD) & FD_CLOEXEC);
  line = strstr(filters(rx), "collectd-xdp ");
  assert_int_equal(sscanf(line, "collectd-xdp %16[0-9a-f] qdisc", token), 1);
  snprintf(name, sizeof(name), "@collectd-xdp-%s\n", token);
  assert_non_null(strstr(output("cat /proc/net/unix"), name));
  detach(rx, &of_rx);
  assert_in_range(find_socket(), SELECTABLE, DESCRIPTORS - 1);
  detach(tx, &of_tx);
  assert_int_equal(find_socket(), -1);
}

static void test_socket_raises_a_low_limit(void **state) {
  (void)state;
  limit_descriptors(SELECTABLE);
  struct clsact clsact = attach(rx);
  assert_true(find_socket() >= SELECTABLE);
  assert_true(fcntl(find_socket(), F_GETFD) & FD_CLOEXEC);
  detach(rx, &clsact);
  assert_int_equal(find_socket(), -1);
  limit_descriptors(DESCRIPTORS);
}

static void test_socket_goes_with_a_failure(void **state) {
  struct clsact none;

  (void)state;
  assert_int_equal(clsact_attach(-1, near, false, &none), -EBADF);
  assert_int_equal(find_socket(), -1);
}

/* The kernel's answer to a kind of request that it does not have. */
static void test_no_qdiscs_at_all(void **state) {
  const struct denial no_requests = {SYS_sendto, 0, EOPNOTSUPP};
  struct clsact none;
  int status = 0;

  (void)state;
  pid_t process = fork();
  assert_true(process >= 0);
  if (process == 0)
    _exit(deny(&no_requests) ? -clsact_attach(program, near, false, &none) : 0);
  assert_int_equal(waitpid(process, &status, 0), process);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), ENOSYS);
}

#define TEST_OF(name, of, title)                                               \
  { title, name, set_up, tear_down, (void *)of }
#define TEST(name) TEST_OF(name, NULL, #name)
#define TEST_SIDES(name)                                                       \
  TEST_OF(name, &sides[0], #name ", ingress"),                                 \
      TEST_OF(name, &sides[1], #name ", egress")
#define TEST_LATE(side, filter, shown)                                         \
  TEST_OF(test_others_come_later, (&(struct late){side, filter, shown}),       \
          "test_others_come_later, " #side " " filter)

int main(void) {
  if (!enter_namespace()) {
    perror("no network namespace");
    return 1;
  }
  const struct CMUnitTest tests[] = {
      TEST_SIDES(test_no_qdisc),
      TEST_SIDES(test_other_direction_is_not_seen),
      TEST_SIDES(test_qdisc_of_others),
      TEST_SIDES(test_filters_of_others),
      TEST(test_ingress_qdisc),
      TEST(test_qdisc_replaced_by_others),
      TEST_SIDES(test_qdisc_replaced_by_its_like),
      TEST_SIDES(test_device_replaced_by_its_like),
      TEST_SIDES(test_filter_removed_by_others),
      TEST_SIDES(test_chain_of_others),
      TEST_SIDES(test_both_directions),
      TEST_SIDES(test_last_attached_is_first_detached),
      TEST_LATE(rx, "pref 30 protocol all " DROP, "pref 30 bpf chain 0"),
      TEST_LATE(rx, "pref 1 protocol ip " GO_ON, "pref 1 bpf chain 0"),
      TEST_LATE(tx, "protocol all " GO_ON, "pref 49152 bpf chain 0"),
      TEST_LATE(rx, "chain 5 protocol all " DROP, "pref 49152 bpf chain 5"),
      TEST_LATE(tx, "chain 5 pref 7 protocol all " GO_ON, "pref 7 bpf chain 5"),
      TEST_SIDES(test_failure_leaves_nothing),
      TEST_SIDES(test_device_goes),
      TEST_SIDES(test_shared_block),
      TEST_SIDES(test_before_others),
      TEST_SIDES(test_beside_others),
      test_of_kind(&kinds[0]),
      test_of_kind(&kinds[1]),
      test_of_kind(&kinds[2]),
      test_of_kind(&kinds[3]),
      test_of_kind(&kinds[4]),
      test_of_kind(&kinds[5]),
      TEST_SIDES(test_other_chains_have_priorities_of_their_own),
      TEST_SIDES(test_filters_behind_still_run),
      TEST(test_sweep_after_the_dead),
      TEST(test_sweep_leaves_the_qdisc_of_others),
      TEST_SIDES(test_sweep_leaves_filters_of_others),
      TEST(test_sweep_leaves_the_living),
      TEST(test_qdisc_goes_with_the_last_process),
      TEST(test_same_number_in_other_namespaces),
      TEST(test_same_number_and_priority),
      TEST(test_sweep_leaves_what_is_beside_the_dead),
      TEST(test_sweep_leaves_who_has_no_socket),
      TEST(test_sweep_without_a_socket),
      TEST(test_sweep_leaves_the_qdisc_that_came_after),
      TEST(test_sweep_leaves_ourselves),
      TEST(test_socket),
      TEST(test_socket_raises_a_low_limit),
      TEST(test_socket_goes_with_a_failure),
      TEST(test_no_qdiscs_at_all),
      TEST_SIDES(test_is_attached),
      TEST(test_sweep_all_devices),
      TEST(test_sweep_without_anything),
      TEST_SIDES(test_sweep_leaves_other_names),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
