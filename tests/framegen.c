// SPDX-License-Identifier: MIT

/* Frame generator: sends frames of the table in tests/frames.c out of one end
 * of a veth pair, by live-frame test runs (BPF_F_TEST_XDP_LIVE_FRAMES):
 * millions a second, none lost as long as the other end keeps up. That end
 * needs native XDP, or GRO. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/framegen.skel.h"
#include "tests/frames.h"

enum { LIVE_FRAME_MAX = 3400 }; /* what fits into a page with its headroom */

static const char usage[] =
    "usage: framegen [-c CPU] INTERFACE FRAME=COUNT...\n"
    "       framegen -l\n"
    "Sends COUNT frames of each FRAME, and prints the number of frames and of\n"
    "octets. -c: run on this CPU. -l: list the frames.\n";

static int list_frames(void) {
  for (size_t i = 0; i < frame_cases_count; i++)
    puts(frame_cases[i].name);
  return EXIT_SUCCESS;
}

static int pin_to(const char *cpu) {
  cpu_set_t set;

  CPU_ZERO(&set);
  CPU_SET(strtoul(cpu, NULL, 10), &set);
  return sched_setaffinity(0, sizeof(set), &set);
}

/* Returns the frame's octets, or -1 with a message. */
static int64_t send_frames(int program, const char *name, uint32_t count) {
  const struct frame_case *frame = frame_find(name);
  uint8_t octets[FRAME_MAX];
  LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = octets, .repeat = count,
              .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

  if (!frame) {
    fprintf(stderr, "framegen: no frame is called %s, see framegen -l\n", name);
    return -1;
  }
  run.data_size_in = frame_octets(frame, octets);
  if (run.data_size_in > LIVE_FRAME_MAX) {
    fprintf(stderr, "framegen: %s is too long for a live frame\n", name);
    return -1;
  }
  int error = bpf_prog_test_run_opts(program, &run);
  if (error) {
    fprintf(stderr, "framegen: %s: %s\n", name, strerror(-error));
    return -1;
  }
  return run.data_size_in;
}

/* Sends what "FRAME=COUNT" says and adds it up. */
static int send_argument(int program, char *argument, uint64_t *frames,
                         uint64_t *octets) {
  char *count = strchr(argument, '=');

  if (!count) {
    fputs(usage, stderr);
    return -1;
  }
  *count++ = '\0';
  uint32_t n = strtoul(count, NULL, 10);
  if (!n)
    return 0;
  int64_t length = send_frames(program, argument, n);
  if (length < 0)
    return -1;
  *frames += n;
  *octets += (uint64_t)length * n;
  return 0;
}

static struct framegen *load(const char *interface) {
  struct framegen *object = framegen__open();

  if (!object)
    return NULL;
  object->rodata->ifindex = if_nametoindex(interface);
  if (!object->rodata->ifindex || framegen__load(object) != 0) {
    framegen__destroy(object);
    return NULL;
  }
  return object;
}

int main(int argc, char **argv) {
  uint64_t frames = 0, octets = 0;
  int status = EXIT_SUCCESS;

  for (int option; (option = getopt(argc, argv, "c:l")) != -1;) {
    if (option == 'l')
      return list_frames();
    if (option != 'c' || pin_to(optarg) != 0) {
      fputs(usage, stderr);
      return EXIT_FAILURE;
    }
  }
  if (argc - optind < 2) {
    fputs(usage, stderr);
    return EXIT_FAILURE;
  }
  struct framegen *object = load(argv[optind]);
  if (!object) {
    fprintf(stderr, "framegen: %s: cannot send: %s\n", argv[optind],
            strerror(errno));
    return EXIT_FAILURE;
  }
  for (int i = optind + 1; i < argc && status == EXIT_SUCCESS; i++)
    if (send_argument(bpf_program__fd(object->progs.framegen), argv[i], &frames,
                      &octets) != 0)
      status = EXIT_FAILURE;
  framegen__destroy(object);
  printf("%" PRIu64 " %" PRIu64 "\n", frames, octets);
  return status;
}
