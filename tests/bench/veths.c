// SPDX-License-Identifier: MIT

#include "tests/bench/veths.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugin/netlink.h"
#include "plugin/rtlink.h"
#include "tests/bench/bench.h"

static void put_name(struct nlmsghdr *request, const char *prefix,
                     unsigned number) {
  char name[IF_NAMESIZE];

  snprintf(name, sizeof(name), "%s%u", prefix, number);
  mnl_attr_put_strz(request, IFLA_IFNAME, name);
}

static void put_peer(struct nlmsghdr *request, unsigned number, int namespace) {
  struct nlattr *peer = mnl_attr_nest_start(request, VETH_INFO_PEER);

  mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
  put_name(request, "peer", number);
  mnl_attr_put_u32(request, IFLA_NET_NS_FD, namespace);
  mnl_attr_nest_end(request, peer);
}

void veths_make_one(unsigned number, int peers_namespace) {
  _Alignas(NLMSG_ALIGNTO) char buffer[NETLINK_REQUEST_MAX];
  struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
  struct ifinfomsg *link;

  request->nlmsg_type = RTM_NEWLINK;
  request->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
  link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
  link->ifi_flags = link->ifi_change = IFF_UP;
  put_name(request, "veth", number);
  struct nlattr *information = mnl_attr_nest_start(request, IFLA_LINKINFO);
  mnl_attr_put_strz(request, IFLA_INFO_KIND, "veth");
  struct nlattr *data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
  put_peer(request, number, peers_namespace);
  mnl_attr_nest_end(request, data);
  mnl_attr_nest_end(request, information);
  int error = netlink_request(request, NULL, NULL);
  if (error)
    die("cannot make a veth", error);
}

void veths_make(unsigned first, unsigned count, int peers_namespace) {
  for (unsigned i = 0; i < count; i++)
    veths_make_one(first + i, peers_namespace);
}

unsigned veths_number(const char *name) {
  return strtoul(name + sizeof("veth") - 1, NULL, 10);
}

size_t veths_with_xdp(void) {
  const struct link_state *link = NULL;
  struct links links = {0};
  size_t count = 0;

  int error = rtlink_dump(&links);
  if (error)
    die("cannot list the links", error);
  while ((link = links_next(&links, link)))
    count += link->xdp.program != 0;
  links_clear(&links);
  return count;
}
