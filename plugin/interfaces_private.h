/* SPDX-License-Identifier: MIT */

/* What the files share that look after interfaces: interfaces.c (the thread and
 * the reads), follow.c (which ones there are), attempts.c (to have them
 * counted) and state.c (what is told of them). */
#ifndef PLUGIN_INTERFACES_PRIVATE_H
#define PLUGIN_INTERFACES_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "plugin/attach.h"
#include "plugin/counter.h"
#include "plugin/interfaces.h"
#include "plugin/monitor.h"
#include "plugin/names.h"
#include "plugin/notices.h"
#include "plugin/retired.h"

#define NEVER UINT64_MAX

/* One direction of an interface. */
struct side {
  /* Written under the lock, for the reads. */
  struct port *port; /* NULL: not counted */
  enum entry entry;  /* where it is counted, or was tried last */
  __u64 counters;    /* users' own that can be counted there */
  bool is_wanted;
  bool is_tried;

  enum attachment attachment;
  int error; /* why it is not counted, 0: it is */
  char *why; /* the same in words, with the remedy, or of observe_error; NULL:
                no memory */
  bool is_busy;      /* another XDP program is in the way */
  bool merges;       /* its device did when it was asked, see struct device */
  bool strips_tags;  /* the same */
  int observe_error; /* why that one is not observed, 0: it is */
  struct xdp_state xdp; /* the one that was there last */
  __u64 retry_at;       /* when to look for a place, or a better one */
  unsigned backoff;
};

/* A device that is selected. */
struct interface {
  struct link_state link;
  struct side sides[DIRECTION_COUNT];
  /* Written under the lock. */
  const struct settings *settings;
  struct name *name; /* NULL: another one has taken it */
  unsigned queues;   /* as device_rx_queues(); 0: not asked yet */
};

struct interfaces {
  struct selection *selection;
  const struct counters *counters; /* users' own */
  struct datapath *datapath;
  struct notices *notices;
  int wake; /* eventfd: the thread is to stop */
  atomic_bool stopping;
  pthread_t thread;

  /* The thread's. */
  struct monitor *monitor;
  struct interface **list; /* in the order of ifindex */
  size_t count;
  struct retired retired;
  struct attach_told told;
  __u64 watch_at; /* when to look at somebody else's programs */
  __u64 sweep_at;
  int monitor_error; /* told */
  struct counts *scratch;

  pthread_mutex_t lock;
  /* Under the lock. */
  struct names names;
  bool has_looked; /* it is known which interfaces there are */

  struct counts *counts[DIRECTION_COUNT]; /* of the one that is being read */
};

/* Milliseconds of the monotonic clock. */
static inline __u64 now_ms(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

/* Returns whether there are other ones than before; 0 is no news. */
bool interface_set_queues(struct interfaces *interfaces,
                          struct interface *interface, unsigned queues);

/* Finds which of users' counters can be counted where it is; what cannot is
 * told where it is news. */
void interface_choose_counters(struct interfaces *interfaces,
                               struct interface *interface,
                               enum direction direction, bool is_news);

/* It is counted there no longer; what it has counted stays with its name. */
void interface_drop_side(struct interfaces *interfaces,
                         struct interface *interface, enum direction direction);

/* Asks which interfaces there are, and lists those that are selected. Returns 0
 * or -errno: to be tried again. */
int follow_begin(struct interfaces *interfaces);

/* Follows what has changed since. Returns as follow_begin(). */
int follow_changes(struct interfaces *interfaces);

/* Begins anew with those whose program is gone, which no message tells. */
void follow_dead(struct interfaces *interfaces);

/* Looks at once for a place, or for a better one. */
void attempts_hurry(struct interface *interface);

/* Looks whether somebody else's programs have come, gone or been exchanged. */
void attempts_watch(struct interfaces *interfaces);

/* Makes the attempts that are due, of many interfaces only some, so that what
 * comes and goes is followed meanwhile. */
void attempts_make(struct interfaces *interfaces);

/* When the next one is due. */
__u64 attempts_next(const struct interfaces *interfaces);

/* Tells of all names that are otherwise than when they were told of last. */
void state_tell(struct interfaces *interfaces);

#endif
