/* SPDX-License-Identifier: MIT */

/* Which links exist now, as rtnetlink(7) tells of the namespace of the process.
 * It has no thread: its owner polls monitor_fd(), and calls monitor_read() when
 * that is readable. One caller at a time. */
#ifndef PLUGIN_MONITOR_H
#define PLUGIN_MONITOR_H

#include "plugin/links.h"

struct monitor;

/* Is told of each change, with the links as they are after it:
 *   before is NULL  the link is new, or came from another namespace
 *   after is NULL   the link is removed, or went to another namespace
 *   neither         something of struct link_state changed; or, where both are
 *                   equal, something else, such as the channels of ethtool(8)
 * The name of a link is empty while it waits for one that another link is to
 * give up. What is visited must not read or resync. */
typedef void monitor_visitor(void *context, const struct link_state *before,
                             const struct link_state *after);

/* Subscribes, then asks for all links. They are there to be found at once; but
 * while links come and go too fast to be told, monitor_read() visits them.
 * Returns 0 and sets *ret_monitor, or -errno. */
int monitor_open(struct monitor **ret_monitor);

/* Takes NULL, returns NULL. */
struct monitor *monitor_close(struct monitor *monitor);

/* Whether all links are known: not while they come and go too fast to be told.
 */
bool monitor_is_complete(const struct monitor *monitor);

/* The monitor's, to be polled for POLLIN. */
int monitor_fd(const struct monitor *monitor);

/* Visits what changed since, without waiting for more. Of very much it leaves a
 * rest, for which monitor_fd() is readable again. Returns 0; 1 where messages
 * were lost, so that all links were asked for and compared: one that was
 * removed and made again with the same ifindex may look unchanged; or -errno:
 * then it is to be called again after a while, though nothing is readable. */
int monitor_read(struct monitor *monitor, monitor_visitor *visit,
                 void *context);

/* The same, and compares all links with the kernel's in any case. */
int monitor_resync(struct monitor *monitor, monitor_visitor *visit,
                   void *context);

/* As links_...() of them. What they return is valid until the next read. */
const struct link_state *monitor_find(const struct monitor *monitor,
                                      unsigned ifindex);
const struct link_state *monitor_next(const struct monitor *monitor,
                                      const struct link_state *previous);
bool monitor_has_vlan(const struct monitor *monitor, unsigned ifindex);

/* Asks the kernel for the XDP program that the link has now, and leaves the
 * monitor's own knowledge as it is. Returns 0 or -errno, -ENODEV where there is
 * no such link. */
int monitor_query_xdp(unsigned ifindex, struct xdp_state *ret_xdp);

#endif
