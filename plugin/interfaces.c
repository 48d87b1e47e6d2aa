// SPDX-License-Identifier: MIT

#include "plugin/interfaces.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "plugin/attach.h"
#include "plugin/clsact.h"
#include "plugin/device.h"
#include "plugin/log.h"
#include "plugin/monitor.h"
#include "plugin/notices.h"
#include "plugin/series.h"

/* Milliseconds. */
enum {
  BACKOFF_FIRST = 1000,
  BACKOFF_LAST = 60 * 1000,
  BUSY_INTERVAL = 75, /* nobody tells when somebody's program goes */
  NAME_KEPT = 60 * 60 * 1000,
  SWEEP_INTERVAL = 60 * 1000,
};

#define NEVER UINT64_MAX

/* One direction of an interface. Reads see what is published under the lock:
 * port and entry; the rest is the thread's. */
struct side {
  struct port *port; /* NULL: not counted */
  enum entry entry;
  bool is_wanted;
  bool is_busy;    /* waits for somebody else's program to go */
  __u32 busy_with; /* that program's id */
  __u64 retry_at;  /* when to look for a place, or a better one */
  unsigned backoff;
  bool is_told; /* what came of it last, and what that was */
  int told_error;
  bool told_busy;
  enum entry told_entry;
};

struct name;

/* A device that is selected. */
struct interface {
  struct link_state link;
  const struct settings *settings;
  struct name *name;
  unsigned queues;
  struct side sides[DIRECTION_COUNT];
};

/* A name under which values are told. */
struct name {
  struct series *series;
  struct interface *interface; /* that has it; NULL: nobody */
  __u64 gone_at;
  bool is_missing_told;
};

struct interfaces {
  struct selection *selection;
  struct datapath *datapath;
  struct attach_told told;
  struct monitor *monitor;
  struct notices *notices;
  struct interface **list; /* the thread's */
  size_t count;
  struct port **dead; /* detached, but still published */
  size_t dead_count;
  __u64 sweep_at;

  pthread_mutex_t lock; /* of what follows, and of ports and entries */
  struct name **names;  /* a place stays its name's; NULL: free */
  size_t names_count;

  struct counts *counts[DIRECTION_COUNT]; /* of the one that is being read */
  struct counts *scratch;                 /* of the thread */
  pthread_t thread;
  int wake; /* eventfd: the thread is to stop */
  atomic_bool stopping;
};

static __u64 now_ms(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static bool is_native(enum entry entry) {
  return entry == ENTRY_NATIVE || entry == ENTRY_NATIVE_FRAGS;
}

/* --- names -----------------------------------------------------------------*/

static struct name *find_name(const struct interfaces *interfaces,
                              const char *text) {
  for (size_t i = 0; i < interfaces->names_count; i++)
    if (interfaces->names[i] &&
        strcmp(interfaces->names[i]->series->name, text) == 0)
      return interfaces->names[i];
  return NULL;
}

/* The first free place, or a new one at the end. */
static struct name **place_for_name(struct interfaces *interfaces) {
  for (size_t i = 0; i < interfaces->names_count; i++)
    if (!interfaces->names[i])
      return &interfaces->names[i];
  struct name **grown = reallocarray(
      interfaces->names, interfaces->names_count + 1, sizeof(*grown));
  if (!grown)
    return NULL;
  interfaces->names = grown;
  grown[interfaces->names_count] = NULL;
  return &grown[interfaces->names_count++];
}

static struct name *add_name(struct interfaces *interfaces, const char *text,
                             bool is_named) {
  struct name **place = place_for_name(interfaces);
  struct name *name = place ? calloc(1, sizeof(*name)) : NULL;

  if (!name)
    return NULL;
  name->series = series_new(text, is_named);
  if (!name->series) {
    free(name);
    return NULL;
  }
  *place = name;
  return name;
}

static void free_name(struct name *name) {
  series_free(name->series);
  free(name);
}

/* What a side has counted goes over to the name's base. */
static void keep_side(struct interfaces *interfaces, struct name *name,
                      const struct side *side, enum direction direction) {
  if (!side->port)
    return;
  port_read(side->port, interfaces->scratch);
  series_keep(name->series, direction, interfaces->datapath,
              interfaces->scratch);
}

static void release_name(struct interfaces *interfaces,
                         struct interface *interface) {
  struct name *name = interface->name;

  if (!name)
    return;
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    keep_side(interfaces, name, &interface->sides[d], d);
  name->interface = NULL;
  name->gone_at = now_ms();
  interface->name = NULL;
}

/* What the interface counted before, under another name, is left out. */
static int take_name(struct interfaces *interfaces,
                     struct interface *interface) {
  struct name *name = find_name(interfaces, interface->link.name);

  if (!name)
    name = add_name(interfaces, interface->link.name, false);
  if (!name)
    return -ENOMEM;
  if (name->interface)
    release_name(interfaces, name->interface);
  for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
    const struct side *side = &interface->sides[d];
    if (!side->port)
      continue;
    port_read(side->port, interfaces->scratch);
    series_leave_out(name->series, d, interfaces->datapath,
                     interfaces->scratch);
  }
  name->interface = interface;
  interface->name = name;
  return 0;
}

/* A name that nobody has had for an hour begins anew. */
static void sweep_names(struct interfaces *interfaces, __u64 now) {
  if (now < interfaces->sweep_at)
    return;
  interfaces->sweep_at = now + SWEEP_INTERVAL;
  pthread_mutex_lock(&interfaces->lock);
  for (size_t i = 0; i < interfaces->names_count; i++) {
    struct name *name = interfaces->names[i];
    if (!name || name->interface || name->series->is_named ||
        now - name->gone_at < NAME_KEPT)
      continue;
    free_name(name);
    interfaces->names[i] = NULL;
  }
  pthread_mutex_unlock(&interfaces->lock);
}

/* --- what is told ----------------------------------------------------------*/

static const char *const direction_names[DIRECTION_COUNT] = {
    [DIRECTION_RX] = "rx",
    [DIRECTION_TX] = "tx",
};

static void notify(const struct interfaces *interfaces,
                   enum notice_severity severity, const char *name,
                   const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void notify(const struct interfaces *interfaces,
                   enum notice_severity severity, const char *name,
                   const char *format, ...) {
  char text[256];
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  notices_add(interfaces->notices, severity, name, text);
}

static void notify_outcome(const struct interfaces *interfaces,
                           const struct side *side,
                           const struct attach_job *job) {
  const char *direction = direction_names[job->direction];
  struct refusal refusal = attach_refusal(job);
  bool was_bad = side->is_told && (side->told_error || side->told_busy);

  if (job->error)
    notify(interfaces, NOTICE_FAILURE, job->name, "%s is not counted: %s",
           direction, refusal.cause);
  else if (job->is_busy)
    notify(interfaces, NOTICE_WARNING, job->name,
           "%s is counted at tc: another XDP program is attached", direction);
  else if (was_bad)
    notify(interfaces, NOTICE_OKAY, job->name, "%s is counted", direction);
}

/* Once, until something else comes of it. A device that has gone meanwhile is
 * told of by what says so. */
static void tell_outcome(struct interfaces *interfaces, struct side *side,
                         const struct attach_job *job) {
  bool is_same = side->is_told && side->told_error == job->error &&
                 side->told_busy == job->is_busy &&
                 side->told_entry == job->entry;

  if (is_same || job->error == -ENODEV || job->error == -ECANCELED)
    return;
  attach_log(&interfaces->told, job);
  notify_outcome(interfaces, side, job);
  side->is_told = true;
  side->told_error = job->error;
  side->told_busy = job->is_busy;
  side->told_entry = job->entry;
}

/* Regexes that match no interface are no mistake: they may come later. */
static void tell_unseen(const struct selection *selection) {
  size_t position = 0;
  const char *text;

  while ((text = selection_next_unseen(selection, &position)))
    log_write(LOG_NOTICE,
              "configuration: Interface \"%.64s\": matches no interface so far",
              text);
}

static void tell_missing(struct interfaces *interfaces, struct name *name) {
  if (name->is_missing_told || name->interface || !name->series->is_named)
    return;
  name->is_missing_told = true;
  log_write(LOG_ERR,
            "interface \"%s\" is not counted: there is no such interface; it "
            "will be as soon as there is one",
            name->series->name);
  notify(interfaces, NOTICE_FAILURE, name->series->name,
         "not counted: there is no such interface");
}

static void tell_found(struct interfaces *interfaces, struct name *name) {
  if (!name->is_missing_told)
    return;
  name->is_missing_told = false;
  notify(interfaces, NOTICE_OKAY, name->series->name, "the interface is there");
}

/* --- coming and going ------------------------------------------------------*/

static struct interface *find(const struct interfaces *interfaces,
                              unsigned ifindex) {
  for (size_t i = 0; i < interfaces->count; i++)
    if (interfaces->list[i]->link.ifindex == ifindex)
      return interfaces->list[i];
  return NULL;
}

static void retry_soon(struct interface *interface) {
  for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
    struct side *side = &interface->sides[d];
    if (side->retry_at == NEVER && side->port && is_native(side->entry))
      continue; /* has what it wants */
    side->retry_at = 0;
    side->backoff = BACKOFF_FIRST;
  }
}

static void add(struct interfaces *interfaces, const struct link_state *link,
                const struct settings *settings) {
  struct interface **grown =
      reallocarray(interfaces->list, interfaces->count + 1, sizeof(*grown));
  struct interface *interface = calloc(1, sizeof(*interface));

  if (grown)
    interfaces->list = grown;
  if (!grown || !interface) {
    free(interface);
    log_write(LOG_ERR, "interface \"%s\" is not counted: out of memory",
              link->name);
    return;
  }
  interface->link = *link;
  interface->settings = settings;
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    interface->sides[d].is_wanted = settings->directions & DIRECTION_BIT(d);
  grown[interfaces->count++] = interface;
  retry_soon(interface);
  pthread_mutex_lock(&interfaces->lock);
  take_name(interfaces, interface);
  pthread_mutex_unlock(&interfaces->lock);
  if (interface->name)
    tell_found(interfaces, interface->name);
}

/* The port goes with the next batch. */
static void bury(struct interfaces *interfaces, struct port *port) {
  struct port **grown = reallocarray(
      interfaces->dead, interfaces->dead_count + 1, sizeof(*grown));

  if (!grown) {
    ports_unpublish(&port, 1);
    port_free(port);
    return;
  }
  interfaces->dead = grown;
  grown[interfaces->dead_count++] = port;
}

static void bury_dead(struct interfaces *interfaces) {
  if (interfaces->dead_count)
    ports_unpublish(interfaces->dead, interfaces->dead_count);
  for (size_t i = 0; i < interfaces->dead_count; i++)
    port_free(interfaces->dead[i]);
  interfaces->dead_count = 0;
}

/* The programs are off before the last counters are read. */
static void let_go(struct interfaces *interfaces, struct interface *interface) {
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    if (interface->sides[d].port)
      port_detach(interface->sides[d].port);
  pthread_mutex_lock(&interfaces->lock);
  release_name(interfaces, interface);
  pthread_mutex_unlock(&interfaces->lock);
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    if (interface->sides[d].port)
      bury(interfaces, interface->sides[d].port);
  for (size_t i = 0; i < interfaces->count; i++)
    if (interfaces->list[i] == interface)
      interfaces->list[i] = interfaces->list[--interfaces->count];
  free(interface);
}

static void rename_interface(struct interfaces *interfaces,
                             struct interface *interface,
                             const struct link_state *link) {
  log_write(LOG_INFO, "interface \"%s\" is called \"%s\" now",
            interface->link.name, link->name);
  pthread_mutex_lock(&interfaces->lock);
  release_name(interfaces, interface);
  interface->link = *link;
  take_name(interfaces, interface);
  pthread_mutex_unlock(&interfaces->lock);
  if (interface->name)
    tell_found(interfaces, interface->name);
}

static bool is_dead(const struct interface *interface) {
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    if (interface->sides[d].port && !port_is_attached(interface->sides[d].port))
      return true;
  return false;
}

/* Whether it may be attached in another way than before. */
static bool is_other(const struct settings *a, const struct settings *b) {
  return a->mode != b->mode || a->directions != b->directions ||
         a->busy != b->busy;
}

/* --- members of bonds ------------------------------------------------------*/

/* The port of a bond that is counted in its driver. */
static struct port *bond_port(const struct interfaces *interfaces,
                              unsigned ifindex) {
  const struct interface *bond = ifindex ? find(interfaces, ifindex) : NULL;

  if (!bond || strcmp(bond->link.kind, "bond") != 0 ||
      !is_native(bond->sides[DIRECTION_RX].entry))
    return NULL;
  return bond->sides[DIRECTION_RX].port;
}

static void follow_member(const struct interfaces *interfaces,
                          const struct link_state *before,
                          const struct link_state *after) {
  unsigned old = before ? before->master : 0, new = after ? after->master : 0;
  struct port *port;

  if (old == new)
    return;
  if ((port = bond_port(interfaces, old)))
    port_remove_member(port, before->ifindex);
  if ((port = bond_port(interfaces, new)))
    port_add_member(port, after->ifindex);
}

/* --- changes ---------------------------------------------------------------*/

static void update(struct interfaces *interfaces, struct interface *interface,
                   const struct link_state *link,
                   const struct settings *settings) {
  bool is_renamed = strcmp(interface->link.name, link->name) != 0;

  pthread_mutex_lock(&interfaces->lock);
  interface->settings = settings;
  pthread_mutex_unlock(&interfaces->lock);
  if (is_renamed)
    rename_interface(interfaces, interface, link);
  else
    retry_soon(interface);
  interface->link = *link;
}

static void on_link(void *context, const struct link_state *before,
                    const struct link_state *after) {
  struct interfaces *interfaces = context;
  const struct settings *settings =
      after ? selection_find(interfaces->selection, after->name) : NULL;
  struct interface *interface =
      find(interfaces, after ? after->ifindex : before->ifindex);

  if (after)
    selection_see(interfaces->selection, after->name);
  follow_member(interfaces, before, after);
  if (interface && !settings) {
    log_write(LOG_INFO, "interface \"%s\" has gone", interface->link.name);
    let_go(interfaces, interface);
    return;
  }
  if (interface && is_other(interface->settings, settings)) {
    let_go(interfaces, interface);
    interface = NULL;
  }
  if (interface)
    update(interfaces, interface, after, settings);
  else if (settings)
    add(interfaces, after, settings);
}

/* --- attaching -------------------------------------------------------------*/

/* What is due, and what came of it. */
struct work {
  struct attach_job *jobs;
  struct device *devices; /* of the interfaces, one for each job */
  struct interface **interfaces;
  size_t count;
};

static bool is_due(const struct side *side, __u64 now) {
  return side->is_wanted && side->retry_at <= now;
}

static size_t count_due(const struct interfaces *interfaces, __u64 now) {
  size_t count = 0;

  for (size_t i = 0; i < interfaces->count; i++)
    for (enum direction d = 0; d < DIRECTION_COUNT; d++)
      count += is_due(&interfaces->list[i]->sides[d], now);
  return count;
}

/* One that has gone since is left to the kernel, which refuses it. */
static void query_device(const struct interfaces *interfaces,
                         struct interface *interface, struct device *device) {
  if (device_query(interface->link.name, device) != 0 ||
      device->ifindex != interface->link.ifindex)
    *device = (struct device){.ifindex = interface->link.ifindex};
  device->has_vlan =
      monitor_has_vlan(interfaces->monitor, interface->link.ifindex);
  interface->queues = device->rx_queues;
}

static void collect(struct interfaces *interfaces, struct work *work,
                    __u64 now) {
  for (size_t i = 0; i < interfaces->count; i++) {
    struct interface *interface = interfaces->list[i];
    for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
      struct side *side = &interface->sides[d];
      if (!is_due(side, now))
        continue;
      query_device(interfaces, interface, &work->devices[work->count]);
      work->interfaces[work->count] = interface;
      work->jobs[work->count] = (struct attach_job){
          .name = interface->link.name,
          .device = &work->devices[work->count],
          .settings = interface->settings,
          .direction = d,
          .current = side->port ? &side->entry : NULL,
      };
      work->count++;
    }
  }
}

/* For a moment both count: what the new one counts until the old one is off is
 * left out. */
static void exchange(struct interfaces *interfaces, struct interface *interface,
                     struct side *side, const struct attach_job *job) {
  struct port *old = side->port;
  struct name *name = interface->name;

  port_detach(old);
  pthread_mutex_lock(&interfaces->lock);
  if (name) {
    keep_side(interfaces, name, side, job->direction);
    port_read(job->port, interfaces->scratch);
    series_leave_out(name->series, job->direction, interfaces->datapath,
                     interfaces->scratch);
  }
  side->port = job->port;
  side->entry = job->entry;
  pthread_mutex_unlock(&interfaces->lock);
  bury(interfaces, old);
}

static void install(struct interfaces *interfaces, struct interface *interface,
                    struct side *side, const struct attach_job *job) {
  if (!job->port)
    return;
  if (side->port) {
    exchange(interfaces, interface, side, job);
    return;
  }
  pthread_mutex_lock(&interfaces->lock);
  side->port = job->port;
  side->entry = job->entry;
  pthread_mutex_unlock(&interfaces->lock);
}

/* Where it has what it wants, or where something else tells of a change, there
 * is no need to ask. */
static void schedule(struct side *side, const struct attach_job *job,
                     __u64 now) {
  side->is_busy = job->is_busy;
  if (!job->error && !job->is_busy) {
    side->retry_at = NEVER;
    side->backoff = BACKOFF_FIRST;
    return;
  }
  side->retry_at = now + side->backoff;
  side->backoff =
      side->backoff * 2 < BACKOFF_LAST ? side->backoff * 2 : BACKOFF_LAST;
}

static void finish(struct interfaces *interfaces, struct work *work, size_t i) {
  struct interface *interface = work->interfaces[i];
  const struct attach_job *job = &work->jobs[i];
  struct side *side = &interface->sides[job->direction];

  install(interfaces, interface, side, job);
  schedule(side, job, now_ms());
  if (job->is_busy)
    monitor_query_xdp(interface->link.ifindex, &side->busy_with);
  tell_outcome(interfaces, side, job);
}

static void do_work(struct interfaces *interfaces) {
  __u64 now = now_ms();
  size_t count = count_due(interfaces, now);
  struct work work = {0};

  if (!count)
    return;
  work.jobs = calloc(count, sizeof(*work.jobs));
  work.devices = calloc(count, sizeof(*work.devices));
  work.interfaces = calloc(count, sizeof(struct interface *));
  if (work.jobs && work.devices && work.interfaces) {
    collect(interfaces, &work, now);
    attach_jobs(interfaces->datapath, work.jobs, work.count,
                &interfaces->stopping);
    for (size_t i = 0; i < work.count; i++)
      finish(interfaces, &work, i);
  }
  free(work.jobs);
  free(work.devices);
  free(work.interfaces);
}

/* Somebody's program that goes, or is exchanged, sends no message. */
static bool look_at_busy(struct interfaces *interfaces) {
  bool any = false;

  for (size_t i = 0; i < interfaces->count; i++) {
    struct interface *interface = interfaces->list[i];
    struct side *side = &interface->sides[DIRECTION_RX];
    __u32 program;
    if (!side->is_busy)
      continue;
    any = true;
    if (monitor_query_xdp(interface->link.ifindex, &program) == 0 &&
        program != side->busy_with) {
      side->busy_with = program;
      side->retry_at = 0;
    }
  }
  return any;
}

/* --- the thread ------------------------------------------------------------*/

static int time_until_retry(const struct interfaces *interfaces, bool busy) {
  __u64 now = now_ms(), first = now + (busy ? BUSY_INTERVAL : SWEEP_INTERVAL);

  for (size_t i = 0; i < interfaces->count; i++)
    for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
      const struct side *side = &interfaces->list[i]->sides[d];
      if (side->is_wanted && side->retry_at < first)
        first = side->retry_at;
    }
  return first > now ? first - now : 0;
}

static void add_those_there_are(struct interfaces *interfaces) {
  const struct link_state *link = NULL;

  while ((link = monitor_next(interfaces->monitor, link)))
    on_link(interfaces, NULL, link);
  tell_unseen(interfaces->selection);
}

/* Where messages were lost a device may have been made again with the same
 * ifindex, and look the same: then nothing is attached any more. */
static void follow(struct interfaces *interfaces) {
  if (monitor_read(interfaces->monitor, on_link, interfaces) != 1)
    return;
  for (size_t i = interfaces->count; i-- > 0;) {
    struct interface *interface = interfaces->list[i];
    if (!is_dead(interface))
      continue;
    struct link_state link = interface->link;
    const struct settings *settings = interface->settings;
    let_go(interfaces, interface);
    add(interfaces, &link, settings);
  }
}

static void tell_all_missing(struct interfaces *interfaces) {
  for (size_t i = 0; i < interfaces->names_count; i++)
    if (interfaces->names[i])
      tell_missing(interfaces, interfaces->names[i]);
}

static void *run(void *context) {
  struct interfaces *interfaces = context;
  struct pollfd fds[] = {
      {.fd = monitor_fd(interfaces->monitor), .events = POLLIN},
      {.fd = interfaces->wake, .events = POLLIN}};

  clsact_sweep();
  add_those_there_are(interfaces);
  while (!interfaces->stopping) {
    follow(interfaces);
    bool busy = look_at_busy(interfaces);
    bury_dead(interfaces);
    do_work(interfaces);
    tell_all_missing(interfaces);
    sweep_names(interfaces, now_ms());
    poll(fds, 2, time_until_retry(interfaces, busy));
  }
  return NULL;
}

/* Signals are the daemon's: the thread starts with all of them blocked. */
static int start_thread(struct interfaces *interfaces) {
  sigset_t all, previous;

  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  int error = pthread_create(&interfaces->thread, NULL, run, interfaces);
  pthread_sigmask(SIG_SETMASK, &previous, NULL);
  return -error;
}

static void free_interfaces(struct interfaces *interfaces) {
  for (size_t i = 0; i < interfaces->names_count; i++)
    if (interfaces->names[i])
      free_name(interfaces->names[i]);
  free(interfaces->names);
  free(interfaces->list);
  free(interfaces->dead);
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    free(interfaces->counts[d]);
  free(interfaces->scratch);
  monitor_close(interfaces->monitor);
  notices_stop(interfaces->notices);
  if (interfaces->wake >= 0)
    close(interfaces->wake);
  pthread_mutex_destroy(&interfaces->lock);
  free(interfaces);
}

static int allocate_counts(struct interfaces *interfaces) {
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    interfaces->counts[d] = datapath_new_counts(interfaces->datapath);
  interfaces->scratch = datapath_new_counts(interfaces->datapath);
  return interfaces->counts[DIRECTION_RX] && interfaces->counts[DIRECTION_TX] &&
                 interfaces->scratch
             ? 0
             : -ENOMEM;
}

static int add_exact_names(struct interfaces *interfaces) {
  size_t position = 0;
  const char *name;

  while ((name = selection_next_name(interfaces->selection, &position)))
    if (!add_name(interfaces, name, true))
      return -ENOMEM;
  return 0;
}

static int set_up(struct interfaces *interfaces) {
  int error = allocate_counts(interfaces);

  interfaces->wake = eventfd(0, EFD_CLOEXEC);
  if (!error && interfaces->wake < 0)
    error = -errno;
  if (!error)
    error = add_exact_names(interfaces);
  if (!error)
    error = monitor_open(&interfaces->monitor);
  if (!error)
    error = notices_start(&interfaces->notices);
  return error;
}

int interfaces_start(struct selection *selection, struct datapath *datapath,
                     struct interfaces **ret_interfaces) {
  struct interfaces *interfaces = calloc(1, sizeof(*interfaces));
  if (!interfaces)
    return -ENOMEM;

  interfaces->selection = selection;
  interfaces->datapath = datapath;
  interfaces->wake = -1;
  pthread_mutex_init(&interfaces->lock, NULL);
  int error = set_up(interfaces);
  if (!error)
    error = start_thread(interfaces);
  if (error)
    free_interfaces(interfaces);
  else
    *ret_interfaces = interfaces;
  return error;
}

/* Leaves the report of a direction that is not counted as it is: zeros. */
static void report_side(struct name *name, enum direction direction,
                        struct counts *counts, struct side_report *report) {
  const struct interface *interface = name->interface;
  const struct side *side = &interface->sides[direction];

  if (!side->port)
    return;
  port_read(side->port, counts);
  series_complete(name->series, direction, counts);
  counts->queues = interface->queues;
  *report = (struct side_report){places_number(side->entry), counts,
                                 name->series->dscp_seen[direction]};
}

/* Returns whether there is something to tell: of a name that nobody has, only
 * where the configuration names it. */
static bool report_name(struct interfaces *interfaces, struct name *name,
                        struct interface_report *report) {
  const struct interface *interface = name->interface;

  if (!interface && !name->series->is_named)
    return false;
  *report = (struct interface_report){.is_attached = interface};
  memcpy(report->name, name->series->name, sizeof(report->name));
  for (enum direction d = 0; interface && d < DIRECTION_COUNT; d++) {
    report_side(name, d, interfaces->counts[d], &report->sides[d]);
    report->groups = interface->settings->groups;
    if (interface->sides[d].is_wanted && !report->sides[d].counts)
      report->is_attached = false;
  }
  return true;
}

/* The lock is not held while a name is visited, so that its place may be
 * another's afterwards. */
static void read_place(struct interfaces *interfaces, size_t i,
                       interfaces_visitor *visit, void *context) {
  struct interface_report report;

  pthread_mutex_lock(&interfaces->lock);
  struct name *name = interfaces->names[i];
  bool is_told = name && report_name(interfaces, name, &report);
  pthread_mutex_unlock(&interfaces->lock);
  if (!is_told)
    return;
  visit(context, &report);
  pthread_mutex_lock(&interfaces->lock);
  if (interfaces->names[i] == name)
    for (enum direction d = 0; d < DIRECTION_COUNT; d++)
      if (report.sides[d].counts)
        name->series->dscp_seen[d] = report.sides[d].dscp_seen;
  pthread_mutex_unlock(&interfaces->lock);
}

static size_t count_places(struct interfaces *interfaces) {
  pthread_mutex_lock(&interfaces->lock);
  size_t count = interfaces->names_count;
  pthread_mutex_unlock(&interfaces->lock);
  return count;
}

void interfaces_read(struct interfaces *interfaces, interfaces_visitor *visit,
                     void *context) {
  size_t count = count_places(interfaces);

  for (size_t i = 0; i < count; i++)
    read_place(interfaces, i, visit, context);
}

/* The datapath closes next: what is published need not be taken back. */
struct interfaces *interfaces_stop(struct interfaces *interfaces) {
  if (!interfaces)
    return NULL;
  interfaces->stopping = true;
  eventfd_write(interfaces->wake, 1);
  pthread_join(interfaces->thread, NULL);
  for (size_t i = 0; i < interfaces->count; i++) {
    for (enum direction d = 0; d < DIRECTION_COUNT; d++)
      port_free(interfaces->list[i]->sides[d].port);
    free(interfaces->list[i]);
  }
  for (size_t i = 0; i < interfaces->dead_count; i++)
    port_free(interfaces->dead[i]);
  free_interfaces(interfaces);
  return NULL;
}
