// SPDX-License-Identifier: MIT

/* A TCP connection through a veth pair between two network namespaces, while
 * the receiver's frames are counted in one way or another. Offloads are as the
 * kernel sets them: at tc super-frames come in. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/groups.h"
#include "tests/bench/bench.h"

#define ADDRESS_OF_RECEIVER "192.0.2.1"
#define ADDRESS_OF_SENDER "192.0.2.2"

enum {
  RUN_MS = 300,
  TIMEOUT_S = 5, /* of each socket: a run that hangs ends */
  PORT = 5001,
  KSOFTIRQD_MAX = 64,
  OCTETS_AT_ONCE = 1 << 17,
  FRAME_MAX_ON_WIRE = 1514,
};

struct way {
  const char *name;
  unsigned entries;
};

static const struct way ways[] = {
    {"nothing", 0},
    {"tc", ENTRY_BIT(ENTRY_TC_RX) | ENTRY_BIT(ENTRY_TC_TX)},
    {"native", ENTRY_BIT(ENTRY_NATIVE)},
    {"generic", ENTRY_BIT(ENTRY_GENERIC)},
};
enum { NOTHING, WAYS_COUNT = sizeof(ways) / sizeof(*ways) };

/* This process is in the receiver's namespace. */
struct path {
  int sender_namespace;
  int listener;
  unsigned ifindex; /* the receiver's */
  struct datapath *datapath;
};

/* What a run took. */
struct effort {
  double octets;
  double ns;     /* of the clock */
  double cpu_ns; /* of all CPUs */
};

struct measurement {
  struct samples gbit_per_s[WAYS_COUNT];
  struct samples cpu_ps_per_octet[WAYS_COUNT];
};

static char buffer_sent[OCTETS_AT_ONCE];
static char buffer_received[OCTETS_AT_ONCE];

/* --- time of the CPUs ---*/

/* Threads of the kernel that take over where softirqs, which otherwise run in
 * our own time, are too many. Without them (in a container) it is less. */
static clockid_t ksoftirqd[KSOFTIRQD_MAX];
static size_t ksoftirqd_count;

static void find_ksoftirqd(void) {
  FILE *list = popen("pgrep '^ksoftirqd/'", "re");
  int pid;

  while (list && ksoftirqd_count < KSOFTIRQD_MAX &&
         fscanf(list, "%d", &pid) == 1)
    if (clock_getcpuclockid(pid, &ksoftirqd[ksoftirqd_count]) == 0)
      ksoftirqd_count++;
  if (list)
    pclose(list);
}

static double cpu_now(void) {
  double ns = now(CLOCK_PROCESS_CPUTIME_ID);

  for (size_t i = 0; i < ksoftirqd_count; i++)
    ns += now(ksoftirqd[i]);
  return ns;
}

/* --- the connection ---*/

static const struct sockaddr_in *receiver_address(void) {
  static struct sockaddr_in address = {.sin_family = AF_INET};

  address.sin_port = htons(PORT);
  inet_pton(AF_INET, ADDRESS_OF_RECEIVER, &address.sin_addr);
  return &address;
}

static int open_socket(void) {
  const struct timeval timeout = {.tv_sec = TIMEOUT_S};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0)
    die("socket", -errno);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0)
    die("timeout of a socket", -errno);
  return fd;
}

static int open_listener(void) {
  const struct sockaddr_in *address = receiver_address();
  int fd = open_socket();

  if (bind(fd, (const void *)address, sizeof(*address)) != 0 ||
      listen(fd, 1) != 0)
    die("listen", -errno);
  return fd;
}

static void *send_for_a_while(void *context) {
  const struct path *path = context;
  const struct sockaddr_in *address = receiver_address();

  pin_to(0);
  enter(path->sender_namespace);
  int fd = open_socket();
  if (connect(fd, (const void *)address, sizeof(*address)) != 0)
    die("connect", -errno);
  double end = now(CLOCK_MONOTONIC) + RUN_MS * 1e6;
  while (now(CLOCK_MONOTONIC) < end)
    if (write(fd, buffer_sent, sizeof(buffer_sent)) < 0)
      die("send", -errno);
  close(fd);
  return NULL;
}

static struct effort receive(int listener) {
  struct effort effort = {0};
  ssize_t length;

  /* Has the listener's timeout. */
  int fd = accept(listener, NULL, NULL);
  if (fd < 0)
    die("accept", -errno);
  double begin = now(CLOCK_MONOTONIC);
  double cpu_begin = cpu_now();
  while ((length = read(fd, buffer_received, sizeof(buffer_received))) > 0)
    effort.octets += length;
  if (length < 0)
    die("receive", -errno);
  effort.ns = now(CLOCK_MONOTONIC) - begin;
  effort.cpu_ns = cpu_now() - cpu_begin;
  close(fd);
  return effort;
}

static struct effort connect_once(struct path *path) {
  pthread_t sender;

  int error = pthread_create(&sender, NULL, send_for_a_while, path);
  if (error)
    die("cannot start a thread", -error);
  struct effort effort = receive(path->listener);
  pthread_join(sender, NULL);
  return effort;
}

/* --- while frames are counted ---*/

static void attach(const struct path *path, enum entry entry,
                   struct port **ret_port) {
  enum attachment attachment;

  *ret_port = open_port(path->datapath, entry, path->ifindex);
  int error = port_attach(*ret_port, &attachment);
  if (error)
    die("cannot attach", error);
}

/* That all of the payload was counted. But at generic XDP, where a super-frame
 * is one frame, none is longer than on the wire. */
static void check_counts(const struct path *path, enum entry entry,
                         const struct port *port, double payload) {
  struct counts *counts = datapath_new_counts(path->datapath);

  if (!counts)
    die("counts", -ENOMEM);
  port_read(port, counts);
  double octets = counts->total.octets, packets = counts->total.packets;
  free(counts);
  if (packets == 0 || (entry != ENTRY_TC_TX && octets < payload))
    die("less was counted than was received", -EIO);
  if (entry != ENTRY_GENERIC && octets > packets * FRAME_MAX_ON_WIRE)
    die("fewer frames were counted than were on the wire", -EIO);
}

static struct effort run_way(struct path *path, const struct way *way) {
  struct port *ports[ENTRY_COUNT] = {NULL};

  for (enum entry e = 0; e < ENTRY_COUNT; e++)
    if (way->entries & ENTRY_BIT(e))
      attach(path, e, &ports[e]);
  struct effort effort = connect_once(path);
  for (enum entry e = 0; e < ENTRY_COUNT; e++) {
    if (ports[e])
      check_counts(path, e, ports[e], effort.octets);
    close_port(ports[e]);
  }
  return effort;
}

/* --- the whole ---*/

static void make_pair(struct path *path) {
  new_namespace();
  path->sender_namespace = namespace_descriptor();
  new_namespace();
  int receiver_namespace = namespace_descriptor();
  command("ip link add bench0 type veth peer name bench0 netns /proc/%d/fd/%d "
          "&& ip addr add " ADDRESS_OF_RECEIVER "/24 dev bench0 && "
          "ip link set bench0 up",
          getpid(), path->sender_namespace);
  enter(path->sender_namespace);
  command("ip addr add " ADDRESS_OF_SENDER "/24 dev bench0 && "
          "ip link set bench0 up");
  enter(receiver_namespace);
  close(receiver_namespace);
}

static struct datapath *load_programs(void) {
  struct datapath *datapath;
  unsigned entries = 0;
  char why[512];

  for (size_t i = 0; i < WAYS_COUNT; i++)
    entries |= ways[i].entries;
  int error =
      datapath_open(GROUPS_DEFAULT, NULL, entries, &datapath, why, sizeof(why));
  if (error)
    die(why, error);
  return datapath;
}

static void report_csv(const char *what, const char *unit, size_t way,
                       const struct samples *samples,
                       const struct summary *ratio) {
  char ratio_of[32];
  struct summary summary = summarise(samples[way]);

  snprintf(ratio_of, sizeof(ratio_of), "%s-ratio", what);
  write_csv(what, "tcp-stream", cpus < 2 ? 1 : 2, ways[way].name, unit,
            &summary);
  write_csv(ratio_of, "tcp-stream", cpus < 2 ? 1 : 2, ways[way].name, "1",
            ratio);
}

static void report(const struct measurement *measured) {
  printf(
      "\nTCP through a veth pair, %d runs of %d ms, %s: with 95 %% intervals "
      "of the medians\n",
      RUNS, RUN_MS, cpus < 2 ? "1 CPU" : "2 CPUs");
  printf("%-10s %8s %10s %15s %14s %10s %15s\n", "counted at", "Gbit/s",
         "/ nothing", "(interval)", "CPU ps/octet", "/ nothing", "(interval)");
  for (size_t i = 0; i < WAYS_COUNT; i++) {
    const struct samples *rate = measured->gbit_per_s;
    const struct samples *cpu = measured->cpu_ps_per_octet;
    struct summary faster = summarise(samples_ratio(&rate[i], &rate[NOTHING]));
    struct summary dearer = summarise(samples_ratio(&cpu[i], &cpu[NOTHING]));
    printf("%-10s %8.2f %10.3f %7.3f %7.3f %14.0f %10.3f %7.3f %7.3f\n",
           ways[i].name, summarise(rate[i]).median, faster.median, faster.lower,
           faster.upper, summarise(cpu[i]).median, dearer.median, dearer.lower,
           dearer.upper);
    report_csv("tcp", "Gbit/s", i, rate, &faster);
    report_csv("tcp-cpu", "ps/octet", i, cpu, &dearer);
  }
}

static void measure(struct path *path, struct measurement *ret_measured) {
  for (size_t run = 0; run < RUNS; run++) {
    for (size_t i = 0; i < WAYS_COUNT; i++) {
      size_t w = (i + run) % WAYS_COUNT;
      struct effort effort = run_way(path, &ways[w]);
      ret_measured->gbit_per_s[w].values[run] = effort.octets * 8 / effort.ns;
      ret_measured->cpu_ps_per_octet[w].values[run] =
          effort.cpu_ns * 1e3 / effort.octets;
    }
  }
}

void tcp_compare(void) {
  struct path path;
  struct measurement measured;

  make_pair(&path);
  path.ifindex = if_nametoindex("bench0");
  path.listener = open_listener();
  path.datapath = load_programs();
  find_ksoftirqd();
  pin_to(cpus - 1);
  measure(&path, &measured);
  datapath_close(path.datapath);
  close(path.listener);
  close(path.sender_namespace);
  report(&measured);
}
