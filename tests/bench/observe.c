// SPDX-License-Identifier: MIT

/* Somebody else's program that does nothing: alone, and observed. On a machine
 * whose clock counts instructions (tests/vm/run -i) these are what is told. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>

#include "plugin/groups.h"
#include "tests/bench/bench.h"

#include "tests/bench/peers.skel.h"

/* What is reported of the frames. */
struct report {
  const char *name;
  __u32 groups;
  struct datapath *datapath;
  struct port *own, *observing;
  struct peers *foreign; /* that is observed */
  struct samples own_ns, foreign_ns;
};

static struct peers *load_foreign(__u32 *ret_id) {
  struct peers *foreign = peers__open_and_load();
  struct bpf_prog_info info = {0};
  __u32 size = sizeof(info);

  if (!foreign)
    die("cannot load", -errno);
  int error = bpf_obj_get_info_by_fd(bpf_program__fd(foreign->progs.empty),
                                     &info, &size);
  if (error)
    die("cannot ask for a program", error);
  *ret_id = info.id;
  return foreign;
}

/* Returns 0 or -errno: programs cannot be observed here. */
static int set_up(struct report *report) {
  enum attachment attachment;
  __u32 id;

  report->datapath = open_datapath(ENTRY_NATIVE, report->groups);
  report->own = open_port(report->datapath, ENTRY_NATIVE, IFINDEX_LOOPBACK);
  report->foreign = load_foreign(&id);
  int error = port_new_beside(report->datapath, id, IFINDEX_LOOPBACK,
                              LINK_ETHERNET, 0, &report->observing);
  if (!error)
    error = ports_publish(&report->observing, 1);
  return error ? error : port_attach(report->observing, &attachment);
}

static void tear_down(struct report *report) {
  close_port(report->observing);
  close_port(report->own);
  datapath_close(report->datapath);
  peers__destroy(report->foreign);
}

static void measure(struct report *report, size_t run, const char *frame) {
  int own = datapath_program(report->datapath, ENTRY_NATIVE);
  int foreign = bpf_program__fd(report->foreign->progs.empty);

  report->own_ns.values[run] = cost_of(own, frame);
  report->foreign_ns.values[run] = cost_of(foreign, frame);
}

static void tell(const struct report *report, const struct samples *empty,
                 const char *frame) {
  struct samples added = samples_minus(&report->foreign_ns, empty);
  struct samples own = samples_minus(&report->own_ns, empty);
  struct summary more = summarise(added), ours = summarise(own);
  struct summary whole = summarise(report->own_ns);
  struct summary ratio = summarise(samples_ratio(&added, &report->own_ns));

  printf("%-20s %8.1f %8.1f %8.1f %8.2f\n", report->name, more.median,
         whole.median, ours.median, ratio.median);
  write_csv("observe", frame, 1, report->name, "ns", &more);
  write_csv("observe-ratio", frame, 1, report->name, "own entry", &ratio);
}

static void compare(struct report *reports, size_t count, const char *frame) {
  struct samples empty;
  __u32 id;
  struct peers *alone = load_foreign(&id);

  for (size_t run = 0; run < RUNS; run++) {
    empty.values[run] = cost_of(bpf_program__fd(alone->progs.empty), frame);
    for (size_t i = 0; i < count; i++)
      measure(&reports[(i + run) % count], run, frame);
  }
  peers__destroy(alone);
  printf("\n%s, 1 CPU: ns a frame, an empty program takes %.1f\n", frame,
         summarise(empty).median);
  printf("%-20s %8s %8s %8s %8s\n", "observed, report", "added", "ours",
         "- empty", "/ ours");
  for (size_t i = 0; i < count; i++)
    tell(&reports[i], &empty, frame);
}

/* How long it takes to observe a program that has taken another one's place. */
static void time_exchange(struct report *report) {
  struct samples took;
  struct peers *foreign[2] = {report->foreign, NULL};

  for (size_t run = 0; run < RUNS; run++) {
    __u32 id;
    foreign[1] = load_foreign(&id);
    double begin = now(CLOCK_MONOTONIC);
    int error = port_follow(report->observing, id);
    if (error)
      die("cannot observe the next program", error);
    took.values[run] = (now(CLOCK_MONOTONIC) - begin) / 1e6;
    peers__destroy(foreign[0]);
    foreign[0] = foreign[1];
  }
  report->foreign = foreign[0];
  struct summary summary = summarise(took);
  printf("to observe the next program, %s: %.1f ms (quartiles %.1f, %.1f)\n",
         report->name, summary.median, summary.lower_quartile,
         summary.upper_quartile);
  write_csv("observe-exchange", "-", 1, report->name, "ms", &summary);
}

void observe_compare(void) {
  static const char *const frames[] = {"ipv4-tcp", "ipv4-tcp-1514-octets",
                                       "ipv6-udp", "arp-request"};
  struct report reports[] = {
      {.name = "total", .groups = GROUP_BIT(GROUP_TOTAL)},
      {.name = "protocol (default)", .groups = GROUPS_DEFAULT},
      {.name = "all", .groups = GROUPS_ALL}};
  enum { REPORTS = sizeof(reports) / sizeof(*reports) };
  int error = 0;

  for (size_t i = 0; i < REPORTS && !error; i++)
    error = set_up(&reports[i]);
  if (error)
    printf("\nthis kernel does not have programs observed (%d)\n", -error);
  pin_to(0);
  for (size_t i = 0; i < sizeof(frames) / sizeof(*frames) && !error; i++)
    compare(reports, REPORTS, frames[i]);
  pin_to_none();
  for (size_t i = 0; i < REPORTS && !error; i++)
    time_exchange(&reports[i]);
  for (size_t i = 0; i < REPORTS; i++)
    if (reports[i].datapath)
      tear_down(&reports[i]);
}
