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
  /* Attempts together: each has a descriptor for a moment. */
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

/* --- what came of it -------------------------------------------------------*/

/* For a moment both count: of the new one is left out what it counted until
 * here. To take the old one off lasts, while frames go on to come. */
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

static void install(struct interfaces *interfaces, struct interface *interface,
                    struct side *side, const struct attach_job *job) {
  if (side->port && job->port) {
    exchange(interfaces, interface, side, job);
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
static bool is_void(const struct interface *interface,
                    const struct attach_job *job) {
  if (interface->sides[job->direction].port)
    return is_held_up(job);
  return job->error &&
         (job->error == -ECANCELED || has_gone(interface->link.ifindex));
}

static bool is_news(const struct side *side, const struct attach_job *job) {
  return !side->is_tried || side->error != job->error ||
         side->is_busy != job->is_busy || side->entry != job->entry;
}

static void note_outcome(struct side *side, const struct attach_job *job) {
  struct refusal refusal = attach_refusal(job);

  side->attachment = job->attachment;
  side->error = job->error;
  side->is_busy = job->is_busy;
  free(side->cause);
  side->cause = job->error ? strdup(refusal.cause) : NULL;
}

static void finish(struct interfaces *interfaces, struct interface *interface,
                   const struct attach_job *job) {
  struct side *side = &interface->sides[job->direction];
  bool is_to_be_told = is_news(side, job);

  schedule(side, job);
  if (is_void(interface, job))
    return;
  note_outcome(side, job);
  install(interfaces, interface, side, job);
  if (job->is_busy) {
    monitor_query_xdp(interface->link.ifindex, &side->busy_with);
    interfaces->busy_at = 0;
  }
  if (is_to_be_told)
    attach_log(&interfaces->told, job);
}

/* --- attempts --------------------------------------------------------------*/

struct attempts {
  struct attach_job jobs[ATTEMPTS_MAX];
  struct interface *interfaces[ATTEMPTS_MAX]; /* of the jobs */
  struct device devices[ATTEMPTS_MAX];
  size_t count, devices_count;
};

/* Returns 0 or -errno: -ENODEV also where it has no name, or another one has
 * it by now. */
static int query(struct interfaces *interfaces, struct interface *interface,
                 struct attempts *attempts, const struct device **ret_device) {
  struct device *device = &attempts->devices[attempts->devices_count];
  const char *name = interface->link.name;
  int error = *name ? device_query(name, device) : -ENODEV;

  if (!error && device->ifindex != interface->link.ifindex)
    error = -ENODEV;
  if (error)
    return error;
  attempts->devices_count++;
  device->has_vlan = monitor_has_vlan(interfaces->monitor, device->ifindex);
  pthread_mutex_lock(&interfaces->lock);
  interface->queues = device->rx_queues;
  pthread_mutex_unlock(&interfaces->lock);
  *ret_device = device;
  return 0;
}

/* What cannot be asked for is not counted, unless it is already. One that was
 * renamed or removed meanwhile waits for the message that tells so. */
static void give_up(struct interfaces *interfaces, struct interface *interface,
                    enum direction direction, int error) {
  const struct settings *settings = interface->settings;
  struct side *side = &interface->sides[direction];
  const struct attach_job job = {
      .name = interface->link.name,
      .settings = settings,
      .direction = direction,
      .entry = places_of(settings->mode, direction)->tried[0],
      .error = error};

  if (error == -ENODEV || side->port)
    put_off(side);
  else
    finish(interfaces, interface, &job);
}

static void collect_of(struct interfaces *interfaces,
                       struct interface *interface, __u64 now,
                       struct attempts *attempts) {
  const struct device *device = NULL;

  for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
    struct side *side = &interface->sides[d];
    if (!is_due(side, now))
      continue;
    int error = device ? 0 : query(interfaces, interface, attempts, &device);
    if (error) {
      give_up(interfaces, interface, d, error);
      continue;
    }
    attempts->interfaces[attempts->count] = interface;
    attempts->jobs[attempts->count++] =
        (struct attach_job){.name = interface->link.name,
                            .device = device,
                            .settings = interface->settings,
                            .direction = d,
                            .current = side->port ? &side->entry : NULL,
                            .attachment = side->attachment};
  }
}

static void collect(struct interfaces *interfaces, struct attempts *attempts) {
  __u64 now = now_ms();

  attempts->count = attempts->devices_count = 0;
  for (size_t i = 0; i < interfaces->count &&
                     attempts->count + DIRECTION_COUNT <= ATTEMPTS_MAX;
       i++)
    collect_of(interfaces, interfaces->list[i], now, attempts);
}

void attempts_make(struct interfaces *interfaces) {
  struct attempts attempts;

  look_at_busy(interfaces);
  collect(interfaces, &attempts);
  if (!attempts.count)
    return;
  attach_jobs(interfaces->datapath, attempts.jobs, attempts.count,
              &interfaces->stopping);
  for (size_t i = 0; i < attempts.count; i++)
    finish(interfaces, attempts.interfaces[i], &attempts.jobs[i]);
}
