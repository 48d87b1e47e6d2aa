// SPDX-License-Identifier: MIT

/* What a frame costs. Runs of all programs are interleaved, each round
 * beginning with another one, so that what else the machine does hits all
 * alike; read the differences and ratios. Usage: bench [CSV-FILE] */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "plugin/datapath.h"
#include "plugin/groups.h"
#include "plugin/log.h"
#include "tests/framegen.h"
#include "tests/frames.h"

#include "tests/bench/peers.skel.h"
#include "tests/framegen.skel.h"

enum {
  RUNS = 31,
  FRAMES_PER_RUN = 100000,
  FRAMES_PER_VETH_RUN = 300000,
  PROGRAMS_MAX = 16,
  CPUS_MAX = 64,
  IFINDEX_LOOPBACK = 1, /* where test runs come in */
};

struct program {
  const char *name;
  int fd;
  struct datapath *datapath; /* NULL: not ours */
  struct port *port;
};

/* Nanoseconds a frame, of each run; sorted by summarise(). */
struct samples {
  double ns[RUNS];
};

static struct program programs[PROGRAMS_MAX];
static size_t programs_count;
static size_t cpus;
static FILE *csv;

static const char *const frame_names[] = {
    "ipv4-tcp",      "ipv4-tcp-1514-octets", "ipv6-udp",
    "vlan-ipv4-udp", "ipv6-chain-8-udp",     "arp-request"};

void log_write(int severity, const char *format, ...) {
  va_list arguments;

  if (severity == LOG_DEBUG)
    return;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
}

static void die(const char *what, int error) {
  fprintf(stderr, "bench: %s: %s\n", what, strerror(-error));
  exit(EXIT_FAILURE);
}

/* This thread's own time: what others take from its CPU does not count. The
 * kernel's own figure is in whole nanoseconds. */
static double now(void) {
  struct timespec t;

  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static void add_ours(const char *name, __u32 groups) {
  struct program *program = &programs[programs_count++];
  char why[512];

  int error = datapath_open(groups, &program->datapath, why, sizeof(why));
  if (error)
    die(why, error);
  error =
      port_open(program->datapath, IFINDEX_LOOPBACK, HOOK_NONE, &program->port);
  if (error)
    die("counters", error);
  program->name = name;
  program->fd = datapath_program(program->datapath);
}

/* The first three are what the others are put in relation to. */
enum { EMPTY, TEXTBOOK, DEFAULT };

static struct peers *set_up_programs(void) {
  struct peers *peers = peers__open_and_load();

  if (!peers)
    die("cannot load", -errno);
  programs[EMPTY] = (struct program){.name = "empty",
                                     .fd = bpf_program__fd(peers->progs.empty)};
  programs[TEXTBOOK] = (struct program){
      .name = "textbook", .fd = bpf_program__fd(peers->progs.textbook)};
  programs_count = DEFAULT;
  add_ours("protocol (default)", GROUPS_DEFAULT);
  add_ours("total", GROUP_BIT(GROUP_TOTAL));
  for (enum group g = GROUP_PROTOCOL + 1; g < GROUP_COUNT; g++)
    add_ours(groups_name(g), GROUP_BIT(g));
  add_ours("all", GROUPS_ALL);
  return peers;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static void sort(struct samples *samples) {
  qsort(samples->ns, RUNS, sizeof(*samples->ns), by_value);
}

static double median(const struct samples *sorted) {
  return sorted->ns[RUNS / 2];
}

static double lower_quartile(const struct samples *sorted) {
  return sorted->ns[RUNS / 4];
}

static double upper_quartile(const struct samples *sorted) {
  return sorted->ns[RUNS - 1 - RUNS / 4];
}

static void pin_to(size_t cpu) {
  cpu_set_t set;

  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof(set), &set) != 0)
    die("cannot pin", -errno);
}

/* One run on this CPU. */
static double run_once(const struct program *program,
                       const struct frame_case *frame) {
  uint8_t octets[FRAME_MAX];
  LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = octets,
              .repeat = FRAMES_PER_RUN);

  run.data_size_in = frame_octets(frame, octets);
  double begin = now();
  int error = bpf_prog_test_run_opts(program->fd, &run);
  if (error)
    die(frame->name, error);
  return (now() - begin) / FRAMES_PER_RUN;
}

struct worker {
  pthread_t thread;
  size_t cpu;
  const struct program *program;
  const struct frame_case *frame;
  pthread_barrier_t *start;
  double ns;
};

static void *work(void *context) {
  struct worker *worker = context;

  pin_to(worker->cpu);
  pthread_barrier_wait(worker->start);
  worker->ns = run_once(worker->program, worker->frame);
  return NULL;
}

/* One run on `count` CPUs at once; their mean. */
static double run_on(size_t count, const struct program *program,
                     const struct frame_case *frame) {
  struct worker workers[CPUS_MAX];
  pthread_barrier_t start;
  double sum = 0;

  pthread_barrier_init(&start, NULL, count);
  for (size_t i = 0; i < count; i++) {
    workers[i] = (struct worker){
        .cpu = i, .program = program, .frame = frame, .start = &start};
    int error = pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    if (error)
      die("cannot start a thread", -error);
  }
  for (size_t i = 0; i < count; i++) {
    pthread_join(workers[i].thread, NULL);
    sum += workers[i].ns;
  }
  pthread_barrier_destroy(&start);
  return sum / count;
}

/* What each run of a program took more than the same round's empty one. */
static struct samples added_to(const struct samples *base,
                               const struct samples *samples) {
  struct samples added;

  for (size_t run = 0; run < RUNS; run++)
    added.ns[run] = samples->ns[run] - base->ns[run];
  sort(&added);
  return added;
}

/* With the textbook's cost as the unit, on one CPU. Where that is a few
 * nanoseconds, as on CPUs that hide an atomic addition behind the return, look
 * at the quartiles before the ratio. */
static void print_ratio(const struct samples *added,
                        const struct samples *textbook, size_t count) {
  if (count > 1 || median(textbook) <= 0)
    printf(" %10s\n", "-");
  else
    printf(" %10.2f\n", median(added) / median(textbook));
}

static void write_csv(const char *test, const char *frame, size_t count,
                      const struct program *program,
                      const struct samples *sorted) {
  if (csv)
    fprintf(csv, "%s,%s,%zu,%s,%.2f,%.2f,%.2f\n", test, frame, count,
            program->name, median(sorted), lower_quartile(sorted),
            upper_quartile(sorted));
}

static void report(const char *frame, size_t count, struct samples *samples) {
  struct samples added[PROGRAMS_MAX];

  for (size_t p = 0; p < programs_count; p++)
    added[p] = added_to(&samples[EMPTY], &samples[p]);
  printf("\n%s, %zu CPU%s: ns a frame\n", frame, count,
         count > 1 ? "s at once" : "");
  printf("%-20s %8s %8s %18s %10s\n", "program", "median", "- empty",
         "(quartiles)", "/ textbook");
  for (size_t p = 0; p < programs_count; p++) {
    sort(&samples[p]);
    printf("%-20s %8.1f %8.1f %9.1f %8.1f", programs[p].name,
           median(&samples[p]), median(&added[p]), lower_quartile(&added[p]),
           upper_quartile(&added[p]));
    print_ratio(&added[p], &added[TEXTBOOK], count);
    write_csv("run", frame, count, &programs[p], &samples[p]);
  }
}

/* How much more all CPUs count than one, from the runs of each round. */
static void report_scaling(const struct samples *one,
                           const struct samples *all) {
  struct samples times;

  for (size_t run = 0; run < RUNS; run++)
    times.ns[run] = cpus * one->ns[run] / all->ns[run];
  sort(&times);
  printf("%zu CPUs count at %.2f times the rate of one (quartiles %.2f, "
         "%.2f)\n",
         cpus, median(&times), lower_quartile(&times), upper_quartile(&times));
}

/* All programs over one frame, on one CPU and on all at once. */
static void compare(const char *name) {
  struct samples one[PROGRAMS_MAX], all[PROGRAMS_MAX];
  const struct frame_case *frame = frame_find(name);

  for (size_t run = 0; run < RUNS; run++) {
    for (size_t i = 0; i < programs_count; i++) {
      size_t p = (i + run) % programs_count;
      one[p].ns[run] = run_on(1, &programs[p], frame);
      all[p].ns[run] = run_on(cpus, &programs[p], frame);
    }
  }
  struct samples one_default = one[DEFAULT], all_default = all[DEFAULT];
  report(name, 1, one);
  if (cpus == 1)
    return;
  report(name, cpus, all);
  report_scaling(&one_default, &all_default);
}

/* --- through a veth pair --- */

static int attach(int program, unsigned ifindex) {
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);

  return bpf_link_create(program, ifindex, BPF_XDP, &options);
}

static double run_veth(int generator, const uint8_t *octets, size_t length) {
  LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = octets, .data_size_in = length,
              .repeat = FRAMES_PER_VETH_RUN,
              .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

  double begin = now();
  int error = bpf_prog_test_run_opts(generator, &run);
  if (error)
    die("live frames", error);
  return (now() - begin) / FRAMES_PER_VETH_RUN;
}

/* That all frames of a run arrived. */
static void check_arrival(const struct program *program,
                          const struct port *port) {
  struct counts *counts = datapath_new_counts(program->datapath);

  if (!counts)
    die("counts", -ENOMEM);
  port_read(port, counts);
  if (counts->total.packets != FRAMES_PER_VETH_RUN)
    die("frames were lost on their way", -EIO);
  free(counts);
}

/* Frames that arrive at one end, while `program` is attached there. */
static double run_attached(const struct program *program, int generator,
                           const uint8_t *octets, size_t length) {
  unsigned ifindex = if_nametoindex("bench1");
  struct port *port = NULL;
  int link = -1, error = 0;

  if (program->datapath)
    error = port_open(program->datapath, ifindex, HOOK_NATIVE, &port);
  else
    error = link = attach(program->fd, ifindex);
  if (error < 0)
    die("cannot attach", error);
  double ns = run_veth(generator, octets, length);
  if (port)
    check_arrival(program, port);
  port_close(port);
  if (link >= 0)
    close(link);
  return ns;
}

/* The namespace goes with this process. */
static void make_pair(void) {
  if (unshare(CLONE_NEWNET) != 0)
    die("network namespace", -errno);
  if (system("sysctl -qw net.ipv6.conf.default.disable_ipv6=1 && "
             "ip link add bench0 type veth peer name bench1 && "
             "ip link set bench0 up && ip link set bench1 up") != 0)
    die("veth pair", -EIO);
}

static struct framegen *set_up_generator(const uint8_t *octets, size_t length) {
  struct framegen *generator = framegen__open();

  if (!generator)
    die("generator", -errno);
  generator->rodata->ifindex = if_nametoindex("bench0");
  int error = framegen__load(generator);
  if (error)
    die("generator", error);
  memcpy(generator->bss->head.octets, octets,
         length < FRAME_HEAD ? length : FRAME_HEAD);
  return generator;
}

static void report_veth(const char *frame, const size_t *compared,
                        size_t compared_count, struct samples *samples) {
  for (size_t i = 0; i < compared_count; i++)
    sort(&samples[i]);
  printf("\n%s through a veth pair, 1 CPU: millions of frames a second\n",
         frame);
  printf("%-20s %8s %10s %10s %10s\n", "program", "median", "quartile",
         "quartile", "/ empty");
  for (size_t i = 0; i < compared_count; i++) {
    printf("%-20s %8.2f %10.2f %10.2f %10.2f\n", programs[compared[i]].name,
           1e3 / median(&samples[i]), 1e3 / upper_quartile(&samples[i]),
           1e3 / lower_quartile(&samples[i]),
           median(&samples[0]) / median(&samples[i]));
    write_csv("veth", frame, 1, &programs[compared[i]], &samples[i]);
  }
}

static void compare_veth(const char *name) {
  const size_t compared[] = {EMPTY, DEFAULT, programs_count - 1};
  enum { COMPARED = sizeof(compared) / sizeof(*compared) };
  struct samples samples[COMPARED];
  uint8_t octets[FRAME_MAX];
  size_t length = frame_octets(frame_find(name), octets);
  struct framegen *generator = set_up_generator(octets, length);
  int program = bpf_program__fd(generator->progs.framegen);

  for (size_t run = 0; run < RUNS; run++) {
    for (size_t i = 0; i < COMPARED; i++) {
      size_t c = (i + run) % COMPARED;
      samples[c].ns[run] =
          run_attached(&programs[compared[c]], program, octets, length);
    }
  }
  framegen__destroy(generator);
  report_veth(name, compared, COMPARED, samples);
}

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
  printf("%s, Linux %s, %zu x %s; %d runs of %d frames, interleaved\n", date,
         name.release, cpus, model, RUNS, FRAMES_PER_RUN);
}

int main(int argc, char **argv) {
  cpus = sysconf(_SC_NPROCESSORS_ONLN);
  if (cpus > CPUS_MAX)
    cpus = CPUS_MAX;
  if (argc > 1) {
    csv = fopen(argv[1], "we");
    if (!csv)
      die(argv[1], -errno);
    fprintf(csv, "test,frame,cpus,program,median_ns,lower_quartile_ns,"
                 "upper_quartile_ns\n");
  }
  make_pair();
  print_machine();
  struct peers *peers = set_up_programs();
  for (size_t i = 0; i < sizeof(frame_names) / sizeof(*frame_names); i++)
    compare(frame_names[i]);
  pin_to(0);
  compare_veth("ipv4-tcp");

  for (size_t p = DEFAULT; p < programs_count; p++) {
    port_close(programs[p].port);
    datapath_close(programs[p].datapath);
  }
  peers__destroy(peers);
  if (csv)
    fclose(csv);
  return EXIT_SUCCESS;
}
