// SPDX-License-Identifier: MIT

#include "plugin/device.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/netlink.h"

/* What a frame begins with at XDP and at tc. Tunnels and PPP hand over what is
 * in them; those of GRE without a remote end, the outer header of IP. */
static enum link link_of(unsigned short type) {
  switch (type) {
  case ARPHRD_ETHER:
  case ARPHRD_LOOPBACK:
    return LINK_ETHERNET;
  case ARPHRD_NONE:
  case ARPHRD_RAWIP:
  case ARPHRD_PPP:
  case ARPHRD_TUNNEL:
  case ARPHRD_TUNNEL6:
  case ARPHRD_SIT:
  case ARPHRD_IPGRE:
  case ARPHRD_IP6GRE:
    return LINK_IP;
  default:
    return LINK_OTHER;
  }
}

struct device device_of_link(const struct link_state *link,
                             const struct link_state *master) {
  struct device device = {
      .ifindex = link->ifindex,
      .link = link_of(link->type),
      .mtu = link->mtu,
      .is_bond_member = master && strcmp(master->kind, "bond") == 0,
  };

  memcpy(device.kind, link->kind, sizeof(device.kind));
  return device;
}

/* Asks ethtool; the driver may not answer. */
static bool ask(int fd, const char *name, void *command) {
  struct ifreq request = {.ifr_data = command};

  memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
  return ioctl(fd, SIOCETHTOOL, &request) == 0;
}

static int open_socket(void) {
  return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static unsigned ask_rx_queues(int fd, const char *name) {
  struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

  if (!ask(fd, name, &channels))
    return errno == ENODEV ? 0 : 1;
  unsigned count = channels.rx_count + channels.combined_count;
  return count ? count : 1;
}

unsigned device_rx_queues(const char *name) {
  int fd = open_socket();

  if (fd < 0)
    return 0;
  unsigned queues = ask_rx_queues(fd, name);
  close(fd);
  return queues;
}

void device_query_driver(const char *name, struct device *device) {
  struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
  struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
  int fd = open_socket();

  if (fd < 0)
    return;
  if (ask(fd, name, &driver))
    snprintf(device->driver, sizeof(device->driver), "%.31s", driver.driver);
  device->rx_queues = ask_rx_queues(fd, name);
  if (ask(fd, name, &flags)) {
    device->strips_tags = flags.data & ETH_FLAG_RXVLAN;
    device->merges = flags.data & ETH_FLAG_LRO;
  }
  close(fd);
}

struct members {
  unsigned master;
  unsigned *list;
  size_t count;
  bool is_out_of_memory;
};

static void add_member(struct members *members, unsigned member) {
  unsigned *grown =
      reallocarray(members->list, members->count + 1, sizeof(*grown));

  if (!grown) {
    members->is_out_of_memory = true;
    return;
  }
  members->list = grown;
  grown[members->count++] = member;
}

static int on_member(const struct nlmsghdr *message, void *context) {
  const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
  struct members *members = context;
  const struct nlattr *attribute;

  mnl_attr_for_each(attribute, message, sizeof(*link)) {
    if (mnl_attr_get_type(attribute) == IFLA_MASTER &&
        mnl_attr_get_u32(attribute) == members->master)
      add_member(members, link->ifi_index);
  }
  return MNL_CB_OK;
}

static int list_members(struct members *members) {
  _Alignas(NLMSG_ALIGNTO) char buffer[NETLINK_REQUEST_MAX];
  struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);

  members->count = 0;
  request->nlmsg_type = RTM_GETLINK;
  request->nlmsg_flags = NLM_F_DUMP;
  mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
  mnl_attr_put_u32(request, IFLA_MASTER, members->master);
  int error = netlink_request(request, on_member, members);
  return members->is_out_of_memory ? -ENOMEM : error;
}

int device_visit_members(unsigned ifindex,
                         int (*visit)(void *context, unsigned member),
                         void *context) {
  struct members members = {.master = ifindex};
  int error = -EINTR;

  for (unsigned i = 0; i < NETLINK_DUMPS_MAX && error == -EINTR; i++)
    error = list_members(&members);
  for (size_t i = 0; i < members.count && !error; i++)
    error = visit(context, members.list[i]);
  free(members.list);
  return error;
}
