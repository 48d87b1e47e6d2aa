// SPDX-License-Identifier: MIT

#include "plugin/monitor.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/descriptor.h"
#include "plugin/netlink.h"
#include "plugin/rtlink.h"

enum {
  /* For some thousands of events while the owner attaches. It takes memory as
     messages wait, not before. */
  RECEIVE_BUFFER = 16 << 20,
  MESSAGE_MAX = 32768,
  /* The owner has its turn in a flood as well. */
  READS_MAX = 1024,
};

struct monitor {
  struct mnl_socket *socket; /* events only, so that no dump comes between */
  struct links links;
  bool is_stale; /* messages were lost, the links are not as the kernel's */
};

/* What is told to whom, and what came of it: libmnl's callbacks have one
 * pointer only. */
struct visit {
  struct monitor *monitor;
  monitor_visitor *visitor; /* NULL: nobody is told */
  void *context;
  int error;
};

static void tell(const struct visit *visit, const struct link_state *before,
                 const struct link_state *after) {
  if (visit->visitor)
    visit->visitor(visit->context, before, after);
}

static int update(const struct visit *visit, const struct link_state *state) {
  struct links *links = &visit->monitor->links;
  const struct link_state *known = links_find(links, state->ifindex);
  struct link_state before;

  if (known && link_state_equals(known, state))
    return 0;
  if (known)
    before = *known;
  int error = links_put(links, state);
  if (!error)
    tell(visit, known ? &before : NULL, state);
  return error;
}

static void drop(const struct visit *visit, unsigned ifindex) {
  struct links *links = &visit->monitor->links;
  const struct link_state *known = links_find(links, ifindex);

  if (!known)
    return;
  struct link_state before = *known;
  links_remove(links, ifindex);
  tell(visit, &before, NULL);
}

/* What the message does not say may have changed. */
static int on_new(const struct visit *visit, const struct link_state *state) {
  const struct link_state *known =
      links_find(&visit->monitor->links, state->ifindex);

  if (!known || !link_state_equals(known, state))
    return update(visit, state);
  tell(visit, state, state);
  return 0;
}

static int on_event(const struct nlmsghdr *message, void *context) {
  struct visit *visit = context;
  struct link_state state;
  int error = 0;

  if (message->nlmsg_type == RTM_NEWLINK && rtlink_parse(message, &state))
    error = on_new(visit, &state);
  else if (message->nlmsg_type == RTM_DELLINK && rtlink_parse(message, &state))
    drop(visit, state.ifindex);
  if (error)
    visit->error = error;
  return MNL_CB_OK;
}

static void drop_absent(const struct visit *visit, const struct links *now) {
  const struct links *links = &visit->monitor->links;
  const struct link_state *next, *link = links_next(links, NULL);

  for (; link; link = next) {
    next = links_next(links, link);
    if (!links_find(now, link->ifindex))
      drop(visit, link->ifindex);
  }
}

/* Links that have another name now than they are known by. */
struct renamed {
  size_t count;
  const struct link_state *links[];
};

static struct renamed *find_renamed(const struct links *links,
                                    const struct links *now) {
  struct renamed *renamed =
      malloc(sizeof(*renamed) + now->entries_count * sizeof(renamed->links[0]));
  const struct link_state *link = NULL;

  if (!renamed)
    return NULL;
  renamed->count = 0;
  while ((link = links_next(now, link))) {
    const struct link_state *known = links_find(links, link->ifindex);
    if (known && strcmp(known->name, link->name) != 0)
      renamed->links[renamed->count++] = link;
  }
  return renamed;
}

/* A name is still known as that of a link that has another one now. */
static bool is_taken(const struct links *links, const struct renamed *renamed,
                     const char *name) {
  for (size_t i = 0; i < renamed->count; i++) {
    unsigned ifindex = renamed->links[i]->ifindex;
    if (strcmp(links_find(links, ifindex)->name, name) == 0)
      return true;
  }
  return false;
}

/* Returns how many links took their new name. */
static size_t rename_free(const struct visit *visit, struct renamed *renamed,
                          int *error) {
  size_t count = renamed->count;

  for (size_t i = 0; i < renamed->count && !*error;) {
    const struct link_state *link = renamed->links[i];
    if (is_taken(&visit->monitor->links, renamed, link->name)) {
      i++;
      continue;
    }
    renamed->links[i] = renamed->links[--renamed->count];
    *error = update(visit, link);
  }
  return count - renamed->count;
}

/* Whoever goes by names has seen a name given up before another link takes it;
 * where links gave each other theirs one has no name meanwhile. */
static int rename_all(const struct visit *visit, const struct links *now) {
  const struct links *links = &visit->monitor->links;
  struct renamed *renamed = find_renamed(links, now);
  int error = renamed ? 0 : -ENOMEM;

  while (!error && renamed->count) {
    if (rename_free(visit, renamed, &error) || error)
      continue;
    struct link_state nameless = *links_find(links, renamed->links[0]->ifindex);
    nameless.name[0] = '\0';
    error = update(visit, &nameless);
  }
  free(renamed);
  return error;
}

/* What a dump has that was interrupted is there; what it lacks may be, too. */
static int update_all(const struct visit *visit, const struct links *now) {
  const struct link_state *link = NULL;
  int error = 0;

  while (!error && (link = links_next(now, link)))
    error = update(visit, link);
  return error;
}

static int compare(const struct visit *visit, const struct links *now) {
  drop_absent(visit, now);
  int error = rename_all(visit, now);
  return error ? error : update_all(visit, now);
}

/* Messages that came since the dump tell of something later, or once more of
 * what the dump told. Where links come and go too fast to be told it is tried
 * again when the next message is read, and there is one: of what interrupted.
 * Returns 1 where messages were lost and all is known again. */
static int resync(const struct visit *visit) {
  struct monitor *monitor = visit->monitor;
  bool was_stale = monitor->is_stale;
  struct links now = {0};
  int error = rtlink_dump(&now);

  monitor->is_stale = error != 0;
  if (!error)
    error = compare(visit, &now);
  else if (error == -EINTR)
    error = update_all(visit, &now);
  links_clear(&now);
  if (error)
    monitor->is_stale = true;
  if (error || monitor->is_stale)
    return error;
  return was_stale;
}

/* Returns 1 where there may be more, 0 at the end, or -errno. */
static int read_message(struct visit *visit) {
  struct monitor *monitor = visit->monitor;
  char buffer[MESSAGE_MAX];
  ssize_t length = mnl_socket_recvfrom(monitor->socket, buffer, sizeof(buffer));

  if (length >= 0 && monitor->is_stale)
    return 1;
  if (length >= 0) {
    /* It may name whoever asked for the change: no port is compared. */
    mnl_cb_run(buffer, length, 0, 0, on_event, visit);
    return visit->error ? visit->error : 1;
  }
  switch (errno) {
  case EAGAIN:
    return 0;
  case EINTR:
    return 1;
  case ENOBUFS: /* lost */
  case ENOSPC:  /* cut, says libmnl */
    monitor->is_stale = true;
    return 1;
  default:
    return -errno;
  }
}

/* After an overrun the kernel drops what comes until all that waits has been
 * read, and does not say so again: all of it has to go, unread, since the links
 * are then asked for. */
static int drain(struct visit *visit) {
  int status = 1;

  for (int i = 0; status > 0 && (i < READS_MAX || visit->monitor->is_stale);
       i++)
    status = read_message(visit);
  if (status < 0)
    visit->monitor->is_stale = true;
  return status;
}

int monitor_read(struct monitor *monitor, monitor_visitor *visitor,
                 void *context) {
  struct visit visit = {monitor, visitor, context, 0};
  int status = drain(&visit);

  if (status)
    return status < 0 ? status : 0;
  return monitor->is_stale ? resync(&visit) : 0;
}

/* What waits is read first, since it is older than what is asked for now. */
int monitor_resync(struct monitor *monitor, monitor_visitor *visitor,
                   void *context) {
  struct visit visit = {monitor, visitor, context, 0};
  int status = drain(&visit);

  return status < 0 ? status : resync(&visit);
}

static int open_socket(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                  NETLINK_ROUTE);
  const int size = RECEIVE_BUFFER;

  if (fd < 0)
    return -errno;
  fd = descriptor_move_up(fd);
  if (fd < 0)
    return fd;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
  return fd;
}

static int subscribe(struct monitor *monitor) {
  int fd = open_socket();

  if (fd < 0)
    return fd;
  /* libmnl itself would open one of the lowest number. It closes this one. */
  monitor->socket = mnl_socket_fdopen(fd);
  if (!monitor->socket) {
    close(fd);
    return -ENOMEM;
  }
  if (mnl_socket_bind(monitor->socket, RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0)
    return -errno;
  return 0;
}

int monitor_open(struct monitor **ret_monitor) {
  struct monitor *monitor = calloc(1, sizeof(*monitor));

  if (!monitor)
    return -ENOMEM;
  int error = subscribe(monitor);
  if (!error)
    error = monitor_resync(monitor, NULL, NULL);
  if (error)
    monitor_close(monitor);
  else
    *ret_monitor = monitor;
  return error;
}

struct monitor *monitor_close(struct monitor *monitor) {
  if (!monitor)
    return NULL;
  if (monitor->socket)
    mnl_socket_close(monitor->socket);
  links_clear(&monitor->links);
  free(monitor);
  return NULL;
}

bool monitor_is_complete(const struct monitor *monitor) {
  return !monitor->is_stale;
}

int monitor_fd(const struct monitor *monitor) {
  return mnl_socket_get_fd(monitor->socket);
}

const struct link_state *monitor_find(const struct monitor *monitor,
                                      unsigned ifindex) {
  return links_find(&monitor->links, ifindex);
}

const struct link_state *monitor_next(const struct monitor *monitor,
                                      const struct link_state *previous) {
  return links_next(&monitor->links, previous);
}

bool monitor_has_vlan(const struct monitor *monitor, unsigned ifindex) {
  return links_has_vlan(&monitor->links, ifindex);
}

int monitor_query_xdp(unsigned ifindex, struct xdp_state *ret_xdp) {
  struct link_state state;
  int error = rtlink_query(ifindex, &state);

  if (!error)
    *ret_xdp = state.xdp;
  return error;
}
