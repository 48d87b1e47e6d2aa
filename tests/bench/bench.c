// SPDX-License-Identifier: MIT

/* What a frame costs, and what an interface does. Usage:
 * bench [CSV-FILE [frames|filters|observe|tcp|scale]] */
#include "tests/bench/bench.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "plugin/groups.h"
#include "plugin/log.h"
#include "plugin/notices.h"

#include "tests/bench/peers.skel.h"

struct program programs[PROGRAMS_COUNT];
size_t cpus;
static FILE *csv;

static const char *const frame_names[] = {
    "ipv4-tcp",      "ipv4-tcp-1514-octets", "ipv6-udp",
    "vlan-ipv4-udp", "ipv6-chain-8-udp",     "arp-request"};

/* --- for all parts ---*/

void log_write(int severity, const char *format, ...) {
  va_list arguments;

  if (severity > LOG_WARNING)
    return;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
}

/* What happens here on purpose is no news. */
void notify_dispatch(enum notice_severity severity, const struct timespec *time,
                     const char *interface, const char *text) {
  (void)severity;
  (void)time;
  (void)interface;
  (void)text;
}

void die(const char *what, int error) {
  fprintf(stderr, "bench: %s: %s\n", what, strerror(-error));
  exit(EXIT_FAILURE);
}

double now(clockid_t clock) {
  struct timespec t;

  clock_gettime(clock, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

void pin_to(size_t cpu) {
  cpu_set_t set;

  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof(set), &set) != 0)
    die("cannot pin", -errno);
}

void pin_to_none(void) {
  cpu_set_t set;

  CPU_ZERO(&set);
  for (size_t i = 0; i < cpus; i++)
    CPU_SET(i, &set);
  if (sched_setaffinity(0, sizeof(set), &set) != 0)
    die("cannot unpin", -errno);
}

void command(const char *format, ...) {
  va_list arguments;
  char line[512];

  va_start(arguments, format);
  vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  if (system(line) != 0)
    die(line, -EIO);
}

void new_namespace(void) {
  if (unshare(CLONE_NEWNET) != 0)
    die("network namespace", -errno);
  /* Nothing but our frames. */
  command("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
}

int namespace_descriptor(void) {
  int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    die("network namespace", -errno);
  return fd;
}

void enter(int namespace) {
  if (setns(namespace, CLONE_NEWNET) != 0)
    die("cannot enter a network namespace", -errno);
}

struct port *open_port(struct datapath *datapath, enum entry entry,
                       unsigned ifindex) {
  struct port *port;

  int error = port_new(datapath, entry, ifindex, LINK_ETHERNET, 0, &port);
  if (!error)
    error = ports_publish(&port, 1);
  if (error)
    die("counters", error);
  return port;
}

void close_port(struct port *port) {
  if (port)
    ports_unpublish(&port, 1);
  port_free(port);
}

/* --- the file ---*/

static void open_csv(const char *name) {
  csv = fopen(name, "we");
  if (!csv)
    die(name, -errno);
  fprintf(csv, "test,frame,cpus,program,unit,median,lower_quartile,"
               "upper_quartile,lower_95,upper_95\n");
}

void write_csv(const char *test, const char *frame, size_t cpus_used,
               const char *program, const char *unit,
               const struct summary *summary) {
  if (csv)
    fprintf(csv, "%s,%s,%zu,%s,%s,%.4g,%.4g,%.4g,%.4g,%.4g\n", test, frame,
            cpus_used, program, unit, summary->median, summary->lower_quartile,
            summary->upper_quartile, summary->lower, summary->upper);
}

/* --- the programs ---*/

static void add_foreign(enum program_index index, const char *name,
                        const struct bpf_program *program) {
  programs[index] = (struct program){.name = name,
                                     .fd = bpf_program__fd(program),
                                     .base = EMPTY,
                                     .native = index};
}

struct datapath *open_datapath(enum entry entry, __u32 groups) {
  struct datapath *datapath;
  char why[512];

  int error = datapath_open(groups, NULL, ENTRY_BIT(entry), &datapath, why,
                            sizeof(why));
  if (error)
    die(why, error);
  return datapath;
}

static struct program *add_ours(enum program_index index, const char *name,
                                enum entry entry, __u32 groups) {
  struct program *program = &programs[index];

  *program = (struct program){.name = name, .base = EMPTY, .native = index};
  program->datapath = open_datapath(entry, groups);
  program->port = open_port(program->datapath, entry, IFINDEX_LOOPBACK);
  program->fd = datapath_program(program->datapath, entry);
  return program;
}

static void add_native(void) {
  add_ours(DEFAULT, "protocol (default)", ENTRY_NATIVE, GROUPS_DEFAULT);
  add_ours(TOTAL, "total", ENTRY_NATIVE, GROUP_BIT(GROUP_TOTAL));
  for (enum group g = GROUP_PROTOCOL + 1; g <= GROUP_CPU; g++)
    add_ours(SINGLE_GROUPS + g - GROUP_PROTOCOL - 1, groups_name(g),
             ENTRY_NATIVE, GROUP_BIT(g));
  add_ours(ALL, "all", ENTRY_NATIVE, GROUPS_ALL);
}

static void add_other_entries(void) {
  static const struct {
    enum program_index index, base, native;
    const char *name;
    enum entry entry;
    __u32 groups;
  } rows[] = {
      {FRAGS_DEFAULT, EMPTY, DEFAULT, "frags protocol", ENTRY_NATIVE_FRAGS,
       GROUPS_DEFAULT},
      {GENERIC_DEFAULT, EMPTY, DEFAULT, "generic protocol", ENTRY_GENERIC,
       GROUPS_DEFAULT},
      {TC_DEFAULT, TC_EMPTY, DEFAULT, "tc protocol", ENTRY_TC_RX,
       GROUPS_DEFAULT},
      {TC_ALL, TC_EMPTY, ALL, "tc all", ENTRY_TC_RX, GROUPS_ALL},
  };

  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    struct program *program =
        add_ours(rows[i].index, rows[i].name, rows[i].entry, rows[i].groups);
    program->base = rows[i].base;
    program->native = rows[i].native;
  }
}

static struct peers *set_up_programs(void) {
  struct peers *peers = peers__open_and_load();

  if (!peers)
    die("cannot load", -errno);
  add_foreign(EMPTY, "empty", peers->progs.empty);
  add_foreign(TEXTBOOK, "textbook", peers->progs.textbook);
  add_native();
  add_foreign(TC_EMPTY, "tc empty", peers->progs.empty_tc);
  programs[TC_EMPTY].base = TC_EMPTY;
  add_other_entries();
  return peers;
}

static void close_programs(struct peers *peers) {
  for (size_t i = 0; i < PROGRAMS_COUNT; i++) {
    close_port(programs[i].port);
    datapath_close(programs[i].datapath);
  }
  peers__destroy(peers);
}

/* --- the whole ---*/

static void print_machine(void) {
  char line[256], model[128] = "unknown CPU", date[32];
  FILE *info = fopen("/proc/cpuinfo", "re");
  time_t t = time(NULL);
  struct utsname name;

  while (info && fgets(line, sizeof(line), info))
    if (sscanf(line, "model name : %127[^\n]", model) == 1)
      break;
  if (info)
    fclose(info);
  uname(&name);
  strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&t));
  printf("%s, Linux %s, %zu x %s; %d runs of each, interleaved\n", date,
         name.release, cpus, model, RUNS);
}

static void measure_programs(void) {
  struct peers *peers = set_up_programs();

  for (size_t i = 0; i < sizeof(frame_names) / sizeof(*frame_names); i++)
    cost_compare(frame_names[i]);
  veth_compare("ipv4-tcp");
  close_programs(peers);
}

static const struct {
  const char *name;
  void (*measure)(void);
} parts[] = {{"frames", measure_programs},
             {"filters", filters_compare},
             {"observe", observe_compare},
             {"tcp", tcp_compare},
             {"scale", scale_measure}};

int main(int argc, char **argv) {
  cpus = sysconf(_SC_NPROCESSORS_ONLN);
  if (argc > 1)
    open_csv(argv[1]);
  print_machine();
  for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
    if (argc < 3 || strcmp(argv[2], parts[i].name) == 0)
      parts[i].measure();
  if (csv)
    fclose(csv);
  return EXIT_SUCCESS;
}
