// SPDX-License-Identifier: MIT

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/device.h"
#include "plugin/interfaces_private.h"
#include "plugin/log.h"

/* To have the interfaces counted: what was refused is tried again when
 * something changes, and after a while where nothing tells. */

enum {
  /* Milliseconds. */
  BACKOFF_FIRST = 1000,
  BACKOFF_LAST = 60 * 1000,
  WATCH_INTERVAL = 20,
  /* ... or this many times as long as it took. */
  WATCH_REST = 19,
  /* Attempts together, after which it is looked what has come and gone; and
     those of them at tc, where each takes some 10 ms. */
  ATTEMPTS_MAX = 128,
  ATTEMPTS_TC_MAX = 4,
  /* The same of programs that were exchanged: the rest has its turn then. */
  FOLLOWED_MAX = 8,
};

/* --- when ------------------------------------------------------------------*/

/* XDP is what comes first, and our own program is in its way. */
static bool has_the_best(const struct side *side) {
  return side->port && side->entry != ENTRY_TC_RX &&
         side->entry != ENTRY_OBSERVE;
}

void attempts_hurry(struct interface *interface) {
  for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
    struct side *side = &interface->sides[d];
    side->retry_at = has_the_best(side) ? NEVER : 0;
    side->backoff = BACKOFF_FIRST;
  }
}

static void put_off(struct side *side) {
  side->retry_at = now_ms() + side->backoff;
  side->backoff =
      side->backoff * 2 < BACKOFF_LAST ? side->backoff * 2 : BACKOFF_LAST;
}

static bool is_due(const struct side *side, __u64 now) {
  return side->is_wanted && side->retry_at <= now;
}

/* At XDP there is our own; Mode "tc" does not care. */
static bool is_watched(const struct interface *interface) {
  const struct side *rx = &interface->sides[DIRECTION_RX];
  bool is_at_tc = rx->port && rx->entry == ENTRY_TC_RX;

  return rx->is_busy || (is_at_tc && interface->settings->mode != MODE_TC);
}

/* Somebody's program that comes, goes or is exchanged by a link sends no
 * message. */
static bool has_changed(const struct interface *interface,
                        struct xdp_state *ret_xdp) {
  const struct xdp_state *before = &interface->sides[DIRECTION_RX].xdp;

  return monitor_query_xdp(interface->link.ifindex, ret_xdp) == 0 &&
         (ret_xdp->program != before->program ||
          ret_xdp->is_generic != before->is_generic);
}

static bool is_observing(const struct side *side) {
  return side->port && side->entry == ENTRY_OBSERVE;
}

/* A bond's frames are its members' where the program is in their drivers. */
static bool is_elsewhere(const struct interface *interface,
                         const struct xdp_state *xdp) {
  return strcmp(interface->link.kind, "bond") == 0 &&
         xdp->is_generic != interface->sides[DIRECTION_RX].xdp.is_generic;
}

/* Whether the new one is observed: its frames are counted as the old one's
 * were. */
static bool follow_exchange(const struct interface *interface,
                            const struct xdp_state *xdp) {
  const struct side *side = &interface->sides[DIRECTION_RX];

  if (is_elsewhere(interface, xdp) ||
      port_follow(side->port, xdp->program) != 0)
    return false;
  if (xdp->program != side->xdp.program)
    log_write(LOG_INFO,
              "interface \"%s\": the other XDP program is another one now "
              "(id %u), which is observed",
              interface->link.name, xdp->program);
  return true;
}

/* What is observed no longer has nothing to count: it is begun anew. */
static void follow_program(struct interfaces *interfaces,
                           struct interface *interface,
                           const struct xdp_state *xdp) {
  struct side *side = &interface->sides[DIRECTION_RX];
  bool is_exchanged = is_observing(side) && xdp->program;
  bool is_followed = is_exchanged && follow_exchange(interface, xdp);

  side->xdp = *xdp;
  if (is_followed)
    return;
  if (is_exchanged)
    interface_drop_side(interfaces, interface, DIRECTION_RX);
  attempts_hurry(interface);
}

/* Microseconds that the thread has had a CPU for. */
static __u64 busy_us(void) {
  struct timespec t;

  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

/* To ask for many takes time: of it, a twentieth. */
void attempts_watch(struct interfaces *interfaces) {
  __u64 start = busy_us(), asked = 0;
  unsigned followed = 0;
  bool any = false;
  struct xdp_state xdp;

  if (now_ms() < interfaces->watch_at)
    return;
  for (size_t i = 0; i < interfaces->count; i++) {
    struct interface *interface = interfaces->list[i];
    if (!is_watched(interface))
      continue;
    any = true;
    if (!has_changed(interface, &xdp))
      continue;
    asked += busy_us() - start;
    follow_program(interfaces, interface, &xdp);
    if (interfaces->stopping || ++followed == FOLLOWED_MAX)
      return;
    start = busy_us();
  }
  __u64 rest = WATCH_REST * (asked + busy_us() - start) / 1000;
  interfaces->watch_at =
      any ? now_ms() + (rest > WATCH_INTERVAL ? rest : WATCH_INTERVAL) : NEVER;
}

__u64 attempts_next(const struct interfaces *interfaces) {
  __u64 next = interfaces->watch_at;

  for (size_t i = 0; i < interfaces->count; i++)
    for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
      const struct side *side = &interfaces->list[i]->sides[d];
      if (side->is_wanted && side->retry_at < next)
        next = side->retry_at;
    }
  return next;
}

/* --- what ------------------------------------------------------------------*/

struct attempt {
  struct attach_job *job;
  struct interface *interface;
  struct side *side;
  struct device device;
  bool is_void, is_news;
};

struct attempts {
  struct interfaces *interfaces;
  size_t count, tc_count;
  struct attempt list[ATTEMPTS_MAX];
  struct attach_job jobs[ATTEMPTS_MAX]; /* of them */
};

bool interface_set_queues(struct interfaces *interfaces,
                          struct interface *interface, unsigned queues) {
  if (!queues || queues == interface->queues)
    return false;
  pthread_mutex_lock(&interfaces->lock);
  interface->queues = queues;
  pthread_mutex_unlock(&interfaces->lock);
  return true;
}

/* Where queues are reported, they are from the first read on. */
static void begin(struct interfaces *interfaces, struct interface *interface,
                  enum direction direction, struct attempt *attempt) {
  struct side *side = &interface->sides[direction];
  const struct link_state *link = &interface->link;

  attempt->interface = interface;
  attempt->side = side;
  attempt->device =
      device_of_link(link, monitor_find(interfaces->monitor, link->master));
  attempt->device.has_vlan =
      monitor_has_vlan(interfaces->monitor, link->ifindex);
  *attempt->job =
      (struct attach_job){.name = link->name,
                          .device = &attempt->device,
                          .settings = interface->settings,
                          .direction = direction,
                          .current = side->port ? &side->entry : NULL,
                          .may_be_busy = link->xdp.program || side->xdp.program,
                          .attachment = side->attachment};
  if (!interface->queues &&
      interface->settings->groups & GROUP_BIT(GROUP_QUEUE))
    interface_set_queues(interfaces, interface, device_rx_queues(link->name));
}

static bool is_first_at_tc(const struct interface *interface,
                           enum direction direction) {
  return places_is_tc(
      places_of(interface->settings->mode, direction)->tried[0]);
}

static void begin_due(struct attempts *attempts, struct interface *interface,
                      __u64 now) {
  for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
    bool is_at_tc = is_first_at_tc(interface, d);
    if (attempts->count == ATTEMPTS_MAX ||
        (is_at_tc && attempts->tc_count == ATTEMPTS_TC_MAX) ||
        !is_due(&interface->sides[d], now))
      continue;
    struct attempt *attempt = &attempts->list[attempts->count];
    attempt->job = &attempts->jobs[attempts->count++];
    attempts->tc_count += is_at_tc;
    begin(attempts->interfaces, interface, d, attempt);
  }
}

static void collect(struct attempts *attempts) {
  const struct interfaces *interfaces = attempts->interfaces;
  __u64 now = now_ms();

  attempts->count = attempts->tc_count = 0;
  for (size_t i = 0; i < interfaces->count; i++)
    begin_due(attempts, interfaces->list[i], now);
}

/* --- what came of it -------------------------------------------------------*/

/* For a while both count: what the new one has counted when it takes over is
 * left out. A frame that is on its way from one to the other is missed. But
 * what observed a program that has gone counts nothing. */
static void exchange(struct interfaces *interfaces, struct interface *interface,
                     struct side *side, const struct attach_job *job) {
  struct port *old = side->port;
  bool has_ended = is_observing(side) && !job->is_busy;
  struct series *series =
      interface->name ? &interface->name->series[job->direction] : NULL;

  pthread_mutex_lock(&interfaces->lock);
  if (series) {
    port_read(old, interfaces->scratch);
    series_keep(series, interfaces->scratch);
  }
  if (series && !has_ended) {
    port_read(job->port, interfaces->scratch);
    series_leave_out(series, interfaces->scratch);
  }
  side->port = job->port;
  side->entry = job->entry;
  pthread_mutex_unlock(&interfaces->lock);
  port_detach(old);
  retired_add(&interfaces->retired, old);
}

void interface_drop_side(struct interfaces *interfaces,
                         struct interface *interface,
                         enum direction direction) {
  struct side *side = &interface->sides[direction];
  struct port *port = side->port;

  if (port)
    port_detach(port);
  pthread_mutex_lock(&interfaces->lock);
  if (port && interface->name) {
    port_read(port, interfaces->scratch);
    series_keep(&interface->name->series[direction], interfaces->scratch);
  }
  side->port = NULL;
  side->is_tried = false;
  pthread_mutex_unlock(&interfaces->lock);
  if (port)
    retired_add(&interfaces->retired, port);
  side->error = 0;
  side->is_busy = false;
  free(side->why);
  side->why = NULL;
}

static void install(struct interfaces *interfaces,
                    const struct attempt *attempt) {
  const struct attach_job *job = attempt->job;
  struct side *side = attempt->side;

  if (side->port && job->port) {
    exchange(interfaces, attempt->interface, side, job);
    return;
  }
  if (side->port && job->error)
    interface_drop_side(interfaces, attempt->interface, job->direction);
  pthread_mutex_lock(&interfaces->lock);
  if (job->port)
    side->port = job->port;
  side->entry = job->entry;
  side->is_tried = true;
  pthread_mutex_unlock(&interfaces->lock);
}

/* What keeps it from a better place may pass, and nobody tells when: that its
 * driver has none, or not with this MTU, is told. */
static bool may_pass(const struct attach_job *job) {
  return job->first_error && !job->is_busy && job->first_error != -EOPNOTSUPP &&
         job->first_error != -EINVAL;
}

/* Somebody else's program that comes or goes is seen, if it has an id. */
static bool is_unwatched(const struct attach_job *job) {
  bool may_be_observed = job->observe_error &&
                         !places_is_refusal(ENTRY_OBSERVE, job->observe_error);

  return job->is_busy && (!job->xdp.program || may_be_observed);
}

/* Where it has what it wants, or what else there is changes with a message,
 * there is no need to ask. None tells that large receive offload is turned off,
 * for which native XDP may be refused. */
static void schedule(struct side *side, const struct attach_job *job) {
  if (job->error || is_unwatched(job) || may_pass(job) ||
      (side->merges && job->first_error))
    put_off(side);
  else
    side->retry_at = NEVER;
}

/* Without descriptors the kernel cannot be asked: then it is there. */
static bool has_gone(unsigned ifindex) {
  char name[IF_NAMESIZE];

  return !if_indextoname(ifindex, name) && errno == ENXIO;
}

/* It goes on as it was; nobody knows whether another program is still there. */
static bool is_held_up(const struct side *side, const struct attach_job *job) {
  return side->port && !job->port && !job->error && may_pass(job) &&
         !places_is_refusal(job->first, job->first_error);
}

/* Nothing came of it: the interface has gone, we end, or it stays as it is. */
static bool is_void(const struct interfaces *interfaces,
                    const struct side *side, const struct attach_job *job) {
  if (!job->port && interfaces->stopping)
    return true;
  if (job->error && !side->port)
    return has_gone(job->device->ifindex);
  return is_held_up(side, job);
}

static bool is_news(const struct side *side, const struct attach_job *job) {
  return !side->is_tried || side->error != job->error ||
         side->is_busy != job->is_busy || side->entry != job->entry ||
         side->observe_error != job->observe_error;
}

/* What counts is there for the reads at once. */
static void take_up(void *context, struct attach_job *job) {
  struct attempts *attempts = context;
  struct attempt *attempt = &attempts->list[job - attempts->jobs];

  schedule(attempt->side, job);
  attempt->is_void = is_void(attempts->interfaces, attempt->side, job);
  if (attempt->is_void)
    return;
  attempt->is_news = is_news(attempt->side, job);
  install(attempts->interfaces, attempt);
  interface_choose_counters(attempts->interfaces, attempt->interface,
                            job->direction, false);
}

/* What stands on other devices never sees their tags on the skb. */
static bool strips_tags(const struct side *side, const struct device *device) {
  bool is_on_skb = side->entry == ENTRY_GENERIC ||
                   (side->entry == ENTRY_OBSERVE && side->xdp.is_generic);

  return side->strips_tags || (is_on_skb && places_is_stacked(device));
}

void interface_choose_counters(struct interfaces *interfaces,
                               struct interface *interface,
                               enum direction direction, bool is_news) {
  struct side *side = &interface->sides[direction];
  const struct device device = device_of_link(&interface->link, NULL);
  const struct counter_place place = {.link = device.link,
                                      .entry = side->entry,
                                      .strips_tags =
                                          strips_tags(side, &device)};
  __u64 wanted = interface->settings->counters;
  __u64 available = counters_available(interfaces->counters, wanted, &place);

  pthread_mutex_lock(&interfaces->lock);
  side->counters = available;
  pthread_mutex_unlock(&interfaces->lock);
  if (is_news)
    attach_log_counters(&(struct attach_job){.name = interface->link.name,
                                             .direction = direction},
                        interfaces->counters, wanted & ~available, &place);
}

static void note_outcome(struct side *side, const struct attach_job *job) {
  char why[ATTACH_WHY_MAX];

  if (job->error)
    attach_explain(job, why, sizeof(why));
  else
    attach_explain_behind(job, why, sizeof(why));
  side->attachment = job->attachment;
  side->error = job->error;
  side->is_busy = job->is_busy;
  side->observe_error = job->observe_error;
  free(side->why);
  side->why = *why ? strdup(why) : NULL;
}

/* It may have gone since we were refused: then we are too late to see it go,
 * and try once more. A bond's program has no id at its members. Where another
 * one than the one that is observed was found there, the next look follows. */
static void note_program(struct side *side, const struct attach_job *job,
                         bool was_busy) {
  bool may_have_gone = !was_busy || side->xdp.program;

  if (job->port || !is_observing(side))
    side->xdp = job->xdp;
  if (!side->xdp.program && may_have_gone)
    side->retry_at = 0;
}

/* What ethtool knows takes longer than to attach, where others make interfaces:
 * it is asked for what attach_log() may tell of, the driver of a card, offloads
 * that matter and why native XDP was refused. */
static void query_driver(struct interfaces *interfaces,
                         struct attempt *attempt) {
  const struct attach_job *job = attempt->job;
  struct device *device = &attempt->device;
  bool has_tags =
      device->has_vlan || job->settings->groups & GROUP_BIT(GROUP_VLAN) ||
      counters_read_tags(interfaces->counters, job->settings->counters);

  if (*device->kind && !job->first_error && !has_tags)
    return;
  device_query_driver(job->name, device);
  interface_set_queues(interfaces, attempt->interface, device->rx_queues);
  attempt->side->merges = device->merges;
  attempt->side->strips_tags = device->strips_tags;
  if (attempt->side->retry_at == NEVER)
    schedule(attempt->side, job);
}

static void finish(struct interfaces *interfaces, struct attempt *attempt) {
  struct interface *interface = attempt->interface;
  struct side *side = attempt->side;
  bool was_busy = side->is_busy;

  if (attempt->is_void)
    return;
  if (attempt->is_news)
    query_driver(interfaces, attempt);
  note_outcome(side, attempt->job);
  if (side->is_busy)
    note_program(side, attempt->job, was_busy);
  interface_choose_counters(interfaces, interface, attempt->job->direction,
                            attempt->is_news && !attempt->job->error);
  if (is_watched(interface) && interfaces->watch_at == NEVER)
    interfaces->watch_at = 0;
  if (attempt->is_news)
    attach_log(&interfaces->told, attempt->job);
}

void attempts_make(struct interfaces *interfaces) {
  struct attempts attempts = {.interfaces = interfaces};

  collect(&attempts);
  if (!attempts.count)
    return;
  attach_jobs(&(struct attach_batch){.datapath = interfaces->datapath,
                                     .jobs = attempts.jobs,
                                     .count = attempts.count,
                                     .stopping = &interfaces->stopping,
                                     .settled = take_up,
                                     .context = &attempts});
  for (size_t i = 0; i < attempts.count; i++)
    finish(interfaces, &attempts.list[i]);
}
