// SPDX-License-Identifier: MIT

#include "plugin/rtlink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

#include "plugin/netlink.h"

/* While links come and go all the time. */
enum { DUMPS_MAX = 16 };

static void parse_kind(const struct nlattr *information,
                       struct link_state *state) {
  const struct nlattr *attribute;

  mnl_attr_for_each_nested(attribute, information) {
    if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
      snprintf(state->kind, sizeof(state->kind), "%s",
               mnl_attr_get_str(attribute));
  }
}

/* In the driver or on the skb, which exclude each other. One that runs in the
 * card is in nobody's way. */
static void parse_xdp(const struct nlattr *xdp, struct link_state *state) {
  const struct nlattr *attribute;

  mnl_attr_for_each_nested(attribute, xdp) {
    __u16 type = mnl_attr_get_type(attribute);
    state->xdp.is_generic |= type == IFLA_XDP_SKB_PROG_ID;
    switch (type) {
    case IFLA_XDP_DRV_PROG_ID:
    case IFLA_XDP_SKB_PROG_ID:
      state->xdp.program = mnl_attr_get_u32(attribute);
    }
  }
}

static void parse_attribute(const struct nlattr *attribute,
                            struct link_state *state) {
  switch (mnl_attr_get_type(attribute)) {
  case IFLA_IFNAME:
    snprintf(state->name, sizeof(state->name), "%s",
             mnl_attr_get_str(attribute));
    break;
  case IFLA_MTU:
    state->mtu = mnl_attr_get_u32(attribute);
    break;
  case IFLA_MASTER:
    state->master = mnl_attr_get_u32(attribute);
    break;
  case IFLA_LINK:
    state->lower = mnl_attr_get_u32(attribute);
    break;
  case IFLA_NUM_RX_QUEUES:
    state->rx_queues = mnl_attr_get_u32(attribute);
    break;
  case IFLA_NUM_TX_QUEUES:
    state->tx_queues = mnl_attr_get_u32(attribute);
    break;
  case IFLA_LINKINFO:
    parse_kind(attribute, state);
    break;
  case IFLA_XDP:
    parse_xdp(attribute, state);
    break;
  }
}

/* A bridge says "removed", of family AF_BRIDGE, of a port that goes on without
 * it; wireless events come as links that have nothing but a name. */
bool rtlink_parse(const struct nlmsghdr *message,
                  struct link_state *ret_state) {
  const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
  struct link_state state = {0};
  const struct nlattr *attribute;
  bool is_stranger = false;

  if (link->ifi_family != AF_UNSPEC)
    return false;
  state.ifindex = link->ifi_index;
  state.type = link->ifi_type;
  state.flags = link->ifi_flags;
  mnl_attr_for_each(attribute, message, sizeof(*link)) {
    if (mnl_attr_get_type(attribute) == IFLA_WIRELESS)
      return false;
    if (mnl_attr_get_type(attribute) == IFLA_LINK_NETNSID)
      is_stranger = true;
    parse_attribute(attribute, &state);
  }
  if (is_stranger)
    state.lower = 0;
  *ret_state = state;
  return true;
}

static struct nlmsghdr *begin_request(char *buffer, unsigned short flags,
                                      unsigned ifindex) {
  struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
  struct ifinfomsg *link;

  request->nlmsg_type = RTM_GETLINK;
  request->nlmsg_flags = flags;
  link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
  link->ifi_index = ifindex;
  /* The kernel sums statistics up over all CPUs for each link otherwise. */
  mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return request;
}

struct dump {
  struct links links;
  int error;
};

static int on_link(const struct nlmsghdr *message, void *context) {
  struct dump *dump = context;
  struct link_state state;

  if (!dump->error && rtlink_parse(message, &state))
    dump->error = links_put(&dump->links, &state);
  return MNL_CB_OK;
}

/* Links may be missing from a dump that came and went of others interrupted,
 * which libmnl tells as EINTR. */
int rtlink_dump(struct links *ret_links) {
  struct dump dump = {0};
  int error = -EINTR;

  for (int i = 0; i < DUMPS_MAX && error == -EINTR; i++) {
    char buffer[NETLINK_REQUEST_MAX];
    links_clear(&dump.links);
    error =
        netlink_request(begin_request(buffer, NLM_F_DUMP, 0), on_link, &dump);
    if (dump.error)
      error = dump.error;
  }
  if (error && error != -EINTR)
    links_clear(&dump.links);
  *ret_links = dump.links;
  return error;
}

static int on_answer(const struct nlmsghdr *message, void *context) {
  rtlink_parse(message, context);
  return MNL_CB_OK;
}

int rtlink_query(unsigned ifindex, struct link_state *ret_state) {
  char buffer[NETLINK_REQUEST_MAX];
  struct link_state state = {0};
  int error =
      netlink_request(begin_request(buffer, 0, ifindex), on_answer, &state);

  if (!error)
    *ret_state = state;
  return error;
}
