// SPDX-License-Identifier: MIT

/* Sends super-frames that the kernel did not make, as those of a virtual
 * machine: through a packet socket with the header of virtio_net
 * (linux/virtio_net.h), which says the size of the segments and not their
 * number. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/frames.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5 /* Linux 6.2 */
#endif

static const char usage[] =
    "usage: superframe INTERFACE ipv4-tcp|ipv6-tcp|ipv4-udp|ipv6-udp PAYLOAD "
    "SIZE COUNT\n"
    "Sends COUNT super-frames of PAYLOAD octets, in segments of SIZE; their\n"
    "headers are those of the frame of this name.\n";

enum { PAYLOAD_MAX = 65000 };

struct superframe {
  struct virtio_net_hdr virtio;
  uint8_t octets[FRAME_MAX + PAYLOAD_MAX];
};

static void put16(uint8_t *to, uint16_t value) {
  to[0] = value >> 8;
  to[1] = value & 0xff;
}

/* Returns the number of octets behind the header of virtio_net. */
static size_t make(struct superframe *super, const char *name, size_t payload,
                   size_t size) {
  size_t headers = frame_octets(frame_find(name), super->octets);
  int is_ipv6 = strncmp(name, "ipv6", 4) == 0;
  int is_tcp = strstr(name, "tcp") != NULL;
  size_t transport = ETH_HLEN + (is_ipv6 ? 40 : 20);

  /* The lengths of IP and UDP. */
  put16(super->octets + ETH_HLEN + (is_ipv6 ? 4 : 2),
        headers - ETH_HLEN - (is_ipv6 ? 40 : 0) + payload);
  if (!is_tcp)
    put16(super->octets + transport + 4, 8 + payload);
  super->virtio = (struct virtio_net_hdr){
      .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
      .gso_type = !is_tcp   ? VIRTIO_NET_HDR_GSO_UDP_L4
                  : is_ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6
                            : VIRTIO_NET_HDR_GSO_TCPV4,
      .hdr_len = headers,
      .gso_size = size,
      .csum_start = transport,
      .csum_offset = is_tcp ? 16 : 6,
  };
  return headers + payload;
}

static int open_socket(void) {
  int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1;

  if (fd < 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0)
    return -errno;
  return fd;
}

int main(int argc, char **argv) {
  static struct superframe super;
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_halen = ETH_ALEN};

  if (argc != 6 || !frame_find(argv[2]) ||
      strtoul(argv[3], NULL, 10) > PAYLOAD_MAX) {
    fputs(usage, stderr);
    return EXIT_FAILURE;
  }
  int fd = open_socket();
  to.sll_ifindex = if_nametoindex(argv[1]);
  size_t length = make(&super, argv[2], strtoul(argv[3], NULL, 10),
                       strtoul(argv[4], NULL, 10));
  for (unsigned long n = strtoul(argv[5], NULL, 10); n; n--) {
    if (sendto(fd, &super, sizeof(super.virtio) + length, 0,
               (struct sockaddr *)&to, sizeof(to)) < 0) {
      fprintf(stderr, "superframe: %s\n", strerror(errno));
      return EXIT_FAILURE;
    }
  }
  return EXIT_SUCCESS;
}
