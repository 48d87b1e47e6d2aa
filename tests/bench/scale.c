// SPDX-License-Identifier: MIT

/* A host of thousands of interfaces, which the plugin follows as it does under
 * collectd: how long it takes to attach and to detach, what a read and an
 * interface cost, and how soon new interfaces are counted. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plugin/counter.h"
#include "plugin/groups.h"
#include "plugin/interfaces.h"
#include "plugin/pattern.h"
#include "tests/bench/bench.h"
#include "tests/bench/footprint.h"
#include "tests/bench/veths.h"

#include "tests/bench/peers.skel.h"

enum {
  INTERFACES = 4096,
  BURST = 1000,
  CYCLES = 3, /* of attaching and detaching all */
  TIMEOUT_S = 60,
  POLL_MS = 2,
  SETTLE_MS = 500, /* the thread has looked for what others left behind */
  SOON_MS = 100,
  CACHES = 64 << 20, /* octets, more than they have */
};

/* --- the table ---*/

static void print_title(void) {
  printf("\n%d veths, whose peers are in another network namespace\n",
         INTERFACES);
  printf("%-46s %9s %-4s %9s\n", "", "measured", "", "target");
}

/* `target` as it is printed, "" where there is none. */
static void print_row(const char *what, const struct summary *measured,
                      const char *unit, const char *target) {
  printf("%-46s %9.4g %-4s %9s\n", what, measured->median, unit, target);
  fflush(stdout);
  write_csv("scale", "", cpus, what, unit, measured);
}

static void print_value(const char *what, double value, const char *unit,
                        const char *target) {
  const struct summary single = {value, value, value, value, value};

  print_row(what, &single, unit, target);
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

/* Of too few for quartiles. */
static void print_cycles(const char *what, double cycles[CYCLES],
                         const char *target) {
  qsort(cycles, CYCLES, sizeof(*cycles), by_value);
  const struct summary summary = {cycles[CYCLES / 2], cycles[0],
                                  cycles[CYCLES - 1], cycles[0],
                                  cycles[CYCLES - 1]};

  print_row(what, &summary, "s", target);
}

/* --- the plugin, but for collectd ---*/

static const struct counters no_counters;

struct plugin {
  struct selection selection;
  struct datapath *datapath;
  struct interfaces *interfaces;
};

static void init(struct plugin *plugin, const char *regex, enum mode mode,
                 __u32 groups) {
  struct settings settings = SETTINGS_DEFAULT;
  struct pattern *pattern;
  char why[512];

  *plugin = (struct plugin){.datapath = NULL};
  settings.mode = mode;
  settings.groups = groups;
  int error = pattern_open(regex, &pattern, why, sizeof(why));
  if (!error)
    error = selection_add(&plugin->selection, pattern, NULL);
  if (error)
    die("selection", error);
  selection_resolve(&plugin->selection, &settings);
  error = datapath_open(selection_groups(&plugin->selection), &no_counters,
                        selection_entries(&plugin->selection),
                        &plugin->datapath, why, sizeof(why));
  if (error)
    die(why, error);
  error = interfaces_start(&plugin->selection, &no_counters, plugin->datapath,
                           &plugin->interfaces);
  if (error)
    die("cannot start", error);
}

static void shut_down(struct plugin *plugin) {
  interfaces_stop(plugin->interfaces);
  datapath_close(plugin->datapath);
  selection_free(&plugin->selection);
}

static void count_attached(void *context, struct interface_report *report) {
  *(size_t *)context += report->is_attached;
}

static void sleep_ms(long ms) {
  const struct timespec duration = {ms / 1000, ms % 1000 * 1000000};

  nanosleep(&duration, NULL);
}

static void wait_for_all(struct plugin *plugin, size_t count) {
  double end = now(CLOCK_MONOTONIC) + TIMEOUT_S * 1e9;
  size_t attached = 0;

  while (attached < count) {
    if (now(CLOCK_MONOTONIC) > end) {
      fprintf(stderr, "bench: %zu of %zu are counted\n", attached, count);
      die("not all are attached", -ETIMEDOUT);
    }
    sleep_ms(POLL_MS);
    attached = 0;
    interfaces_read(plugin->interfaces, count_attached, &attached);
  }
}

/* --- all at once ---*/

static double attach_all(struct plugin *plugin, __u32 groups) {
  double begin = now(CLOCK_MONOTONIC);

  init(plugin, VETHS_REGEX, MODE_AUTO, groups);
  wait_for_all(plugin, INTERFACES);
  double end = now(CLOCK_MONOTONIC);
  if (veths_with_xdp() != INTERFACES)
    die("not all are counted in their driver", -EINVAL);
  return (end - begin) / 1e9;
}

/* The kernel waits for a grace period of RCU whenever tcx changes: of all
 * interfaces it would take a minute. */
static double attach_few_at_tc(struct plugin *plugin) {
  double begin = now(CLOCK_MONOTONIC);

  init(plugin, VETHS_FEW_REGEX, MODE_TC, GROUPS_DEFAULT);
  wait_for_all(plugin, VETHS_FEW);
  double end = now(CLOCK_MONOTONIC);
  if (veths_with_xdp())
    die("some are counted at XDP", -EINVAL);
  return (end - begin) / 1e9;
}

static double detach(struct plugin *plugin) {
  double begin = now(CLOCK_MONOTONIC);

  shut_down(plugin);
  double end = now(CLOCK_MONOTONIC);
  if (veths_with_xdp())
    die("some are still attached", -EBUSY);
  return (end - begin) / 1e9;
}

/* Of the first of the process, which reuses nothing. */
static void print_footprint(const struct footprint *before,
                            const struct footprint *after,
                            const struct plugin *plugin) {
  double resident = (after->resident - before->resident) / INTERFACES;
  double maps = (after->maps - before->maps) / INTERFACES +
                footprint_of_port(plugin->datapath);

  print_value("resident memory of an interface", resident / 1024, "KiB", "");
  print_value("kernel memory of its map and share of maps", maps / 1024, "KiB",
              "");
  print_value("both together", (resident + maps) / 1024, "KiB", "<= 16");
}

static void run_native(void) {
  double attached[CYCLES], detached[CYCLES];
  struct plugin plugin;

  for (size_t i = 0; i < CYCLES; i++) {
    attached[i] = attach_all(&plugin, GROUPS_DEFAULT);
    detached[i] = detach(&plugin);
  }
  print_cycles("all attached in Mode auto", attached, "<= 10");
  print_cycles("all detached in Mode auto", detached, "<= 2");
}

static void run_tc(void) {
  double attached[CYCLES], detached[CYCLES];
  struct plugin plugin;
  char what[64];

  for (size_t i = 0; i < CYCLES; i++) {
    attached[i] = attach_few_at_tc(&plugin);
    detached[i] = detach(&plugin);
  }
  snprintf(what, sizeof(what), "%d attached in Mode tc", VETHS_FEW);
  print_cycles(what, attached, "");
  snprintf(what, sizeof(what), "%d detached in Mode tc", VETHS_FEW);
  print_cycles(what, detached, "");
}

/* --- reads ---*/

static void touch(void *context, struct interface_report *report) {
  const struct counts *counts = report->sides[DIRECTION_RX].counts;

  if (counts)
    *(__u64 *)context += counts->total.packets;
}

static void read_once(struct plugin *plugin) {
  __u64 packets = 0;

  interfaces_read(plugin->interfaces, touch, &packets);
}

/* As it is after the ten seconds in which the CPU did something else. */
static void flush_caches(void) {
  static char *memory;

  if (!memory)
    memory = malloc(CACHES);
  if (!memory)
    die("memory", -ENOMEM);
  memset(memory, 1, CACHES);
  __asm__ volatile("" : : "r"(memory) : "memory");
}

static double time_read(struct plugin *plugin) {
  double begin = now(CLOCK_THREAD_CPUTIME_ID);

  read_once(plugin);
  return (now(CLOCK_THREAD_CPUTIME_ID) - begin) / 1e6;
}

static void print_reads(struct plugin *plugin, const char *report,
                        const char *target) {
  struct samples warm, cold;
  char what[64];

  for (size_t run = 0; run < RUNS; run++) {
    flush_caches();
    cold.values[run] = time_read(plugin);
    warm.values[run] = time_read(plugin);
  }
  struct summary warm_ms = summarise(warm), cold_ms = summarise(cold);
  snprintf(what, sizeof(what), "read of Report %s", report);
  print_row(what, &warm_ms, "ms", target);
  snprintf(what, sizeof(what), "read of Report %s with cold caches", report);
  print_row(what, &cold_ms, "ms", target);
}

/* NAN where the kernel does not tell, or where threads have other numbers in
 * this PID namespace. */
static double calls_of_read(struct plugin *plugin) {
  struct peers *peers = peers__open();
  double calls = NAN;

  if (!peers)
    die("cannot open", -errno);
  bpf_program__set_autoload(peers->progs.count_calls, true);
  if (peers__load(peers) == 0 && peers__attach(peers) == 0) {
    volatile __u64 *counter = &peers->bss->calls;
    peers->bss->watched_thread = gettid();
    __u64 before = *counter;
    read_once(plugin);
    __u64 after = *counter;
    syscall(SYS_getppid);
    if (*counter == after + 1)
      calls = after - before;
  }
  peers__destroy(peers);
  return calls;
}

static void run_default_report(void) {
  struct footprint before = footprint_now();
  struct plugin plugin;

  attach_all(&plugin, GROUPS_DEFAULT);
  read_once(&plugin);
  struct footprint after = footprint_now();
  print_footprint(&before, &after, &plugin);
  print_reads(&plugin, "protocol", "");
  print_value("system calls of a read", calls_of_read(&plugin), "", "0");
  detach(&plugin);
}

static void run_total(void) {
  struct plugin plugin;

  attach_all(&plugin, GROUP_BIT(GROUP_TOTAL));
  print_reads(&plugin, "total", "<= 4");
  detach(&plugin);
}

/* --- a burst of new ones ---*/

struct burst {
  unsigned first;
  int peers;
  size_t counted;
  double created[BURST], attached[BURST]; /* when */
};

static void *make_burst(void *context) {
  struct burst *burst = context;

  for (unsigned i = 0; i < BURST; i++) {
    veths_make_one(burst->first + i, burst->peers);
    burst->created[i] = now(CLOCK_MONOTONIC);
  }
  return NULL;
}

static void note_attached(void *context, struct interface_report *report) {
  struct burst *burst = context;
  unsigned i = veths_number(report->name) - burst->first;

  if (i >= BURST || !report->is_attached || burst->attached[i])
    return;
  burst->attached[i] = now(CLOCK_MONOTONIC);
  burst->counted++;
}

static void follow_burst(struct plugin *plugin, struct burst *burst) {
  double end = now(CLOCK_MONOTONIC) + TIMEOUT_S * 1e9;
  pthread_t maker;

  int error = pthread_create(&maker, NULL, make_burst, burst);
  if (error)
    die("cannot start a thread", -error);
  while (burst->counted < BURST && now(CLOCK_MONOTONIC) < end) {
    sleep_ms(POLL_MS);
    interfaces_read(plugin->interfaces, note_attached, burst);
  }
  pthread_join(maker, NULL);
  if (burst->counted < BURST)
    die("not all are attached", -ETIMEDOUT);
}

/* Those that are attached before the request that makes them returns are
 * counted at once. */
static void print_burst(const struct burst *burst, const char *where) {
  size_t soon = 0;
  double longest = 0;
  char what[64];

  for (size_t i = 0; i < BURST; i++) {
    double ms = (burst->attached[i] - burst->created[i]) / 1e6;
    soon += ms <= SOON_MS;
    longest = ms > longest ? ms : longest;
  }
  snprintf(what, sizeof(what), "%d new %s: within %d ms", BURST, where,
           SOON_MS);
  print_value(what, 100. * soon / BURST, "%", ">= 99");
  snprintf(what, sizeof(what), "%d new %s: the last", BURST, where);
  print_value(what, longest, "ms", "<= 1000");
  double made = burst->created[BURST - 1] - burst->created[0];
  snprintf(what, sizeof(what), "%d new %s: made in", BURST, where);
  print_value(what, made / 1e6, "ms", "");
}

static void run_burst(const char *where, unsigned present, int peers) {
  struct burst burst = {.first = present, .peers = peers};
  struct plugin plugin;

  init(&plugin, VETHS_REGEX, MODE_AUTO, GROUPS_DEFAULT);
  wait_for_all(&plugin, present);
  sleep_ms(SETTLE_MS);
  follow_burst(&plugin, &burst);
  detach(&plugin);
  print_burst(&burst, where);
}

/* --- the whole ---*/

void scale_measure(void) {
  new_namespace();
  int peers = namespace_descriptor();
  new_namespace();
  pin_to_none();
  print_title();
  run_burst("alone", 0, peers);
  veths_make(BURST, INTERFACES - BURST, peers);
  run_default_report();
  run_total();
  run_native();
  run_tc();
  run_burst("beside the others", INTERFACES, peers);
  close(peers);
}
