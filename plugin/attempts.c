// SPDX-License-Identifier: MIT

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/device.h"
#include "plugin/interfaces_private.h"

/* To have the interfaces counted: what was refused is tried again when
 * something changes, and after a while where nothing tells. */

enum {
  /* Milliseconds. */
  BACKOFF_FIRST = 1000,
  BACKOFF_LAST = 60 * 1000,
  BUSY_INTERVAL = 75,
  /* ... or this many times as long as it took. */
  BUSY_REST = 9,
  /* Attempts together, after which it is looked what has come and gone: at tc
     each takes some 10 ms. */
  ATTEMPTS_MAX = 128,
};

/* --- when ------------------------------------------------------------------*/

/* XDP is what comes first, and our own program is in its way. */
static bool has_the_best(const struct side *side) {
  return side->port && side->entry != ENTRY_TC_RX;
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

/* Somebody's program that goes, or is exchanged, sends no message. */
static bool has_changed(const struct interface *interface, struct side *side) {
  __u32 program;

  if (monitor_query_xdp(interface->link.ifindex, &program) != 0 ||
      program == side->busy_with)
    return false;
  side->busy_with = program;
  return true;
}

/* To ask for many takes time, of which nine tenths are left to others. */
static void look_at_busy(struct interfaces *interfaces) {
  __u64 start = now_ms();

  if (start < interfaces->busy_at)
    return;
  interfaces->busy_at = NEVER;
  for (size_t i = 0; i < interfaces->count; i++) {
    struct interface *interface = interfaces->list[i];
    struct side *side = &interface->sides[DIRECTION_RX];
    if (!side->is_busy)
      continue;
    interfaces->busy_at = 0;
    if (has_changed(interface, side))
      attempts_hurry(interface);
  }
  if (interfaces->busy_at == NEVER)
    return;
  __u64 rest = BUSY_REST * (now_ms() - start);
  interfaces->busy_at =
      now_ms() + (rest > BUSY_INTERVAL ? rest : BUSY_INTERVAL);
}

__u64 attempts_next(const struct interfaces *interfaces) {
  __u64 next = interfaces->busy_at;

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
  size_t count;
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
                          .attachment = side->attachment};
  if (!interface->queues &&
      interface->settings->groups & GROUP_BIT(GROUP_QUEUE))
    interface_set_queues(interfaces, interface, device_rx_queues(link->name));
}

static void begin_due(struct attempts *attempts, struct interface *interface,
                      __u64 now) {
  for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
    if (attempts->count == ATTEMPTS_MAX || !is_due(&interface->sides[d], now))
      continue;
    struct attempt *attempt = &attempts->list[attempts->count];
    attempt->job = &attempts->jobs[attempts->count++];
    begin(attempts->interfaces, interface, d, attempt);
  }
}

static void collect(struct attempts *attempts) {
  const struct interfaces *interfaces = attempts->interfaces;
  __u64 now = now_ms();

  attempts->count = 0;
  for (size_t i = 0; i < interfaces->count; i++)
    begin_due(attempts, interfaces->list[i], now);
}

/* --- what came of it -------------------------------------------------------*/

/* For a while both count: what the new one has counted when it takes over is
 * left out. A frame that is on its way from one to the other is missed. */
static void exchange(struct interfaces *interfaces, struct interface *interface,
                     struct side *side, const struct attach_job *job) {
  struct port *old = side->port;
  struct series *series =
      interface->name ? &interface->name->series[job->direction] : NULL;

  pthread_mutex_lock(&interfaces->lock);
  if (series) {
    port_read(old, interfaces->scratch);
    series_keep(series, interfaces->scratch);
    port_read(job->port, interfaces->scratch);
    series_leave_out(series, interfaces->scratch);
  }
  side->port = job->port;
  side->entry = job->entry;
  pthread_mutex_unlock(&interfaces->lock);
  port_detach(old);
  retired_add(&interfaces->retired, old);
}

static void install(struct interfaces *interfaces,
                    const struct attempt *attempt) {
  const struct attach_job *job = attempt->job;
  struct side *side = attempt->side;

  if (side->port && job->port) {
    exchange(interfaces, attempt->interface, side, job);
    return;
  }
  pthread_mutex_lock(&interfaces->lock);
  if (job->port)
    side->port = job->port;
  side->entry = job->entry;
  side->is_tried = true;
  pthread_mutex_unlock(&interfaces->lock);
}

/* What keeps it from a better place may pass, and nobody tells when. */
static bool is_held_up(const struct attach_job *job) {
  return !job->port && job->first_error && !job->is_busy &&
         !places_is_refusal(job->first, job->first_error);
}

/* Where it has what it wants, or what else there is changes with a message,
 * there is no need to ask. */
static void schedule(struct side *side, const struct attach_job *job) {
  if (job->error || job->is_busy || is_held_up(job))
    put_off(side);
  else
    side->retry_at = NEVER;
}

/* Without descriptors the kernel cannot be asked: then it is there. */
static bool has_gone(unsigned ifindex) {
  char name[IF_NAMESIZE];

  return !if_indextoname(ifindex, name) && errno == ENXIO;
}

/* Nothing came of it: the interface has gone, we end, or it stays as it is. */
static bool is_void(const struct interfaces *interfaces,
                    const struct side *side, const struct attach_job *job) {
  if (!job->port && interfaces->stopping)
    return true;
  if (side->port)
    return is_held_up(job);
  return job->error && has_gone(job->device->ifindex);
}

static bool is_news(const struct side *side, const struct attach_job *job) {
  return !side->is_tried || side->error != job->error ||
         side->is_busy != job->is_busy || side->entry != job->entry;
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
}

static void note_outcome(struct side *side, const struct attach_job *job) {
  struct refusal refusal = attach_refusal(job);

  side->attachment = job->attachment;
  side->error = job->error;
  side->is_busy = job->is_busy;
  free(side->cause);
  side->cause = job->error ? strdup(refusal.cause) : NULL;
}

/* It may have gone since we were refused: then we are too late to see it go,
 * and try once more. A bond's program has no id at its members. */
static void watch_program(struct interfaces *interfaces,
                          const struct interface *interface, struct side *side,
                          bool was_busy) {
  bool may_have_gone = !was_busy || side->busy_with;

  interfaces->busy_at = 0;
  side->busy_with = 0;
  monitor_query_xdp(interface->link.ifindex, &side->busy_with);
  if (!side->busy_with && may_have_gone)
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
      device->has_vlan || job->settings->groups & GROUP_BIT(GROUP_VLAN);

  if (*device->kind && !job->first_error && !has_tags)
    return;
  device_query_driver(job->name, device);
  interface_set_queues(interfaces, attempt->interface, device->rx_queues);
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
    watch_program(interfaces, interface, side, was_busy);
  if (attempt->is_news)
    attach_log(&interfaces->told, attempt->job);
}

void attempts_make(struct interfaces *interfaces) {
  struct attempts attempts = {.interfaces = interfaces};

  look_at_busy(interfaces);
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
