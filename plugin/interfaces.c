// SPDX-License-Identifier: MIT

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "plugin/clsact.h"
#include "plugin/descriptor.h"
#include "plugin/interfaces_private.h"
#include "plugin/log.h"
#include "plugin/thread.h"

/* Milliseconds. */
enum {
  NAME_KEPT = 60 * 60 * 1000,
  SWEEP_INTERVAL = 10 * 1000,
  MONITOR_INTERVAL = 1000, /* to try again, without a message */
  STOP_MAX = 5000,
};

/* --- the thread ------------------------------------------------------------*/

/* A name that nobody has had for an hour begins anew. The clock's first hour is
 * the machine's. */
static void sweep(struct interfaces *interfaces) {
  __u64 now = now_ms();

  if (now < interfaces->sweep_at)
    return;
  interfaces->sweep_at = now + SWEEP_INTERVAL;
  follow_dead(interfaces);
  pthread_mutex_lock(&interfaces->lock);
  names_sweep(&interfaces->names, now > NAME_KEPT ? now - NAME_KEPT : 0);
  pthread_mutex_unlock(&interfaces->lock);
}

/* Once, until it is over. */
static void tell_monitor(struct interfaces *interfaces, int error) {
  if (error && error != interfaces->monitor_error)
    log_write(LOG_ERR,
              "cannot follow which interfaces there are: %s; it is tried again",
              strerror(-error));
  if (!error && interfaces->monitor_error)
    log_write(LOG_NOTICE, "follows again which interfaces there are");
  interfaces->monitor_error = error;
}

static void wait_for_more(const struct interfaces *interfaces) {
  __u64 now = now_ms(), next = attempts_next(interfaces);
  struct pollfd fds[] = {{.fd = interfaces->wake, .events = POLLIN},
                         {.fd = -1, .events = POLLIN}};

  if (interfaces->monitor)
    fds[1].fd = monitor_fd(interfaces->monitor);
  if (next > interfaces->sweep_at)
    next = interfaces->sweep_at;
  if (interfaces->monitor_error && next > now + MONITOR_INTERVAL)
    next = now + MONITOR_INTERVAL;
  poll(fds, 2, next > now ? next - now : 0);
}

static void *run(void *context) {
  struct interfaces *interfaces = context;

  clsact_sweep();
  while (!interfaces->stopping) {
    int error = interfaces->monitor ? follow_changes(interfaces)
                                    : follow_begin(interfaces);
    tell_monitor(interfaces, error);
    sweep(interfaces);
    attempts_watch(interfaces);
    retired_free(&interfaces->retired);
    attempts_make(interfaces);
    retired_free(&interfaces->retired);
    state_tell(interfaces);
    wait_for_more(interfaces);
  }
  return NULL;
}

/* --- start and stop --------------------------------------------------------*/

static int allocate_counts(struct interfaces *interfaces) {
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    interfaces->counts[d] = datapath_new_counts(interfaces->datapath);
  interfaces->scratch = datapath_new_counts(interfaces->datapath);
  return interfaces->counts[DIRECTION_RX] && interfaces->counts[DIRECTION_TX] &&
                 interfaces->scratch
             ? 0
             : -ENOMEM;
}

static int add_configured_names(struct interfaces *interfaces) {
  size_t position = 0;
  const char *text;

  while ((text = selection_next_name(interfaces->selection, &position))) {
    struct name *name = names_obtain(&interfaces->names, text);
    if (!name)
      return -ENOMEM;
    name->is_configured = true;
  }
  return 0;
}

static int open_wake(struct interfaces *interfaces) {
  int descriptor = eventfd(0, EFD_CLOEXEC);

  interfaces->wake = descriptor_move_up(descriptor < 0 ? -errno : descriptor);
  return interfaces->wake < 0 ? interfaces->wake : 0;
}

static int set_up(struct interfaces *interfaces) {
  int error = allocate_counts(interfaces);

  if (!error)
    error = open_wake(interfaces);
  if (!error)
    error = add_configured_names(interfaces);
  if (!error)
    error = notices_start(&interfaces->notices);
  return error;
}

/* At tc the kernel takes a grace period of RCU for each link, some 10 ms: of
 * thousands, others would lose what they have not written yet when systemd's
 * patience ends. Returns how many are left to the end of the process. */
static size_t free_ports_of(const struct interface *interface, __u64 deadline) {
  size_t left = 0;

  for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
    struct port *port = interface->sides[d].port;
    if (!port || now_ms() < deadline) {
      port_free(port);
    } else {
      port_leave(port);
      left++;
    }
  }
  return left;
}

/* The datapath closes next: what is published need not be taken back. */
static void free_list(struct interfaces *interfaces) {
  __u64 deadline = now_ms() + STOP_MAX;
  size_t left = 0;

  for (size_t i = 0; i < interfaces->count; i++) {
    struct interface *interface = interfaces->list[i];
    left += free_ports_of(interface, deadline);
    for (enum direction d = 0; d < DIRECTION_COUNT; d++)
      free(interface->sides[d].why);
    free(interface);
  }
  free(interfaces->list);
  if (left)
    log_write(LOG_NOTICE,
              "programs that are left to the kernel, which detaches them when "
              "collectd has ended: %zu",
              left);
}

static void free_interfaces(struct interfaces *interfaces) {
  free_list(interfaces);
  names_clear(&interfaces->names);
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

int interfaces_start(struct selection *selection,
                     const struct counters *counters, struct datapath *datapath,
                     struct interfaces **ret_interfaces) {
  struct interfaces *interfaces = calloc(1, sizeof(*interfaces));
  if (!interfaces)
    return -ENOMEM;

  interfaces->selection = selection;
  interfaces->counters = counters;
  interfaces->datapath = datapath;
  interfaces->wake = -1;
  pthread_mutex_init(&interfaces->lock, NULL);
  int error = set_up(interfaces);
  if (!error)
    error = thread_start(&interfaces->thread, run, interfaces);
  if (error)
    free_interfaces(interfaces);
  else
    *ret_interfaces = interfaces;
  return error;
}

struct interfaces *interfaces_stop(struct interfaces *interfaces) {
  if (!interfaces)
    return NULL;
  interfaces->stopping = true;
  eventfd_write(interfaces->wake, 1);
  pthread_join(interfaces->thread, NULL);
  free_interfaces(interfaces);
  return NULL;
}

/* --- reads -----------------------------------------------------------------*/

/* The verdicts of a program are there as long as it is observed. */
static __u32 groups_told(const struct interface *interface,
                         const struct side *side) {
  __u32 groups = interface->settings->groups & ~GROUP_BIT(GROUP_VERDICT);

  return side->entry == ENTRY_OBSERVE ? groups | GROUP_BIT(GROUP_VERDICT)
                                      : groups;
}

/* Returns whether it is known how it stands with what is wanted. */
static bool report_side(const struct interface *interface,
                        enum direction direction, struct counts *counts,
                        struct interface_report *report) {
  const struct side *side = &interface->sides[direction];
  const struct series *series = &interface->name->series[direction];

  if (!side->is_wanted)
    return true;
  if (!side->port) {
    report->is_attached = false;
    return side->is_tried;
  }
  port_read(side->port, counts);
  series_complete(series, counts);
  counts->queues = interface->queues;
  report->sides[direction] =
      (struct side_report){.mode = places_number(side->entry),
                           .groups = groups_told(interface, side),
                           .counters = side->counters,
                           .counts = counts,
                           .dscp_seen = series->dscp_seen};
  return true;
}

static bool report_interface(struct interfaces *interfaces,
                             const struct interface *interface,
                             struct interface_report *report) {
  report->is_attached = true;
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    if (!report_side(interface, d, interfaces->counts[d], report))
      return false;
  return true;
}

/* Returns whether there is something to tell. Of a name that no interface has
 * there is where it is configured, and once it is known. */
static bool report_name(struct interfaces *interfaces, const struct name *name,
                        struct interface_report *report) {
  *report = (struct interface_report){0};
  memcpy(report->name, name->text, sizeof(report->name));
  if (name->interface)
    return report_interface(interfaces, name->interface, report);
  return name->is_configured && interfaces->has_looked;
}

static void keep_dscp_seen(struct name *name,
                           const struct interface_report *report) {
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    if (report->sides[d].counts)
      name->series[d].dscp_seen = report->sides[d].dscp_seen;
}

/* The lock is not held while a name is visited, so that its place may be
 * another's afterwards. */
static void read_place(struct interfaces *interfaces, size_t i,
                       interfaces_visitor *visit, void *context) {
  struct interface_report report;

  pthread_mutex_lock(&interfaces->lock);
  struct name *name = interfaces->names.list[i];
  bool is_told = name && report_name(interfaces, name, &report);
  pthread_mutex_unlock(&interfaces->lock);
  if (!is_told)
    return;
  visit(context, &report);
  pthread_mutex_lock(&interfaces->lock);
  if (interfaces->names.list[i] == name)
    keep_dscp_seen(name, &report);
  pthread_mutex_unlock(&interfaces->lock);
}

static size_t count_places(struct interfaces *interfaces) {
  pthread_mutex_lock(&interfaces->lock);
  size_t count = interfaces->names.count;
  pthread_mutex_unlock(&interfaces->lock);
  return count;
}

void interfaces_read(struct interfaces *interfaces, interfaces_visitor *visit,
                     void *context) {
  size_t count = count_places(interfaces);

  for (size_t i = 0; i < count; i++)
    read_place(interfaces, i, visit, context);
}
