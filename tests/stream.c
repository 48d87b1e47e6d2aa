// SPDX-License-Identifier: MIT

/* A TCP connection: one side sends so many octets, the other takes them. The
 * sender prints what its kernel counted of the wire: segments (RFC 4898,
 * tcpEStatsPerfHCDataOctetsOut, SegsOut and SegsIn). */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char usage[] =
    "usage: stream listen ADDRESS PORT\n"
    "       stream send ADDRESS PORT OCTETS\n"
    "The sender prints the number of segments that it sent and that it got; "
    "the\n"
    "listener \"ready\", and the octets of its first and only connection.\n";

static char buffer[1 << 17];

static void die(const char *what) {
  fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
  exit(EXIT_FAILURE);
}

static int parse_address(const char *text, const char *port,
                         struct sockaddr_storage *address, socklen_t *size) {
  struct sockaddr_in *in = (void *)address;
  struct sockaddr_in6 *in6 = (void *)address;
  in_port_t number = htons(strtoul(port, NULL, 10));

  memset(address, 0, sizeof(*address));
  if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
    in->sin_family = AF_INET;
    in->sin_port = number;
    *size = sizeof(*in);
  } else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
    in6->sin6_family = AF_INET6;
    in6->sin6_port = number;
    *size = sizeof(*in6);
  } else {
    errno = EINVAL;
    die(text);
  }
  return address->ss_family;
}

static void print_segments(int fd) {
  struct tcp_info info;
  socklen_t size = sizeof(info);

  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
    die("TCP_INFO");
  printf("%llu %u %u\n", (unsigned long long)info.tcpi_bytes_sent,
         info.tcpi_segs_out, info.tcpi_segs_in);
}

/* Until the other side ends. */
static unsigned long long take(int fd) {
  unsigned long long octets = 0;
  ssize_t length;

  while ((length = read(fd, buffer, sizeof(buffer))) > 0)
    octets += length;
  if (length < 0)
    die("read");
  return octets;
}

static void give(int fd, unsigned long long octets) {
  while (octets) {
    size_t length = octets < sizeof(buffer) ? octets : sizeof(buffer);
    ssize_t sent = write(fd, buffer, length);
    if (sent < 0)
      die("write");
    octets -= sent;
  }
}

static void listen_once(int fd) {
  if (listen(fd, 1) != 0)
    die("listen");
  puts("ready");
  fflush(stdout);
  int connection = accept(fd, NULL, NULL);
  if (connection < 0)
    die("accept");
  printf("%llu\n", take(connection));
}

int main(int argc, char **argv) {
  struct sockaddr_storage address;
  socklen_t size;
  bool is_listener = argc == 4 && strcmp(argv[1], "listen") == 0;

  if (!is_listener && !(argc == 5 && strcmp(argv[1], "send") == 0)) {
    fputs(usage, stderr);
    return EXIT_FAILURE;
  }
  int fd = socket(parse_address(argv[2], argv[3], &address, &size),
                  SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    die("socket");
  if (is_listener) {
    if (bind(fd, (struct sockaddr *)&address, size) != 0)
      die("bind");
    listen_once(fd);
    return EXIT_SUCCESS;
  }
  if (connect(fd, (struct sockaddr *)&address, size) != 0)
    die("connect");
  give(fd, strtoull(argv[4], NULL, 10));
  shutdown(fd, SHUT_WR);
  take(fd); /* nothing but the end, which comes behind all acknowledgements */
  print_segments(fd);
  return EXIT_SUCCESS;
}
