// SPDX-License-Identifier: MIT

#include "plugin/interfaces.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/device.h"
#include "plugin/log.h"

struct interface {
  char name[IF_NAMESIZE];
  /* Set once, when attached; what is before it is then complete. */
  _Atomic(struct port *) port;
  unsigned queues;
  __u64 dscp_seen;
};

struct interfaces {
  struct datapath *datapath;
  enum mode mode;
  struct counts *counts; /* of the interface that is being read */
  pthread_t thread;
  atomic_bool stopping;
  size_t count;
  struct interface list[];
};

static const char *const hook_words[] = {
    [HOOK_NATIVE] = "in the driver (native XDP)",
    [HOOK_GENERIC] = "on the skb (generic XDP), where a GSO or GRO super-frame "
                     "counts as one frame",
};

/* Cause and remedy of what only native XDP asks of a driver. */
static const char *describe_native(int error) {
  switch (-error) {
  case EOPNOTSUPP:
    return "its driver has no XDP, or none with these settings; use "
           "Mode \"generic\"";
  case EINVAL:
  case ERANGE:
    return "its driver refuses the program, as it does where a frame (MTU) "
           "does not fit into one buffer; lower the MTU or use "
           "Mode \"generic\"";
  case ENOSPC:
    return "it has too few queues for XDP; add some (ethtool -L) or use "
           "Mode \"generic\"";
  default:
    return strerror(-error);
  }
}

/* Cause and remedy of a refused attach. */
static const char *describe(int error, enum hook hook) {
  switch (-error) {
  case ENODEV:
    return "there is no such interface; check the name in Interface, and "
           "restart collectd when it is there";
  case EALREADY:
    return "it is counted under another name of the same device; remove one of "
           "the two Interface lines";
  case EBUSY:
    return "another XDP program is attached and stays so; to count here, "
           "detach it (see ip -d link) and restart collectd";
  case EEXIST:
    return "another XDP program is attached in the other mode, or to the bond "
           "above; it stays so; to count here, detach it (see ip -d link) and "
           "restart collectd";
  case E2BIG:
    return "its ifindex is beyond 65535; create it with a lower one (ip link "
           "add ... index N)";
  case EPERM:
    return "CAP_NET_ADMIN or CAP_BPF is missing; grant it to collectd";
  case ENOMEM:
    return "no memory for its counters; raise the limit of collectd's control "
           "group";
  case EMFILE:
  case ENFILE:
    return "out of file descriptors; raise LimitNOFILE= of collectd's systemd "
           "unit";
  default:
    if (hook == HOOK_NATIVE)
      return describe_native(error);
    return error == -EOPNOTSUPP ? "the device takes no XDP program"
                                : strerror(-error);
  }
}

/* Whether generic XDP may be possible where native was refused. */
static bool is_refused_by_driver(int error) {
  return error == -EOPNOTSUPP || error == -EINVAL || error == -ERANGE ||
         error == -ENOSPC;
}

static int open_port(struct interfaces *interfaces, const char *name,
                     enum hook hook, struct port **ret_port) {
  unsigned ifindex = if_nametoindex(name);

  return ifindex ? port_open(interfaces->datapath, ifindex, hook, ret_port)
                 : -ENODEV;
}

static void attach(struct interfaces *interfaces, struct interface *interface) {
  enum hook hook =
      interfaces->mode == MODE_GENERIC ? HOOK_GENERIC : HOOK_NATIVE;
  struct port *port = NULL;
  const char *reason = "";

  int error = open_port(interfaces, interface->name, hook, &port);
  if (interfaces->mode == MODE_AUTO && is_refused_by_driver(error)) {
    reason = "; the driver refuses native XDP";
    hook = HOOK_GENERIC;
    error = open_port(interfaces, interface->name, hook, &port);
  }
  if (error) {
    log_write(LOG_ERR, "interface \"%s\" is not counted: %s", interface->name,
              describe(error, hook));
    return;
  }
  interface->queues = device_rx_queues(interface->name);
  interface->port = port;
  log_write(hook == HOOK_NATIVE ? LOG_INFO : LOG_NOTICE,
            "interface \"%s\" is counted %s%s", interface->name,
            hook_words[hook], reason);
}

static void *run(void *context) {
  struct interfaces *interfaces = context;

  for (size_t i = 0; i < interfaces->count && !interfaces->stopping; i++)
    attach(interfaces, &interfaces->list[i]);
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
  free(interfaces->counts);
  free(interfaces);
}

int interfaces_start(const struct config *config, struct datapath *datapath,
                     struct interfaces **ret_interfaces) {
  size_t count = config->interfaces_count;
  struct interfaces *interfaces =
      calloc(1, sizeof(*interfaces) + count * sizeof(struct interface));
  if (!interfaces)
    return -ENOMEM;

  interfaces->datapath = datapath;
  interfaces->mode = config->mode;
  interfaces->counts = datapath_new_counts(datapath);
  interfaces->count = count;
  for (size_t i = 0; i < count; i++)
    memcpy(interfaces->list[i].name, config->interfaces[i], IF_NAMESIZE);

  int error = interfaces->counts ? start_thread(interfaces) : -ENOMEM;
  if (error)
    free_interfaces(interfaces);
  else
    *ret_interfaces = interfaces;
  return error;
}

void interfaces_read(struct interfaces *interfaces, interfaces_visitor *visit,
                     void *context) {
  for (size_t i = 0; i < interfaces->count; i++) {
    struct interface *interface = &interfaces->list[i];
    const struct port *port = interface->port;
    if (!port)
      continue;
    port_read(port, interfaces->counts);
    interfaces->counts->queues = interface->queues;
    visit(context, interface->name, interfaces->counts, &interface->dscp_seen);
  }
}

struct interfaces *interfaces_stop(struct interfaces *interfaces) {
  if (!interfaces)
    return NULL;
  interfaces->stopping = true;
  pthread_join(interfaces->thread, NULL);
  for (size_t i = 0; i < interfaces->count; i++)
    port_close(interfaces->list[i].port);
  free_interfaces(interfaces);
  return NULL;
}
