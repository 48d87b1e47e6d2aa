// SPDX-License-Identifier: MIT

/* Frame generator: sends frames of the table in tests/frames.c out of one end
 * of a veth pair, by live-frame test runs (BPF_F_TEST_XDP_LIVE_FRAMES):
 * millions a second, none lost as long as the other end keeps up. That end
 * needs native XDP, or GRO. Frames that do not fit into a page go through a
 * packet socket. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/groups.h"
#include "plugin/metrics.h"
#include "tests/expect.h"
#include "tests/framegen.h"

#include "tests/framegen.skel.h"

enum { LIVE_FRAME_MAX = 3400 }; /* what fits into a page with its headroom */

static const char usage[] =
    "usage: framegen [-c CPU] INTERFACE FRAME=COUNT...\n"
    "       framegen -l\n"
    "Sends COUNT frames of each FRAME (or of \"all\"), and prints the values\n"
    "that a receiver should count, a line each: TYPE[-INSTANCE] VALUE.\n"
    "  -c CPU  run there\n"
    "  -l      list the frames and their lengths\n";

struct generator {
  unsigned ifindex;
  struct framegen *object;
  int socket;
  struct counts sent;
};

static int list_frames(void) {
  uint8_t octets[FRAME_MAX];

  for (size_t i = 0; i < frame_cases_count; i++)
    printf("%s %zu\n", frame_cases[i].name,
           frame_octets(&frame_cases[i], octets));
  return EXIT_SUCCESS;
}

static int pin_to(const char *cpu) {
  cpu_set_t set;

  CPU_ZERO(&set);
  CPU_SET(strtoul(cpu, NULL, 10), &set);
  return sched_setaffinity(0, sizeof(set), &set);
}

static int send_live(const struct generator *g, const uint8_t *octets,
                     size_t length, uint32_t count) {
  LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = octets, .data_size_in = length,
              .repeat = count, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

  memcpy(g->object->bss->head.octets, octets,
         length < FRAME_HEAD ? length : FRAME_HEAD);
  return bpf_prog_test_run_opts(bpf_program__fd(g->object->progs.framegen),
                                &run);
}

static int send_by_socket(const struct generator *g, const uint8_t *octets,
                          size_t length, uint32_t count) {
  struct sockaddr_ll to = {.sll_family = AF_PACKET,
                           .sll_ifindex = g->ifindex,
                           .sll_halen = ETH_ALEN};

  while (count--)
    if (sendto(g->socket, octets, length, 0, (struct sockaddr *)&to,
               sizeof(to)) < 0)
      return -errno;
  return 0;
}

static int send_frames(struct generator *g, const struct frame_case *frame,
                       uint32_t count) {
  uint8_t octets[FRAME_MAX];
  size_t length = frame_octets(frame, octets);

  int error = length <= LIVE_FRAME_MAX
                  ? send_live(g, octets, length, count)
                  : send_by_socket(g, octets, length, count);
  if (error) {
    fprintf(stderr, "framegen: %s: %s\n", frame->name, strerror(-error));
    return error;
  }
  g->sent.total.packets += count;
  g->sent.total.octets += (uint64_t)count * length;
  expect_add(frame, length, count, &g->sent.layout, g->sent.cells);
  return 0;
}

/* Sends what "FRAME=COUNT" says. */
static int send_argument(struct generator *g, char *argument) {
  char *equals = strchr(argument, '=');
  uint32_t count = equals ? strtoul(equals + 1, NULL, 10) : 0;
  size_t sent = 0;

  if (equals)
    *equals = '\0';
  for (size_t i = 0; count && i < frame_cases_count; i++) {
    const struct frame_case *frame = &frame_cases[i];
    if (strcmp(argument, "all") != 0 && strcmp(argument, frame->name) != 0)
      continue;
    if (send_frames(g, frame, count) != 0)
      return -1;
    sent++;
  }
  if (!sent)
    fprintf(stderr, "framegen: %s: no such frame, or no count\n", argument);
  return sent ? 0 : -1;
}

static int set_up(struct generator *g, const char *interface) {
  g->ifindex = if_nametoindex(interface);
  g->socket = socket(AF_PACKET, SOCK_RAW, 0);
  g->object = framegen__open();
  if (!g->ifindex || g->socket < 0 || !g->object)
    return -errno;
  groups_lay_out(GROUPS_ALL, &g->sent.layout);
  g->object->rodata->ifindex = g->ifindex;
  return framegen__load(g->object);
}

static void print_value(void *context, const struct metric *metric) {
  (void)context;
  printf("%s%s%s %llu\n", metric->type, *metric->type_instance ? "-" : "",
         metric->type_instance, metric->value);
}

int main(int argc, char **argv) {
  struct generator g = {0};
  __u64 dscp_seen = ~0ULL; /* no zero before the value */

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
  int error = set_up(&g, argv[optind]);
  if (error)
    fprintf(stderr, "framegen: %s: %s\n", argv[optind], strerror(-error));
  for (int i = optind + 1; i < argc && !error; i++)
    error = send_argument(&g, argv[i]);
  metrics_emit(GROUPS_ALL & ~(GROUP_BIT(GROUP_QUEUE) | GROUP_BIT(GROUP_CPU)),
               DIRECTION_RX, &g.sent, &dscp_seen, print_value, NULL);
  framegen__destroy(g.object);
  return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
