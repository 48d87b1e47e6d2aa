// SPDX-License-Identifier: MIT

#include "plugin/interfaces.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "plugin/attach.h"
#include "plugin/clsact.h"
#include "plugin/device.h"

/* One direction of an interface. */
struct side {
  /* Set once, when attached; what is beside it is then complete. */
  _Atomic(struct port *) port;
  enum entry entry;
  unsigned queues;
  __u64 dscp_seen;
};

struct interface {
  const char *name;                /* the selection's */
  const struct settings *settings; /* the selection's */
  struct side sides[DIRECTION_COUNT];
};

struct interfaces {
  struct attach attach;
  struct counts *counts[DIRECTION_COUNT]; /* of the one that is being read */
  pthread_t thread;
  atomic_bool stopping;
  size_t count;
  struct interface list[];
};

static void attach_interface(struct interfaces *interfaces,
                             struct interface *interface) {
  struct device device;
  int error = device_query(interface->name, &device);

  if (error) {
    attach_log_missing(interface->name, error);
    return;
  }
  interfaces->attach.mode = interface->settings->mode;
  interfaces->attach.groups = interface->settings->groups;
  for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
    struct side *side = &interface->sides[d];
    if (!(interface->settings->directions & DIRECTION_BIT(d)))
      continue;
    side->queues = device.rx_queues;
    side->port = attach_direction(&interfaces->attach, d, interface->name,
                                  &device, &side->entry);
  }
}

static void *run(void *context) {
  struct interfaces *interfaces = context;

  clsact_sweep();
  for (size_t i = 0; i < interfaces->count && !interfaces->stopping; i++)
    attach_interface(interfaces, &interfaces->list[i]);
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
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    free(interfaces->counts[d]);
  free(interfaces);
}

static int allocate_counts(struct interfaces *interfaces) {
  for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
    interfaces->counts[d] = datapath_new_counts(interfaces->attach.datapath);
    if (!interfaces->counts[d])
      return -ENOMEM;
  }
  return 0;
}

static size_t count_names(const struct selection *selection) {
  size_t count = 0;

  for (size_t i = 0; selection_next_name(selection, &i);)
    count++;
  return count;
}

static void list_names(struct interfaces *interfaces,
                       const struct selection *selection) {
  const char *name;

  for (size_t i = 0; (name = selection_next_name(selection, &i));)
    interfaces->list[interfaces->count++] = (struct interface){
        .name = name, .settings = selection_find(selection, name)};
}

int interfaces_start(const struct selection *selection,
                     struct datapath *datapath,
                     struct interfaces **ret_interfaces) {
  size_t count = count_names(selection);
  struct interfaces *interfaces =
      calloc(1, sizeof(*interfaces) + count * sizeof(struct interface));
  if (!interfaces)
    return -ENOMEM;

  interfaces->attach.datapath = datapath;
  list_names(interfaces, selection);

  int error = allocate_counts(interfaces);
  if (!error)
    error = start_thread(interfaces);
  if (error)
    free_interfaces(interfaces);
  else
    *ret_interfaces = interfaces;
  return error;
}

/* Leaves the report of a direction that is not counted as it is: zeros. */
static void report_side(struct side *side, struct counts *counts,
                        struct side_report *report) {
  const struct port *port = side->port;

  if (!port)
    return;
  port_read(port, counts);
  counts->queues = side->queues;
  *report = (struct side_report){places_number(side->entry), counts,
                                 &side->dscp_seen};
}

static void read_interface(struct interfaces *interfaces,
                           struct interface *interface,
                           interfaces_visitor *visit, void *context) {
  struct interface_report report = {.name = interface->name,
                                    .is_attached = true,
                                    .groups = interface->settings->groups};

  for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
    report_side(&interface->sides[d], interfaces->counts[d], &report.sides[d]);
    if (interface->settings->directions & DIRECTION_BIT(d) &&
        !report.sides[d].counts)
      report.is_attached = false;
  }
  visit(context, &report);
}

void interfaces_read(struct interfaces *interfaces, interfaces_visitor *visit,
                     void *context) {
  for (size_t i = 0; i < interfaces->count; i++)
    read_interface(interfaces, &interfaces->list[i], visit, context);
}

struct interfaces *interfaces_stop(struct interfaces *interfaces) {
  if (!interfaces)
    return NULL;
  interfaces->stopping = true;
  pthread_join(interfaces->thread, NULL);
  for (size_t i = 0; i < interfaces->count; i++)
    for (enum direction d = 0; d < DIRECTION_COUNT; d++)
      port_close(interfaces->list[i].sides[d].port);
  free_interfaces(interfaces);
  return NULL;
}
