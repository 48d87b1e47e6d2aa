/* SPDX-License-Identifier: MIT */

/* One request to the kernel's rtnetlink(7), and its answers. */
#ifndef PLUGIN_NETLINK_H
#define PLUGIN_NETLINK_H

#include <libmnl/libmnl.h>

/* Requests are put together in a buffer of this many octets. */
enum { NETLINK_REQUEST_MAX = 1024 };

/* How often a dump is asked for that what comes and goes interrupts. */
enum { NETLINK_DUMPS_MAX = 16 };

/* Sends the request, whose flags are completed, and hands each message of the
 * answer to on_answer(), which returns MNL_CB_OK. Returns 0, or -errno as the
 * kernel tells it; -EINTR where a dump changed meanwhile, and is to be asked
 * for again. */
int netlink_request(struct nlmsghdr *request, mnl_cb_t on_answer,
                    void *context);

#endif
