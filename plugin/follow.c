// SPDX-License-Identifier: MIT

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/device.h"
#include "plugin/interfaces_private.h"
#include "plugin/log.h"

/* Which interfaces there are: those that the monitor tells of and that are
 * selected, each with the name that it has. */

/* --- the list --------------------------------------------------------------*/

/* Where it stands, or would stand: the list is in the order of ifindex. */
static size_t position_of(const struct interfaces *interfaces,
                          unsigned ifindex) {
  size_t first = 0, end = interfaces->count;

  while (first < end) {
    size_t middle = first + (end - first) / 2;
    if (interfaces->list[middle]->link.ifindex < ifindex)
      first = middle + 1;
    else
      end = middle;
  }
  return first;
}

static struct interface *find(const struct interfaces *interfaces,
                              unsigned ifindex) {
  size_t i = position_of(interfaces, ifindex);

  return i < interfaces->count && interfaces->list[i]->link.ifindex == ifindex
             ? interfaces->list[i]
             : NULL;
}

/* Returns 0 or -ENOMEM. */
static int enlist(struct interfaces *interfaces, struct interface *interface) {
  size_t i = position_of(interfaces, interface->link.ifindex);
  struct interface **grown =
      reallocarray(interfaces->list, interfaces->count + 1, sizeof(*grown));

  if (!grown)
    return -ENOMEM;
  interfaces->list = grown;
  memmove(&grown[i + 1], &grown[i], (interfaces->count - i) * sizeof(*grown));
  grown[i] = interface;
  interfaces->count++;
  return 0;
}

static void strike_off(struct interfaces *interfaces,
                       const struct interface *interface) {
  size_t i = position_of(interfaces, interface->link.ifindex);

  interfaces->count--;
  memmove(&interfaces->list[i], &interfaces->list[i + 1],
          (interfaces->count - i) * sizeof(*interfaces->list));
}

/* --- names -----------------------------------------------------------------*/

/* One reading for both names: what is counted under the old one, if there was
 * one, stays there, and is left out under the new one, if there is one. */
static void move_side(struct interfaces *interfaces, const struct side *side,
                      struct series *from, struct series *to) {
  if (!side->port)
    return;
  port_read(side->port, interfaces->scratch);
  if (from)
    series_keep(from, interfaces->scratch);
  if (to)
    series_leave_out(to, interfaces->scratch);
}

/* Under the lock. */
static void move(struct interfaces *interfaces, struct interface *interface,
                 struct name *to) {
  struct name *from = interface->name;

  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    move_side(interfaces, &interface->sides[d], from ? &from->series[d] : NULL,
              to ? &to->series[d] : NULL);
  if (from) {
    from->interface = NULL;
    from->gone_at = now_ms();
  }
  interface->name = to;
  if (to)
    to->interface = interface;
}

/* Takes the name of the link, from another interface where that has given it up
 * without our knowing. A link has no name for a moment where names are swapped.
 * Under the lock; returns 0 or -ENOMEM. */
static int take_name(struct interfaces *interfaces, struct interface *interface,
                     const char *text) {
  struct name *name = *text ? names_obtain(&interfaces->names, text) : NULL;

  if (name && name->interface)
    move(interfaces, name->interface, NULL);
  move(interfaces, interface, name);
  return name || !*text ? 0 : -ENOMEM;
}

/* All at once to the reads: a name comes with its settings. */
static void become(struct interfaces *interfaces, struct interface *interface,
                   const struct link_state *link,
                   const struct settings *settings) {
  int error = 0;

  pthread_mutex_lock(&interfaces->lock);
  if (strcmp(interface->link.name, link->name) != 0)
    error = take_name(interfaces, interface, link->name);
  interface->link = *link;
  interface->settings = settings;
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    interface->sides[d].is_wanted = settings->directions & DIRECTION_BIT(d);
  pthread_mutex_unlock(&interfaces->lock);
  if (error)
    log_write(LOG_ERR, "interface \"%s\" is not reported: out of memory",
              link->name);
}

/* --- coming and going ------------------------------------------------------*/

static void add(struct interfaces *interfaces, const struct link_state *link,
                const struct settings *settings) {
  struct interface *interface = calloc(1, sizeof(*interface));

  if (interface)
    interface->link.ifindex = link->ifindex;
  if (!interface || enlist(interfaces, interface) != 0) {
    free(interface);
    log_write(LOG_ERR, "interface \"%s\" is not counted: out of memory",
              link->name);
    return;
  }
  attempts_hurry(interface);
  become(interfaces, interface, link, settings);
}

static void let_go(struct interfaces *interfaces, struct interface *interface) {
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    interface_drop_side(interfaces, interface, d);
  pthread_mutex_lock(&interfaces->lock);
  move(interfaces, interface, NULL);
  pthread_mutex_unlock(&interfaces->lock);
  strike_off(interfaces, interface);
  free(interface);
}

/* One whose name is configured is missing now, which is told as such. One that
 * has lost its name before is not known by it any more. */
static void tell_gone(const struct interface *interface,
                      const struct link_state *after) {
  const char *name = interface->link.name;

  if (after && *name)
    log_write(LOG_INFO,
              "interface \"%s\" is called \"%s\" now, which is not selected",
              name, after->name);
  else if (!after && interface->name && !interface->name->is_configured)
    log_write(LOG_INFO, "interface \"%s\" has gone", name);
}

/* --- members of bonds ------------------------------------------------------*/

/* The members of a bond decide whether it can be counted in the driver, where
 * their frames are seen as theirs. Where somebody else's program is observed on
 * the skb the port is sealed, and takes no member. */
static void change_member(const struct interfaces *interfaces, unsigned master,
                          unsigned member,
                          void (*change)(struct port *port, unsigned member)) {
  struct interface *bond = master ? find(interfaces, master) : NULL;
  struct side *side = bond ? &bond->sides[DIRECTION_RX] : NULL;

  if (!bond || strcmp(bond->link.kind, "bond") != 0)
    return;
  if (side->port &&
      (places_is_native(side->entry) || side->entry == ENTRY_OBSERVE))
    change(side->port, member);
  attempts_hurry(bond);
}

/* What cannot be added is not counted, as before. */
static void add_member(struct port *port, unsigned member) {
  port_add_member(port, member);
}

static void follow_member(const struct interfaces *interfaces,
                          const struct link_state *before,
                          const struct link_state *after) {
  unsigned old = before ? before->master : 0, new = after ? after->master : 0;

  if (old == new)
    return;
  if (before)
    change_member(interfaces, old, before->ifindex, port_remove_member);
  if (after)
    change_member(interfaces, new, after->ifindex, add_member);
}

/* --- changes ---------------------------------------------------------------*/

/* What it goes on counting, with other counters of users. */
static void want_counters(struct interfaces *interfaces,
                          struct interface *interface) {
  for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
    if (!interface->sides[d].port)
      continue;
    if (port_want(interface->sides[d].port, interface->settings->counters) != 0)
      log_write(LOG_ERR,
                "interface \"%s\": counters of its <Interface> block are not "
                "counted: out of memory",
                interface->link.name);
    interface_choose_counters(interfaces, interface, d, true);
  }
}

/* What other settings do not want, or elsewhere. */
static void drop_unwanted(struct interfaces *interfaces,
                          struct interface *interface,
                          const struct settings *settings) {
  bool is_elsewhere = settings->mode != interface->settings->mode;

  for (enum direction d = 0; d < DIRECTION_COUNT; d++) {
    bool is_kept = settings->directions & DIRECTION_BIT(d) &&
                   !(d == DIRECTION_RX && is_elsewhere);
    if (interface->sides[d].is_wanted && !is_kept)
      interface_drop_side(interfaces, interface, d);
  }
}

/* No message tells them: they are asked for where they are reported, or more of
 * them may lead to a better place. */
static void follow_queues(struct interfaces *interfaces,
                          struct interface *interface) {
  const struct side *rx = &interface->sides[DIRECTION_RX];
  bool may_improve = rx->is_wanted && interface->settings->mode != MODE_TC &&
                     (!rx->port || rx->entry == ENTRY_TC_RX);

  if (!may_improve && !(interface->settings->groups & GROUP_BIT(GROUP_QUEUE)))
    return;
  if (interface_set_queues(interfaces, interface,
                           device_rx_queues(interface->link.name)))
    attempts_hurry(interface);
}

/* Whether it may be counted better than before. Some cards drop the link for a
 * moment when XDP is tried: that is no reason to try again, for ever. */
static bool is_reason(struct link_state before, struct link_state after) {
  /* The last two are of linux/if.h: IFF_LOWER_UP, IFF_DORMANT. */
  const unsigned carrier = IFF_RUNNING | 1U << 16 | 1U << 17;

  before.flags &= ~carrier;
  after.flags &= ~carrier;
  return !link_state_equals(&before, &after);
}

/* What it has counted so far counts for the name that it had. */
static void update(struct interfaces *interfaces, struct interface *interface,
                   const struct link_state *link,
                   const struct settings *settings) {
  const struct link_state before = interface->link;
  __u64 counters = interface->settings->counters;

  drop_unwanted(interfaces, interface, settings);
  become(interfaces, interface, link, settings);
  if (settings->counters != counters)
    want_counters(interfaces, interface);
  if (*before.name && *link->name && strcmp(before.name, link->name) != 0)
    log_write(LOG_INFO, "interface \"%s\" is called \"%s\" now", before.name,
              link->name);
  follow_queues(interfaces, interface);
  if (is_reason(before, *link))
    attempts_hurry(interface);
}

/* A link without a name keeps what it has until it has one again. */
static const struct settings *find_settings(const struct interfaces *interfaces,
                                            const struct interface *interface,
                                            const struct link_state *link) {
  if (interface && !*link->name)
    return interface->settings;
  return *link->name ? selection_find(interfaces->selection, link->name) : NULL;
}

static void on_link(void *context, const struct link_state *before,
                    const struct link_state *after) {
  struct interfaces *interfaces = context;
  struct interface *interface =
      find(interfaces, after ? after->ifindex : before->ifindex);
  const struct settings *settings =
      after ? find_settings(interfaces, interface, after) : NULL;

  if (after && *after->name)
    selection_see(interfaces->selection, after->name);
  follow_member(interfaces, before, after);
  if (interface && settings) {
    update(interfaces, interface, after, settings);
  } else if (interface) {
    tell_gone(interface, after);
    let_go(interfaces, interface);
  } else if (settings) {
    add(interfaces, after, settings);
  }
}

/* --- the monitor -----------------------------------------------------------*/

/* Regexes that match no interface are no mistake: one may come later. */
static void tell_unseen(const struct selection *selection) {
  size_t position = 0;
  const char *text;

  while ((text = selection_next_unseen(selection, &position)))
    log_write(LOG_NOTICE,
              "configuration: Interface \"%.64s\": matches no interface so far",
              text);
}

/* Nothing is missing while links come and go too fast to be told. */
static void note_complete(struct interfaces *interfaces) {
  if (interfaces->has_looked || !monitor_is_complete(interfaces->monitor))
    return;
  pthread_mutex_lock(&interfaces->lock);
  interfaces->has_looked = true;
  pthread_mutex_unlock(&interfaces->lock);
  tell_unseen(interfaces->selection);
}

int follow_begin(struct interfaces *interfaces) {
  const struct link_state *link = NULL;
  int error = monitor_open(&interfaces->monitor);

  if (error)
    return error;
  while ((link = monitor_next(interfaces->monitor, link)))
    on_link(interfaces, NULL, link);
  note_complete(interfaces);
  return 0;
}

/* One that has gone is followed when its message comes. */
static bool is_dead(const struct interface *interface) {
  char name[IF_NAMESIZE];

  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    if (interface->sides[d].port && !port_is_attached(interface->sides[d].port))
      return if_indextoname(interface->link.ifindex, name);
  return false;
}

/* Somebody may detach our program; and where messages were lost a device may
 * have been made again with the same ifindex, and look the same. */
void follow_dead(struct interfaces *interfaces) {
  for (size_t i = interfaces->count; i-- > 0;) {
    struct interface *interface = interfaces->list[i];
    if (!is_dead(interface))
      continue;
    struct link_state link = interface->link;
    const struct settings *settings = interface->settings;
    log_write(LOG_NOTICE,
              "interface \"%s\": the program is not attached any more; it is "
              "attached again",
              link.name);
    let_go(interfaces, interface);
    add(interfaces, &link, settings);
  }
}

int follow_changes(struct interfaces *interfaces) {
  int status = monitor_read(interfaces->monitor, on_link, interfaces);

  note_complete(interfaces);
  if (status == 1)
    follow_dead(interfaces);
  return status < 0 ? status : 0;
}
