// SPDX-License-Identifier: MIT

/* The monitor against the kernel, in a namespace that goes with this process:
 * each case compares what was visited, and all that is known, with what ip(8)
 * says. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h> /* before linux/if_arp.h, which has the same */
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/veth.h>

#include "plugin/monitor.h"

enum { SECONDS = 10, FLOOD = 2000, IFINDEX_LOOPBACK = 1 };

static struct monitor *monitor;

/* --- what is visited, a line each --- */

static char visited[1 << 16];

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...) {
  size_t length = strlen(visited);
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(visited + length, sizeof(visited) - length, format, arguments);
  va_end(arguments);
}

static void note_number(const char *what, unsigned before, unsigned after) {
  if (before != after)
    note(" %s %u>%u", what, before, after);
}

/* IFF_RUNNING and the like follow IFF_UP some time later. */
static void visit(void *context, const struct link_state *before,
                  const struct link_state *after) {
  assert_ptr_equal(context, visited);
  if (before && after)
    assert_int_equal(before->ifindex, after->ifindex);
  /* It is known already. */
  const struct link_state *known =
      monitor_find(monitor, (after ? after : before)->ifindex);
  assert_true(after ? known && link_state_equals(known, after) : !known);
  if (!before) {
    note("+%s\n", after->name);
  } else if (!after) {
    note("-%s\n", before->name);
  } else {
    size_t start = strlen(visited);
    if (strcmp(before->name, after->name) != 0)
      note(" name>%s", after->name);
    note_number("mtu", before->mtu, after->mtu);
    note_number("up", before->flags & IFF_UP, after->flags & IFF_UP);
    note_number("master", before->master, after->master);
    note_number("xdp", before->xdp.program != 0, after->xdp.program != 0);
    if (visited[start]) {
      char changes[128];
      snprintf(changes, sizeof(changes), "%s", visited + start);
      visited[start] = '\0';
      note("%s:%s\n", before->name, changes);
    }
  }
}

static int read_changes(void) { return monitor_read(monitor, visit, visited); }

/* Reads until all of the lines were visited. */
static void expect(const char *lines) {
  time_t deadline = time(NULL) + SECONDS;

  while (strlen(visited) < strlen(lines) && time(NULL) < deadline) {
    struct pollfd poller = {.fd = monitor_fd(monitor), .events = POLLIN};
    poll(&poller, 1, 100);
    assert_int_equal(read_changes(), 0);
  }
  assert_string_equal(visited, lines);
  visited[0] = '\0';
}

/* --- what the kernel has --- */

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...) {
  char command[512];
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(command, sizeof(command), format, arguments);
  va_end(arguments);
  if (system(command) != 0)
    fail_msg("%s", command);
}

static int compare_lines(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* As "ip -o link" has it: IFINDEX NAME MTU MASTER */
static size_t list_known(char **lines, size_t size) {
  const struct link_state *link = NULL;
  size_t count = 0;

  while ((link = monitor_next(monitor, link))) {
    const struct link_state *master = monitor_find(monitor, link->master);
    assert_true(count < size);
    assert_true(asprintf(&lines[count++], "%u %s %u %s\n", link->ifindex,
                         link->name, link->mtu,
                         master ? master->name : "none") > 0);
  }
  qsort(lines, count, sizeof(*lines), compare_lines);
  return count;
}

static size_t list_kernel(char **lines, size_t size) {
  /* 2: name@lower: <FLAGS> mtu 1500 qdisc noop master upper state ... */
  FILE *output = popen("ip -o link | sed -E 's/^([0-9]+): ([^ ]*): .* mtu "
                       "([0-9]+) (.* master ([^ ]+))?.*/\\1 \\2 \\3 \\5/; "
                       "s/^([0-9]+ [^ @]*)@[^ ]*/\\1/; s/ $/ none/'",
                       "r");
  size_t count = 0, length = 0;

  assert_non_null(output);
  do {
    assert_true(count < size);
    lines[count] = NULL;
    length = 0;
  } while (getline(&lines[count], &length, output) > 0 && ++count);
  free(lines[count]);
  assert_int_equal(pclose(output), 0);
  qsort(lines, count, sizeof(*lines), compare_lines);
  return count;
}

static void assert_exact(void) {
  enum { LINES = 8192 };
  char **known = calloc(LINES, sizeof(*known));
  char **kernel = calloc(LINES, sizeof(*kernel));
  size_t count = list_known(known, LINES);

  assert_int_equal(count, list_kernel(kernel, LINES));
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(known[i], kernel[i]);
    free(known[i]);
    free(kernel[i]);
  }
  free(known);
  free(kernel);
}

/* --- set up and tear down --- */

static void open_monitor(void) {
  assert_int_equal(monitor_open(&monitor), 0);
  visited[0] = '\0';
}

/* The monitor starts with what is there. */
static int set_up(void **state) {
  (void)state;
  alarm(120);
  if (unshare(CLONE_NEWNET) != 0 ||
      system("ip link add upper type bridge && "
             "ip link add veth1 numrxqueues 4 numtxqueues 4 type veth "
             "peer name veth2 numrxqueues 4 numtxqueues 4") != 0)
    return -1;
  open_monitor();
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  monitor = monitor_close(monitor);
  assert_null(monitor);
  return 0;
}

static const struct link_state *find_name(const char *name) {
  const struct link_state *link = NULL;

  while ((link = monitor_next(monitor, link)))
    if (strcmp(link->name, name) == 0)
      return link;
  fail_msg("%s is not known", name);
  return NULL;
}

/* --- the cases --- */

static void test_open(void **state) {
  const struct link_state *veth = find_name("veth1");

  (void)state;
  assert_exact();
  assert_int_equal(veth->ifindex, if_nametoindex("veth1"));
  assert_string_equal(veth->kind, "veth");
  assert_int_equal(veth->type, ARPHRD_ETHER);
  assert_int_equal(veth->mtu, 1500);
  assert_int_equal(veth->rx_queues, 4);
  assert_int_equal(veth->tx_queues, 4);
  assert_int_equal(veth->lower, if_nametoindex("veth2"));
  assert_int_equal(veth->master, 0);
  assert_int_equal(veth->xdp.program, 0);
  assert_int_equal(veth->flags & IFF_UP, 0);
  assert_string_equal(find_name("upper")->kind, "bridge");
  assert_string_equal(find_name("lo")->kind, "");
  assert_int_equal(find_name("lo")->type, ARPHRD_LOOPBACK);
  assert_true(find_name("lo")->flags & IFF_LOOPBACK);
  assert_null(monitor_find(monitor, 4711));
  assert_int_equal(read_changes(), 0);
  assert_string_equal(visited, "");
}

static void test_new_and_removed(void **state) {
  (void)state;
  run("ip link add new1 type bridge");
  expect("+new1\n");
  assert_exact();
  run("ip link del new1");
  expect("-new1\n");
  assert_exact();
  run("ip link del veth1");
  expect("-veth1\n-veth2\n");
  assert_exact();
}

static void test_re_created(void **state) {
  unsigned before = if_nametoindex("upper");

  (void)state;
  run("ip link del upper && ip link add upper type bridge");
  expect("-upper\n+upper\n");
  assert_null(monitor_find(monitor, before));
  /* With the same number, too. */
  before = if_nametoindex("upper");
  run("ip link del upper && ip link add upper mtu 1400 index %u type bridge",
      before);
  expect("-upper\n+upper\n");
  assert_int_equal(monitor_find(monitor, before)->mtu, 1400);
  assert_exact();
}

static void test_renamed(void **state) {
  unsigned ifindex = if_nametoindex("veth1");

  (void)state;
  run("ip link set veth1 name other");
  expect("veth1: name>other\n");
  assert_string_equal(monitor_find(monitor, ifindex)->name, "other");
  run("ip link set other up");
  expect("other: up 0>1\n");
  /* Before Linux 6.2 only what is down takes another name. */
  if (system("ip link set other name again 2>/dev/null") != 0) {
    run("ip link set other down && ip link set other name again && "
        "ip link set again up");
    expect("other: up 1>0\nother: name>again\nagain: up 0>1\n");
  } else {
    expect("other: name>again\n");
  }
  assert_exact();
}

static void swap(const char *a, const char *b) {
  run("ip link set %s name swapped && ip link set %s name %s && "
      "ip link set swapped name %s",
      a, b, a, b);
}

static void test_swapped(void **state) {
  (void)state;
  swap("veth1", "veth2");
  expect("veth1: name>swapped\nveth2: name>veth1\nswapped: name>veth2\n");
  assert_exact();
}

static void test_up_and_mtu(void **state) {
  (void)state;
  run("ip link set veth1 up");
  expect("veth1: up 0>1\n");
  assert_true(find_name("veth1")->flags & IFF_UP);
  run("ip link set veth1 mtu 1400");
  expect("veth1: mtu 1500>1400\n");
  run("ip link set veth1 down");
  expect("veth1: up 1>0\n");
  assert_exact();
}

/* The bridge says that its port is removed: of the bridge, that is. */
static void test_enslaved(void **state) {
  char lines[64];
  unsigned master = if_nametoindex("upper");

  (void)state;
  run("ip link set veth1 master upper");
  snprintf(lines, sizeof(lines), "veth1: master 0>%u\n", master);
  expect(lines);
  assert_exact();
  run("ip link set veth1 nomaster && ip link set veth2 mtu 1400");
  snprintf(lines, sizeof(lines), "veth1: master %u>0\nveth2: mtu 1500>1400\n",
           master);
  expect(lines);
  assert_exact();
}

static int calls;

static void count_calls(void *context, const struct link_state *before,
                        const struct link_state *after) {
  (void)context;
  (void)before;
  (void)after;
  calls++;
}

static bool is_readable(void) {
  struct pollfd poller = {.fd = monitor_fd(monitor), .events = POLLIN};

  return poll(&poller, 1, 1000 * SECONDS) == 1;
}

static void count_unchanged(void *context, const struct link_state *before,
                            const struct link_state *after) {
  (void)context;
  if (before && after && strcmp(after->name, "veth1") == 0 &&
      link_state_equals(before, after))
    calls++;
}

static void assert_told_unchanged(void) {
  time_t deadline = time(NULL) + SECONDS;

  calls = 0;
  while (!calls && time(NULL) < deadline && is_readable())
    assert_int_equal(monitor_read(monitor, count_unchanged, NULL), 0);
  assert_true(calls);
}

/* The alias is no part of what is known; nor how many queues are in use, whose
 * message has only how many there are. */
static void test_nothing_changed_that_is_known(void **state) {
  (void)state;
  run("ip link set veth1 up && ip link set veth2 up");
  expect("veth1: up 0>1\nveth2: up 0>1\n");
  run("ip link set veth1 alias \"somebody's\"");
  assert_told_unchanged();
  /* Since Linux 5.15. */
  if (system("ethtool -L veth1 rx 2 tx 2 2>/dev/null") == 0)
    assert_told_unchanged();
  calls = 0;
  assert_int_equal(monitor_resync(monitor, count_calls, NULL), 0);
  assert_int_equal(calls, 0);
}

static void test_names(void **state) {
  static const char *const names[] = {"eth0.100", "it's",           "say\"so\"",
                                      "größe",    "a,b=c",          "$(x)`;&",
                                      "-dash",    "fifteen-octets."};

  (void)state;
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
    char line[64];
    assert_int_equal(setenv("NAME", names[i], 1), 0);
    run("ip link add name \"$NAME\" type bridge");
    snprintf(line, sizeof(line), "+%s\n", names[i]);
    expect(line);
    assert_exact();
    run("ip link del dev \"$NAME\"");
    line[0] = '-';
    expect(line);
  }
}

static void test_huge_ifindex(void **state) {
  (void)state;
  run("ip link add big1 index 2000000 type veth peer name big2 index "
      "2147483647");
  expect("+big2\n+big1\n");
  assert_string_equal(monitor_find(monitor, 2000000)->name, "big1");
  assert_string_equal(monitor_find(monitor, 2147483647)->name, "big2");
  assert_exact();
  run("ip link del big1");
  expect("-big1\n-big2\n");
}

/* A process with a namespace of its own, which ends with it. */
static pid_t start_other_namespace(void) {
  int ready[2];
  char octet;

  assert_int_equal(pipe(ready), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    close(ready[0]);
    if (unshare(CLONE_NEWNET) != 0 || write(ready[1], "", 1) != 1)
      _exit(1);
    alarm(60);
    pause();
    _exit(0);
  }
  close(ready[1]);
  assert_int_equal(read(ready[0], &octet, 1), 1);
  close(ready[0]);
  return child;
}

static void end(pid_t child) {
  assert_int_equal(kill(child, SIGKILL), 0);
  assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_moved(void **state) {
  pid_t other = start_other_namespace();
  unsigned ifindex = if_nametoindex("veth1");

  (void)state;
  run("ip link set veth1 netns %d", other);
  expect("-veth1\n");
  assert_null(monitor_find(monitor, ifindex));
  assert_exact();
  /* What its number stands for is not to be looked for here. */
  assert_int_equal(monitor_resync(monitor, visit, visited), 0);
  assert_int_equal(find_name("veth2")->lower, 0);
  run("nsenter --net=/proc/%d/ns/net ip link set veth1 netns %d", other,
      getpid());
  expect("+veth1\n");
  assert_exact();
  assert_int_equal(monitor_resync(monitor, visit, visited), 0);
  assert_int_equal(find_name("veth2")->lower, find_name("veth1")->ifindex);
  end(other);
}

/* The namespace ends with the device in it. */
static void test_moved_and_gone(void **state) {
  pid_t other = start_other_namespace();

  (void)state;
  run("ip link set veth1 netns %d", other);
  expect("-veth1\n");
  end(other);
  expect("-veth2\n");
  assert_exact();
}

/* --- messages that this kernel does not send --- */

static void send_link(unsigned short type, unsigned ifindex, const char *kind,
                      unsigned lower, unsigned short more) {
  char buffer[512];
  struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
  struct ifinfomsg *link =
      mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
  struct mnl_socket *sender = mnl_socket_open(NETLINK_ROUTE);
  struct sockaddr_nl to = {.nl_family = AF_NETLINK};
  socklen_t length = sizeof(to);

  message->nlmsg_type = type;
  message->nlmsg_pid = 4711; /* who asked the kernel for the change */
  link->ifi_index = ifindex;
  mnl_attr_put_strz(message, IFLA_IFNAME, "made-up");
  if (lower)
    mnl_attr_put_u32(message, IFLA_LINK, lower);
  if (kind) {
    struct nlattr *nest = mnl_attr_nest_start(message, IFLA_LINKINFO);
    mnl_attr_put_strz(message, IFLA_INFO_KIND, kind);
    mnl_attr_nest_end(message, nest);
  }
  if (more)
    mnl_attr_put_u32(message, more, 0);
  assert_int_equal(
      getsockname(monitor_fd(monitor), (struct sockaddr *)&to, &length), 0);
  to.nl_groups = 0;
  assert_true(sendto(mnl_socket_get_fd(sender), message, message->nlmsg_len, 0,
                     (struct sockaddr *)&to, sizeof(to)) > 0);
  mnl_socket_close(sender);
}

static void test_vlan(void **state) {
  (void)state;
  assert_false(monitor_has_vlan(monitor, 70000));
  /* Before what it stands on. */
  send_link(RTM_NEWLINK, 501, "vlan", 70000, 0);
  expect("+made-up\n");
  assert_true(monitor_has_vlan(monitor, 70000));
  assert_null(monitor_find(monitor, 70000));
  send_link(RTM_NEWLINK, 70000, NULL, 0, 0);
  send_link(RTM_NEWLINK, 502, "vlan", 70000, 0);
  /* These are not: another kind, another namespace's number. */
  send_link(RTM_NEWLINK, 503, "macvlan", IFINDEX_LOOPBACK, 0);
  send_link(RTM_NEWLINK, 504, "vlan", IFINDEX_LOOPBACK, IFLA_LINK_NETNSID);
  expect("+made-up\n+made-up\n+made-up\n+made-up\n");
  assert_false(monitor_has_vlan(monitor, IFINDEX_LOOPBACK));
  send_link(RTM_DELLINK, 501, "vlan", 70000, 0);
  expect("-made-up\n");
  assert_true(monitor_has_vlan(monitor, 70000));
  /* To another one. */
  calls = 0;
  send_link(RTM_NEWLINK, 502, "vlan", IFINDEX_LOOPBACK, 0);
  assert_int_equal(monitor_read(monitor, count_calls, NULL), 0);
  assert_int_equal(calls, 1);
  assert_false(monitor_has_vlan(monitor, 70000));
  assert_true(monitor_has_vlan(monitor, IFINDEX_LOOPBACK));
  send_link(RTM_DELLINK, 502, "vlan", IFINDEX_LOOPBACK, 0);
  expect("-made-up\n");
  assert_false(monitor_has_vlan(monitor, IFINDEX_LOOPBACK));
  /* The kernel has none of these. */
  calls = 0;
  assert_int_equal(monitor_resync(monitor, count_calls, NULL), 0);
  assert_int_equal(calls, 3);
  assert_exact();
}

/* A wireless card tells of its stations that way. */
static void test_wireless_event(void **state) {
  (void)state;
  send_link(RTM_NEWLINK, if_nametoindex("veth1"), NULL, 0, IFLA_WIRELESS);
  assert_true(is_readable());
  assert_int_equal(read_changes(), 0);
  assert_string_equal(visited, "");
  assert_exact();
}

/* --- XDP --- */

static int load_program(void) {
  static const struct bpf_insn pass[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS},
      {.code = BPF_JMP | BPF_EXIT},
  };

  return bpf_prog_load(BPF_PROG_TYPE_XDP, NULL, "GPL", pass, 2, NULL);
}

static __u32 query_xdp(unsigned ifindex) {
  struct xdp_state xdp = {4711, true};

  assert_int_equal(monitor_query_xdp(ifindex, &xdp), 0);
  assert_false(xdp.is_generic);
  return xdp.program;
}

static void test_xdp(void **state) {
  unsigned ifindex = if_nametoindex("veth1");
  int program = load_program();
  struct bpf_prog_info info = {0};
  __u32 length = sizeof(info);
  struct xdp_state unused;

  (void)state;
  assert_true(program >= 0);
  assert_int_equal(bpf_obj_get_info_by_fd(program, &info, &length), 0);
  assert_int_equal(query_xdp(ifindex), 0);
  int link = bpf_link_create(program, ifindex, BPF_XDP, NULL);
  assert_true(link >= 0);
  assert_int_equal(query_xdp(ifindex), info.id);
  assert_int_equal(find_name("veth1")->xdp.program, 0);
  assert_int_equal(monitor_resync(monitor, visit, visited), 0);
  assert_non_null(strstr(visited, "veth1: xdp 0>1\n"));
  assert_int_equal(find_name("veth1")->xdp.program, info.id);
  visited[0] = '\0';
  close(link);
  assert_int_equal(query_xdp(ifindex), 0);
  assert_int_equal(monitor_resync(monitor, visit, visited), 0);
  assert_non_null(strstr(visited, "veth1: xdp 1>0\n"));
  close(program);
  assert_int_equal(monitor_query_xdp(4711, &unused), -ENODEV);
}

/* --- overruns --- */

static void make_buffer_tiny(void) {
  int size = 1;

  assert_int_equal(setsockopt(monitor_fd(monitor), SOL_SOCKET, SO_RCVBUF, &size,
                              sizeof(size)),
                   0);
}

/* Some changes that nobody cares for. */
static void overrun(void) {
  for (int i = 0; i < 4; i++)
    run("ip link add passing type bridge && ip link del passing");
}

static void test_overrun(void **state) {
  (void)state;
  make_buffer_tiny();
  overrun();
  run("ip link del veth1 && ip link add veth1 type bridge && "
      "ip link set upper mtu 1400");
  assert_int_equal(read_changes(), 1);
  assert_string_equal(visited, "-veth2\n-veth1\nupper: mtu 1500>1400\n"
                               "+veth1\n");
  assert_exact();
  visited[0] = '\0';
  /* It goes on as before. */
  run("ip link set upper mtu 1300");
  expect("upper: mtu 1400>1300\n");
}

/* A name is given up before another link takes it. */
static void test_swapped_in_overrun(void **state) {
  char lines[3][64];
  unsigned first = if_nametoindex("veth1"), second = if_nametoindex("veth2");

  (void)state;
  make_buffer_tiny();
  overrun();
  swap("veth1", "veth2");
  assert_int_equal(read_changes(), 1);
  assert_string_equal(monitor_find(monitor, first)->name, "veth2");
  assert_string_equal(monitor_find(monitor, second)->name, "veth1");
  assert_exact();
  for (size_t i = 0; i < 2; i++) {
    const char *name = i ? "veth2" : "veth1", *other = i ? "veth1" : "veth2";
    snprintf(lines[i], sizeof(*lines), "%s: name>\n%s: name>%s\n: name>%s\n",
             name, other, name, other);
  }
  if (strcmp(visited, lines[0]) != 0)
    assert_string_equal(visited, lines[1]);
}

/* Each takes the name of the next, the last a new one: from the end on. */
static void test_chain_in_overrun(void **state) {
  (void)state;
  run("ip link add veth3 type bridge");
  expect("+veth3\n");
  make_buffer_tiny();
  overrun();
  run("ip link set veth3 name veth4 && ip link set veth2 name veth3 && "
      "ip link set veth1 name veth2 && ip link add veth1 type bridge");
  assert_int_equal(read_changes(), 1);
  assert_string_equal(visited, "veth3: name>veth4\nveth2: name>veth3\n"
                               "veth1: name>veth2\n+veth1\n");
  assert_exact();
}

static void put_peer(struct nlmsghdr *message, const char *name) {
  struct nlattr *information = mnl_attr_nest_start(message, IFLA_LINKINFO);

  mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
  struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
  struct nlattr *peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
  mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
  mnl_attr_put_strz(message, IFLA_IFNAME, name);
  mnl_attr_nest_end(message, peer);
  mnl_attr_nest_end(message, data);
  mnl_attr_nest_end(message, information);
}

static struct nlmsghdr *begin_change(char *buffer, unsigned short type,
                                     unsigned short flags) {
  struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

  message->nlmsg_type = type;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
  mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
  return message;
}

static bool change(struct mnl_socket *socket, const struct nlmsghdr *message) {
  char answer[8192];

  if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
    return false;
  ssize_t length = mnl_socket_recvfrom(socket, answer, sizeof(answer));
  return mnl_cb_run(answer, length, 0, 0, NULL, NULL) >= 0;
}

static bool add_pair(struct mnl_socket *socket, int number, unsigned group) {
  char buffer[512], name[IF_NAMESIZE];
  struct nlmsghdr *message = begin_change(buffer, RTM_NEWLINK, NLM_F_CREATE);

  snprintf(name, sizeof(name), "flood%d", number);
  mnl_attr_put_strz(message, IFLA_IFNAME, name);
  mnl_attr_put_u32(message, IFLA_GROUP, group);
  snprintf(name, sizeof(name), "peer%d", number);
  put_peer(message, name);
  return change(socket, message);
}

/* One removal takes the kernel some milliseconds, and a hundred as well. */
static bool remove_group(struct mnl_socket *socket, unsigned group) {
  char buffer[512];
  struct nlmsghdr *message = begin_change(buffer, RTM_DELLINK, 0);

  mnl_attr_put_u32(message, IFLA_GROUP, group);
  return change(socket, message);
}

/* Every tenth pair stays. */
static int flood(void) {
  enum { PASSING = 1 };
  struct mnl_socket *socket = mnl_socket_open(NETLINK_ROUTE);

  if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
    return 1;
  for (int i = 0; i < FLOOD; i++)
    if (!add_pair(socket, i, i % 10 ? PASSING : 0) ||
        (i % 100 == 99 && !remove_group(socket, PASSING)))
      return 1;
  return 0;
}

static pid_t start_flood(void) {
  pid_t child = fork();

  assert_true(child >= 0);
  if (child == 0)
    _exit(flood());
  return child;
}

static bool has_ended(pid_t child, int options) {
  int status;

  if (waitpid(child, &status, options) != child)
    return false;
  assert_int_equal(status, 0);
  return true;
}

/* Returns how often messages were lost. */
static int read_all(void) {
  struct pollfd poller = {.fd = monitor_fd(monitor), .events = POLLIN};
  int overruns = 0;

  while (poll(&poller, 1, 10) == 1) {
    int status = monitor_read(monitor, count_calls, NULL);
    assert_true(status >= 0);
    overruns += status;
  }
  return overruns;
}

/* Whether the kernel had no room for a message. */
static bool has_overrun(void) {
  __u32 memory[SK_MEMINFO_VARS] = {0};
  socklen_t size = sizeof(memory);

  assert_int_equal(
      getsockopt(monitor_fd(monitor), SOL_SOCKET, SO_MEMINFO, memory, &size),
      0);
  return memory[SK_MEMINFO_DROPS];
}

/* A reader that is woken for each message would keep up, on one CPU. */
static void wait_for_overrun(void) {
  time_t deadline = time(NULL) + SECONDS;

  while (!has_overrun() && time(NULL) < deadline)
    usleep(1000);
}

static void test_flood(void **state) {
  int overruns = 0;

  (void)state;
  make_buffer_tiny();
  pid_t child = start_flood();
  wait_for_overrun();
  do
    overruns += read_all();
  while (!has_ended(child, WNOHANG));
  overruns += read_all();
  assert_true(overruns > 0);
  assert_exact();
}

/* Nobody reads for long: the buffer has room for all. */
static void test_flood_unread(void **state) {
  (void)state;
  calls = 0;
  assert_true(has_ended(start_flood(), 0));
  assert_int_equal(read_all(), 0);
  assert_true(calls >= 2 * FLOOD + 2 * FLOOD * 9 / 10);
  assert_exact();
}

/* --- the descriptor --- */

static void test_descriptor(void **state) {
  struct rlimit usual, low;

  (void)state;
  assert_true(monitor_fd(monitor) >= 1024);
  assert_true(fcntl(monitor_fd(monitor), F_GETFD) & FD_CLOEXEC);
  monitor = monitor_close(monitor);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
  low = usual;
  low.rlim_cur = 3;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
  int error = monitor_open(&monitor);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
  assert_int_equal(error, -EMFILE);
  assert_null(monitor);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_open),
      TEST(test_new_and_removed),
      TEST(test_re_created),
      TEST(test_renamed),
      TEST(test_swapped),
      TEST(test_up_and_mtu),
      TEST(test_enslaved),
      TEST(test_nothing_changed_that_is_known),
      TEST(test_names),
      TEST(test_huge_ifindex),
      TEST(test_moved),
      TEST(test_moved_and_gone),
      TEST(test_vlan),
      TEST(test_wireless_event),
      TEST(test_xdp),
      TEST(test_overrun),
      TEST(test_swapped_in_overrun),
      TEST(test_chain_in_overrun),
      TEST(test_flood),
      TEST(test_flood_unread),
      TEST(test_descriptor),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
