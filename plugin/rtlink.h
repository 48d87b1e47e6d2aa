/* SPDX-License-Identifier: MIT */

/* Links as rtnetlink(7) tells of them. */
#ifndef PLUGIN_RTLINK_H
#define PLUGIN_RTLINK_H

#include <libmnl/libmnl.h>

#include "plugin/links.h"

/* Of RTM_NEWLINK or RTM_DELLINK. Returns whether it tells of a link as a whole,
 * else *ret_state is left as it is. */
bool rtlink_parse(const struct nlmsghdr *message, struct link_state *ret_state);

/* Asks for all links of the namespace. The caller clears *ret_links. Returns 0
 * or -errno; -EINTR where links come and go too fast to be told: then there may
 * be more than it has. */
int rtlink_dump(struct links *ret_links);

/* Asks for one. Returns 0 or -errno, -ENODEV where there is none. */
int rtlink_query(unsigned ifindex, struct link_state *ret_state);

#endif
