// SPDX-License-Identifier: MIT

#include "plugin/interfaces.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

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
  char name[IF_NAMESIZE];
  atomic_bool is_tried; /* before that there is nothing to tell */
  struct side sides[DIRECTION_COUNT];
};

struct interfaces {
  struct attach attach;
  unsigned directions;                    /* set of DIRECTION_BIT */
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
  for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
    struct side *side = &interface->sides[d];
    if (!(interfaces->directions & DIRECTION_BIT(d)))
      continue;
    side->queues = device.rx_queues;
    side->port = attach_direction(&interfaces->attach, d, interface->name,
                                  &device, &side->entry);
  }
}

static void *run(void *context) {
  struct interfaces *interfaces = context;

  clsact_sweep();
  for (size_t i = 0; i < interfaces->count && !interfaces->stopping; i++) {
    attach_interface(interfaces, &interfaces->list[i]);
    interfaces->list[i].is_tried = true;
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

int interfaces_start(const struct config *config, struct datapath *datapath,
                     struct interfaces **ret_interfaces) {
  size_t count = config->interfaces_count;
  struct interfaces *interfaces =
      calloc(1, sizeof(*interfaces) + count * sizeof(struct interface));
  if (!interfaces)
    return -ENOMEM;

  interfaces->attach = (struct attach){
      .datapath = datapath, .mode = config->mode, .groups = config->groups};
  interfaces->directions = config->directions;
  interfaces->count = count;
  for (size_t i = 0; i < count; i++)
    memcpy(interfaces->list[i].name, config->interfaces[i], IF_NAMESIZE);

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
                                    .is_attached = true};

  for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
    report_side(&interface->sides[d], interfaces->counts[d], &report.sides[d]);
    if (interfaces->directions & DIRECTION_BIT(d) && !report.sides[d].counts)
      report.is_attached = false;
  }
  visit(context, &report);
}

void interfaces_read(struct interfaces *interfaces, interfaces_visitor *visit,
                     void *context) {
  for (size_t i = 0; i < interfaces->count; i++)
    if (interfaces->list[i].is_tried)
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
