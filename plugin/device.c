// SPDX-License-Identifier: MIT

#include "plugin/device.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdio.h>
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

static struct nlmsghdr *begin_request(char *buffer, unsigned short flags) {
  struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);

  request->nlmsg_type = RTM_GETLINK;
  request->nlmsg_flags = flags;
  mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
  return request;
}

/* Asks ethtool; the driver may not answer. */
static bool ask(int fd, const char *name, void *command) {
  struct ifreq request = {.ifr_data = command};

  memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
  return ioctl(fd, SIOCETHTOOL, &request) == 0;
}

static void query_driver(const char *name, struct device *device) {
  struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
  struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
  struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  device->rx_queues = 1;
  if (fd < 0)
    return;
  if (ask(fd, name, &driver))
    snprintf(device->driver, sizeof(device->driver), "%.31s", driver.driver);
  if (ask(fd, name, &channels) && channels.rx_count + channels.combined_count)
    device->rx_queues = channels.rx_count + channels.combined_count;
  if (ask(fd, name, &flags)) {
    device->strips_tags = flags.data & ETH_FLAG_RXVLAN;
    device->merges = flags.data & ETH_FLAG_LRO;
  }
  close(fd);
}

void device_of_link(const struct link_state *link, bool has_vlan,
                    struct device *ret_device) {
  struct device device = {.ifindex = link->ifindex,
                          .link = link_of(link->type),
                          .mtu = link->mtu,
                          .has_vlan = has_vlan};

  memcpy(device.kind, link->kind, sizeof(device.kind));
  query_driver(link->name, &device);
  *ret_device = device;
}

struct members_visit {
  unsigned ifindex;
  int (*visit)(void *context, unsigned member);
  void *context;
  int error;
};

static int on_member(const struct nlmsghdr *message, void *context) {
  const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
  struct members_visit *members = context;
  const struct nlattr *attribute;

  mnl_attr_for_each(attribute, message, sizeof(*link)) {
    if (mnl_attr_get_type(attribute) != IFLA_MASTER ||
        mnl_attr_get_u32(attribute) != members->ifindex)
      continue;
    if (!members->error)
      members->error = members->visit(members->context, link->ifi_index);
  }
  return MNL_CB_OK;
}

int device_visit_members(unsigned ifindex,
                         int (*visit)(void *context, unsigned member),
                         void *context) {
  char buffer[NETLINK_REQUEST_MAX];
  struct nlmsghdr *request = begin_request(buffer, NLM_F_DUMP);
  struct members_visit members = {ifindex, visit, context, 0};

  mnl_attr_put_u32(request, IFLA_MASTER, ifindex);
  int error = netlink_request(request, on_member, &members);
  return error ? error : members.error;
}
