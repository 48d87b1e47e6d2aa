// SPDX-License-Identifier: MIT

/* Lets TCP hand super-frames of more than 64 KiB to an interface (BIG TCP), in
 * IPv6 and in IPv4; `ip link` learnt the latter in 6.3. */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/netlink.h"

/* Of newer kernel headers (linux/if_link.h). */
enum { GSO_MAX_SIZE = 41, GRO_MAX_SIZE = 58, GSO_IPV4 = 63, GRO_IPV4 = 64 };

int main(int argc, char **argv) {
  static const int attributes[] = {GSO_MAX_SIZE, GRO_MAX_SIZE, GSO_IPV4,
                                   GRO_IPV4};
  char buffer[NETLINK_REQUEST_MAX];

  if (argc != 3) {
    fputs("usage: gsomax INTERFACE OCTETS\n", stderr);
    return EXIT_FAILURE;
  }
  struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
  request->nlmsg_type = RTM_NEWLINK;
  struct ifinfomsg *link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
  link->ifi_index = if_nametoindex(argv[1]);
  for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
    mnl_attr_put_u32(request, attributes[i], strtoul(argv[2], NULL, 10));
  int error = netlink_request(request, NULL, NULL);
  if (error)
    fprintf(stderr, "gsomax: %s: %s\n", argv[1], strerror(-error));
  return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
