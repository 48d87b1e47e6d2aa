// SPDX-License-Identifier: MIT

/* Frames that come in through a veth pair, by native XDP. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/framegen.h"
#include "tests/frames.h"

#include "tests/framegen.skel.h"

enum { FRAMES_PER_RUN = 300000 };

static const enum program_index compared[] = {EMPTY, DEFAULT, ALL};
enum { COMPARED = sizeof(compared) / sizeof(*compared) };

/* What sends the frames. */
struct generator {
  struct framegen *object;
  uint8_t octets[FRAME_MAX];
  size_t length;
};

static double generate(struct generator *generator) {
  LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = generator->octets,
              .data_size_in = generator->length, .repeat = FRAMES_PER_RUN,
              .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

  double begin = now(CLOCK_THREAD_CPUTIME_ID);
  int error = bpf_prog_test_run_opts(
      bpf_program__fd(generator->object->progs.framegen), &run);
  if (error)
    die("live frames", error);
  return (now(CLOCK_THREAD_CPUTIME_ID) - begin) / FRAMES_PER_RUN;
}

static void check_arrival(const struct program *program,
                          const struct port *port) {
  struct counts *counts = datapath_new_counts(program->datapath);

  if (!counts)
    die("counts", -ENOMEM);
  port_read(port, counts);
  if (counts->total.packets != FRAMES_PER_RUN)
    die("frames were lost on their way", -EIO);
  free(counts);
}

static double run_ours(const struct program *program, unsigned ifindex,
                       struct generator *generator) {
  struct port *port = open_port(program->datapath, ENTRY_NATIVE, ifindex);
  enum attachment attachment;

  int error = port_attach(port, &attachment);
  if (error)
    die("cannot attach", error);
  double ns = generate(generator);
  check_arrival(program, port);
  close_port(port);
  return ns;
}

static double run_foreign(const struct program *program, unsigned ifindex,
                          struct generator *generator) {
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);

  int link = bpf_link_create(program->fd, ifindex, BPF_XDP, &options);
  if (link < 0)
    die("cannot attach", link);
  double ns = generate(generator);
  close(link);
  return ns;
}

static void set_up(struct generator *generator, const char *frame) {
  struct framegen *object = generator->object = framegen__open();

  if (!object)
    die("generator", -errno);
  object->rodata->ifindex = if_nametoindex("bench0");
  int error = framegen__load(object);
  if (error)
    die("generator", error);
  size_t length = frame_octets(frame_find(frame), generator->octets);
  memcpy(object->bss->head.octets, generator->octets,
         length < FRAME_HEAD ? length : FRAME_HEAD);
  generator->length = length;
}

static void report(const char *frame, const struct samples *samples) {
  double empty = summarise(samples[0]).median;

  printf("\n%s through a veth pair, 1 CPU: millions of frames a second\n",
         frame);
  printf("%-20s %8s %10s %10s %10s\n", "program", "median", "quartile",
         "quartile", "/ empty");
  for (size_t i = 0; i < COMPARED; i++) {
    struct summary ns = summarise(samples[i]);
    const char *name = programs[compared[i]].name;
    printf("%-20s %8.2f %10.2f %10.2f %10.2f\n", name, 1e3 / ns.median,
           1e3 / ns.upper_quartile, 1e3 / ns.lower_quartile, empty / ns.median);
    write_csv("veth", frame, 1, name, "ns", &ns);
  }
}

void veth_compare(const char *frame) {
  struct generator generator;
  struct samples samples[COMPARED];

  new_namespace();
  command("ip link add bench0 type veth peer name bench1 && "
          "ip link set bench0 up && ip link set bench1 up");
  unsigned ifindex = if_nametoindex("bench1");
  pin_to(0);
  set_up(&generator, frame);
  for (size_t run = 0; run < RUNS; run++) {
    for (size_t i = 0; i < COMPARED; i++) {
      size_t c = (i + run) % COMPARED;
      const struct program *program = &programs[compared[c]];
      samples[c].values[run] = program->datapath
                                   ? run_ours(program, ifindex, &generator)
                                   : run_foreign(program, ifindex, &generator);
    }
  }
  framegen__destroy(generator.object);
  report(frame, samples);
}
