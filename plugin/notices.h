/* SPDX-License-Identifier: MIT */

/* Notifications for operators. Whoever dispatches one runs other plugins, such
 * as one that sends e-mail and waits for its server for minutes: a thread of
 * its own does it, and nobody else waits. */
#ifndef PLUGIN_NOTICES_H
#define PLUGIN_NOTICES_H

#include <time.h>

/* 4096 interfaces that fail and recover at once have room. */
enum { NOTICES_MAX = 10000 };

enum notice_severity { NOTICE_FAILURE, NOTICE_WARNING, NOTICE_OKAY };

struct notices;

/* Returns 0 and sets *ret_notices, or -errno. */
int notices_start(struct notices **ret_notices);

/* Queues a notification, and copies what it is given. It never waits for a
 * dispatch: beyond NOTICES_MAX, or where memory is out, the oldest gives way,
 * or this one, which is logged once until none waits. */
void notices_add(struct notices *notices, enum notice_severity severity,
                 const char *interface, const char *text);

/* Dispatches what is queued, for some seconds at most, and ends the thread. To
 * be called last at shutdown, when nothing is attached any longer. Takes NULL,
 * returns NULL. */
struct notices *notices_stop(struct notices *notices);

/* The port, as log_write() is one: the adapter sends it to collectd, tests
 * catch it. It may block. time is when the notice was added, by the real clock.
 */
void notify_dispatch(enum notice_severity severity, const struct timespec *time,
                     const char *interface, const char *text);

#endif
