// SPDX-License-Identifier: MIT

/* Frame generator: sends frames of the table in tests/frames.c out of one end
 * of a veth pair, by live-frame test runs (BPF_F_TEST_XDP_LIVE_FRAMES):
 * millions a second, none lost as long as the other end keeps up. That end
 * needs native XDP, or GRO. Frames that do not fit into a page go through a
 * packet socket, and so do all before Linux 5.18. Other interfaces are served
 * by the socket alone, or, as tun and tap, by writing frames that they then
 * receive. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/groups.h"
#include "plugin/metrics.h"
#include "tests/expect.h"
#include "tests/framegen.h"

#include "tests/framegen.skel.h"

enum { LIVE_FRAME_MAX = 3400 }; /* what fits into a page with its headroom */

static const char usage[] =
    "usage: framegen [-c CPU] [-s [-r RATE] | -w] [-t] INTERFACE "
    "FRAME=COUNT...\n"
    "       framegen -l\n"
    "Sends COUNT frames of each FRAME (or of \"all\" that the interface "
    "takes),\n"
    "and prints the values that a receiver should count, a line each:\n"
    "TYPE[-INSTANCE] VALUE. Without the header of Ethernet where the "
    "interface\n"
    "has none.\n"
    "  -c CPU  run there\n"
    "  -s      send through a packet socket\n"
    "  -r      send so many a second, or fewer\n"
    "  -w      write them to a tun or tap interface, which receives them\n"
    "  -t      print values of the sender, if_tx_...\n"
    "  -l      list the frames, their lengths and types\n";

enum how { HOW_LIVE, HOW_SOCKET, HOW_WRITE };

struct generator {
  const char *interface;
  unsigned ifindex;
  enum how how;
  unsigned rate; /* frames a second, 0: as fast as can be */
  enum direction direction;
  enum link link;
  struct framegen *object; /* of HOW_LIVE */
  int fd;                  /* a packet socket; of HOW_WRITE the tun device */
  struct counts sent;
};

static int list_frames(void) {
  uint8_t octets[FRAME_MAX];

  for (size_t i = 0; i < frame_cases_count; i++) {
    size_t length = frame_octets(&frame_cases[i], octets);
    printf("%s %zu %02x%02x\n", frame_cases[i].name, length, octets[12],
           octets[13]);
  }
  return EXIT_SUCCESS;
}

static int pin_to(const char *cpu) {
  cpu_set_t set;

  CPU_ZERO(&set);
  CPU_SET(strtoul(cpu, NULL, 10), &set);
  return sched_setaffinity(0, sizeof(set), &set);
}

/* Returns -EOPNOTSUPP, and sends nothing, where the kernel does not know the
 * flag and merely runs the program, the verdict of which it then tells. */
static int run_live(const struct generator *g, const uint8_t *octets,
                    size_t length, uint32_t count) {
  LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = octets, .data_size_in = length,
              .repeat = count, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

  int error =
      bpf_prog_test_run_opts(bpf_program__fd(g->object->progs.framegen), &run);
  return !error && run.retval ? -EOPNOTSUPP : error;
}

static int send_live(const struct generator *g, const uint8_t *octets,
                     size_t length, uint32_t count) {
  memcpy(g->object->bss->head.octets, octets,
         length < FRAME_HEAD ? length : FRAME_HEAD);
  int error = run_live(g, octets, length, 1);
  return error || count == 1 ? error : run_live(g, octets, length, count - 1);
}

/* Whatever else the machine does, two are no closer than that. */
static void wait_for_next(const struct generator *g) {
  if (g->rate)
    usleep(1000000 / g->rate);
}

/* To the socket or to the device. */
static int send_each(const struct generator *g, const uint8_t *octets,
                     size_t length, uint32_t count) {
  struct sockaddr_ll to = {.sll_family = AF_PACKET,
                           .sll_ifindex = g->ifindex,
                           .sll_halen = ETH_ALEN};

  while (count--) {
    ssize_t status = g->how == HOW_WRITE
                         ? write(g->fd, octets, length)
                         : sendto(g->fd, octets, length, 0,
                                  (struct sockaddr *)&to, sizeof(to));
    if (status < 0)
      return -errno;
    wait_for_next(g);
  }
  return 0;
}

static int send_frames(struct generator *g, const struct frame_case *frame,
                       uint32_t count) {
  struct frame_case sent = *frame;
  uint8_t octets[FRAME_MAX];
  const uint8_t *begin = octets;
  size_t length = frame_octets(frame, octets);

  if (g->link == LINK_IP) {
    if (!expect_without_ethernet(&sent, LINK_IP, octets, length))
      return -EINVAL;
    begin += ETH_HLEN;
    length -= ETH_HLEN;
  }
  int error = -EOPNOTSUPP;
  if (g->how == HOW_LIVE && length <= LIVE_FRAME_MAX)
    error = send_live(g, begin, length, count);
  if (error == -EOPNOTSUPP)
    error = send_each(g, begin, length, count);
  if (error)
    return error;
  g->sent.total.packets += count;
  g->sent.total.octets += (uint64_t)count * length;
  expect_add(&sent, length, count, &g->sent.layout, g->sent.cells);
  return 0;
}

/* Sends what "FRAME=COUNT" says. Of all frames there may be some that the
 * interface does not take. */
static int send_argument(struct generator *g, char *argument) {
  char *equals = strchr(argument, '=');
  uint32_t count = equals ? strtoul(equals + 1, NULL, 10) : 0;
  size_t sent = 0;

  if (equals)
    *equals = '\0';
  bool all = strcmp(argument, "all") == 0;
  for (size_t i = 0; count && i < frame_cases_count; i++) {
    const struct frame_case *frame = &frame_cases[i];
    if (!all && strcmp(argument, frame->name) != 0)
      continue;
    int error = send_frames(g, frame, count);
    if (error && !(all && (error == -EINVAL || error == -EMSGSIZE))) {
      fprintf(stderr, "framegen: %s: %s\n", frame->name, strerror(-error));
      return error;
    }
    sent += !error;
  }
  if (!sent)
    fprintf(stderr, "framegen: %s: no such frame, or no count\n", argument);
  return sent ? 0 : -1;
}

static int load_live(struct generator *g) {
  g->object = framegen__open();
  if (!g->object)
    return -errno;
  g->object->rodata->ifindex = g->ifindex;
  return framegen__load(g->object);
}

/* Becomes the user of the device, which is there. */
static int open_tun(struct generator *g, struct ifreq *request) {
  close(g->fd);
  g->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  request->ifr_flags =
      (g->link == LINK_ETHERNET ? IFF_TAP : IFF_TUN) | IFF_NO_PI;
  return g->fd < 0 || ioctl(g->fd, TUNSETIFF, request) < 0 ? -errno : 0;
}

static int set_up(struct generator *g) {
  struct ifreq request = {0};

  strncpy(request.ifr_name, g->interface, IFNAMSIZ - 1);
  g->ifindex = if_nametoindex(g->interface);
  g->fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (!g->ifindex || g->fd < 0 || ioctl(g->fd, SIOCGIFHWADDR, &request) < 0)
    return -errno;
  if (request.ifr_hwaddr.sa_family == ARPHRD_NONE)
    g->link = LINK_IP;
  groups_lay_out(GROUPS_ALL, 0, &g->sent.layout);
  switch (g->how) {
  case HOW_LIVE:
    return load_live(g);
  case HOW_WRITE:
    return open_tun(g, &request);
  default:
    return 0;
  }
}

static void print_value(void *context, const struct metric *metric) {
  (void)context;
  printf("%s%s%s %llu\n", metric->type, *metric->type_instance ? "-" : "",
         metric->type_instance, metric->value);
}

/* Returns whether the options make sense. */
static bool parse_options(struct generator *g, int argc, char **argv) {
  for (int option; (option = getopt(argc, argv, "c:r:swt")) != -1;) {
    switch (option) {
    case 'c':
      if (pin_to(optarg) != 0)
        return false;
      break;
    case 'r':
      g->rate = strtoul(optarg, NULL, 10);
      break;
    case 's':
      g->how = HOW_SOCKET;
      break;
    case 'w':
      g->how = HOW_WRITE;
      break;
    case 't':
      g->direction = DIRECTION_TX;
      break;
    default:
      return false;
    }
  }
  g->interface = argv[optind];
  return argc - optind >= 2;
}

int main(int argc, char **argv) {
  struct generator g = {.fd = -1};
  __u64 dscp_seen = ~0ULL; /* no zero before the value */

  if (argc == 2 && strcmp(argv[1], "-l") == 0)
    return list_frames();
  if (!parse_options(&g, argc, argv)) {
    fputs(usage, stderr);
    return EXIT_FAILURE;
  }
  int error = set_up(&g);
  if (error)
    fprintf(stderr, "framegen: %s: %s\n", g.interface, strerror(-error));
  for (int i = optind + 1; i < argc && !error; i++)
    error = send_argument(&g, argv[i]);
  metrics_emit(GROUPS_COUNTED & ~GROUP_BIT(GROUP_QUEUE), 0, g.direction,
               &g.sent, &dscp_seen, print_value, NULL);
  framegen__destroy(g.object);
  return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
