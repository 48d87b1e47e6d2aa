/* SPDX-License-Identifier: MIT */

/* What the parts of the benchmark share. Runs of all that is compared are
 * interleaved, each round beginning with another one, so that what else the
 * machine does hits all alike; read the differences and ratios. */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stddef.h>
#include <time.h>

#include "plugin/datapath.h"
#include "plugin/port.h"
#include "tests/bench/samples.h"

enum { IFINDEX_LOOPBACK = 1 /* where test runs come in */ };

/* In the order of the tables. */
enum program_index {
  EMPTY,
  TEXTBOOK,
  DEFAULT,
  TOTAL,
  SINGLE_GROUPS, /* those behind GROUP_PROTOCOL */
  ALL = SINGLE_GROUPS + GROUP_CPU - GROUP_PROTOCOL,
  FRAGS_DEFAULT,
  GENERIC_DEFAULT,
  TC_EMPTY,
  TC_DEFAULT,
  TC_ALL,
  PROGRAMS_COUNT
};

struct program {
  const char *name;
  int fd;
  enum program_index base;   /* does nothing at the same hook */
  enum program_index native; /* the same report in the driver */
  struct datapath *datapath; /* NULL: not ours */
  struct port *port;
};

extern struct program programs[PROGRAMS_COUNT];
extern size_t cpus;

/* What test runs of programs take, over one frame. */
void cost_compare(const char *frame);

/* Nanoseconds of a frame in test runs of a program, on this CPU. */
double cost_of(int program, const char *frame);

/* What it costs that somebody else's program is observed, beside what our own
 * entry costs. */
void observe_compare(void);

/* What users' counters cost, by their number. */
void filters_compare(void);

/* How many frames come in through a veth pair. */
void veth_compare(const char *frame);

/* How much TCP comes in through a veth pair. */
void tcp_compare(void);

/* How the plugin follows thousands of interfaces. */
void scale_measure(void);

_Noreturn void die(const char *what, int error);

/* Nanoseconds. */
double now(clockid_t clock);

void pin_to(size_t cpu);

/* Threads start where their maker may be. */
void pin_to_none(void);

/* Enters a network namespace of its own, which goes with the last of this
 * process's threads and descriptors in it. */
void new_namespace(void);

/* The network namespace of this thread; to be closed. */
int namespace_descriptor(void);

void enter(int namespace);

/* With the program of one entry. */
struct datapath *open_datapath(enum entry entry, __u32 groups);

/* New and published, of frames of Ethernet. */
struct port *open_port(struct datapath *datapath, enum entry entry,
                       unsigned ifindex);

/* Detaches and unpublishes. Takes NULL. */
void close_port(struct port *port);

/* Has the shell do it. */
void command(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A row of bench.csv. */
void write_csv(const char *test, const char *frame, size_t cpus_used,
               const char *program, const char *unit,
               const struct summary *summary);

#endif
