// SPDX-License-Identifier: MIT

/* Test runs: the program alone, without what brings it its frames. */
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "tests/bench/bench.h"
#include "tests/frames.h"

enum { FRAMES_PER_RUN = 100000, CPUS_MAX = 64 };

/* Of all programs. */
struct measurement {
  struct samples samples[PROGRAMS_COUNT];
};

struct worker {
  pthread_t thread;
  size_t cpu;
  const struct program *program;
  const struct frame_case *frame;
  pthread_barrier_t *start;
  double ns;
};

/* By this thread's own time: what others take from its CPU does not count. The
 * kernel's own figure is in whole nanoseconds. */
static double run_once(int program, const struct frame_case *frame) {
  uint8_t octets[FRAME_MAX];
  LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = octets,
              .repeat = FRAMES_PER_RUN);

  run.data_size_in = frame_octets(frame, octets);
  double begin = now(CLOCK_THREAD_CPUTIME_ID);
  int error = bpf_prog_test_run_opts(program, &run);
  if (error)
    die(frame->name, error);
  return (now(CLOCK_THREAD_CPUTIME_ID) - begin) / FRAMES_PER_RUN;
}

double cost_of(int program, const char *frame) {
  return run_once(program, frame_find(frame));
}

static void *work(void *context) {
  struct worker *worker = context;

  pin_to(worker->cpu);
  pthread_barrier_wait(worker->start);
  worker->ns = run_once(worker->program->fd, worker->frame);
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

/* More than the same round's empty one: test runs of an skb and of a frame at
 * XDP are not alike. */
static struct samples added(const struct measurement *measured,
                            enum program_index program) {
  return samples_minus(&measured->samples[program],
                       &measured->samples[programs[program].base]);
}

static struct summary added_summary(const struct measurement *measured,
                                    enum program_index program) {
  return summarise(added(measured, program));
}

/* With the textbook's cost as the unit, on one CPU. Where that is a few
 * nanoseconds, as on CPUs that hide an atomic addition behind the return, look
 * at the quartiles before the ratio. */
static void print_ratio(double cost, double textbook, size_t count) {
  if (count > 1 || textbook <= 0)
    printf(" %10s\n", "-");
  else
    printf(" %10.2f\n", cost / textbook);
}

static void report_programs(const struct measurement *measured,
                            const char *frame, size_t count) {
  double textbook = added_summary(measured, TEXTBOOK).median;

  printf("\n%s, %zu CPU%s: ns a frame\n", frame, count,
         count > 1 ? "s at once" : "");
  printf("%-20s %8s %8s %18s %10s\n", "program", "median", "- empty",
         "(quartiles)", "/ textbook");
  for (size_t p = 0; p < PROGRAMS_COUNT; p++) {
    struct summary all = summarise(measured->samples[p]);
    struct summary more = added_summary(measured, p);
    printf("%-20s %8.1f %8.1f %9.1f %8.1f", programs[p].name, all.median,
           more.median, more.lower_quartile, more.upper_quartile);
    print_ratio(more.median, textbook, count);
    write_csv("run", frame, count, programs[p].name, "ns", &all);
  }
}

/* What it costs that a frame is counted elsewhere than in the driver. */
static void report_entries(const struct measurement *measured,
                           const char *frame, size_t count) {
  printf("%-20s %8s %8s %18s\n", "", "", "- native", "(quartiles)");
  for (size_t p = 0; p < PROGRAMS_COUNT; p++) {
    if (programs[p].native == p)
      continue;
    struct samples native = added(measured, programs[p].native);
    struct samples here = added(measured, p);
    struct summary more = summarise(samples_minus(&here, &native));
    printf("%-20s %8s %8.1f %9.1f %8.1f\n", programs[p].name, "", more.median,
           more.lower_quartile, more.upper_quartile);
    write_csv("run-native", frame, count, programs[p].name, "ns", &more);
  }
}

/* How much more all CPUs count than one. */
static void report_scaling(const struct samples *one,
                           const struct samples *all) {
  struct summary ratio = summarise(samples_ratio(one, all));

  printf("%zu CPUs count at %.2f times the rate of one (quartiles %.2f, "
         "%.2f)\n",
         cpus, cpus * ratio.median, cpus * ratio.lower_quartile,
         cpus * ratio.upper_quartile);
}

static void report(const struct measurement *measured, const char *frame,
                   size_t count) {
  report_programs(measured, frame, count);
  report_entries(measured, frame, count);
}

void cost_compare(const char *name) {
  struct measurement one, all;
  const struct frame_case *frame = frame_find(name);
  size_t count = cpus < CPUS_MAX ? cpus : CPUS_MAX;

  for (size_t run = 0; run < RUNS; run++) {
    for (size_t i = 0; i < PROGRAMS_COUNT; i++) {
      size_t p = (i + run) % PROGRAMS_COUNT;
      one.samples[p].values[run] = run_on(1, &programs[p], frame);
      all.samples[p].values[run] = run_on(count, &programs[p], frame);
    }
  }
  report(&one, name, 1);
  if (count == 1)
    return;
  report(&all, name, count);
  report_scaling(&one.samples[DEFAULT], &all.samples[DEFAULT]);
}
