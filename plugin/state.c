// SPDX-License-Identifier: MIT

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plugin/interfaces_private.h"
#include "plugin/log.h"

/* What a name's state is, and what is told when it changes. Where frames are
 * counted, or why not, attach_log() has told to the log. */

static bool is_known(const struct interfaces *interfaces,
                     const struct name *name) {
  if (!name->interface)
    return interfaces->has_looked;
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    if (name->interface->sides[d].is_wanted &&
        !name->interface->sides[d].is_tried)
      return false;
  return true;
}

/* -EBUSY is by Busy "skip"; beside another program tc may fail as well. */
static enum state state_of(const struct side *side) {
  if (side->error && !(side->is_busy && side->error == -EBUSY))
    return STATE_FAILED;
  return side->is_busy && side->entry != ENTRY_OBSERVE ? STATE_BUSY
                                                       : STATE_ATTACHED;
}

static struct told find_state(const struct name *name) {
  struct told now = {STATE_ATTACHED, {0}};

  if (!name->interface && name->is_configured)
    now.state = STATE_MISSING;
  for (enum direction d = 0; name->interface && d < DIRECTION_COUNT; d++) {
    const struct side *side = &name->interface->sides[d];
    enum state state = state_of(side);
    now.errors[d] = side->error;
    if (state > now.state)
      now.state = state;
  }
  return now;
}

static void tell_missing(const struct interfaces *interfaces,
                         const struct name *name) {
  unsigned ifindex = if_nametoindex(name->text);
  const struct link_state *other =
      ifindex ? monitor_find(interfaces->monitor, ifindex) : NULL;

  if (other && strcmp(other->name, name->text) != 0)
    log_write(LOG_ERR,
              "interface \"%s\" is not counted: it is another name of \"%s\"; "
              "use that one",
              name->text, other->name);
  else
    log_write(LOG_ERR,
              "interface \"%s\" is not counted: there is no such interface; it "
              "will be as soon as there is one",
              name->text);
  notices_add(interfaces->notices, NOTICE_FAILURE, name->text,
              "not counted: there is no such interface; it will be as soon as "
              "there is one");
}

static const char *why_of(const struct side *side) {
  return side->why ? side->why : "out of memory";
}

static void tell_failed(const struct interfaces *interfaces,
                        const struct name *name) {
  const struct side *rx = &name->interface->sides[DIRECTION_RX];
  const struct side *tx = &name->interface->sides[DIRECTION_TX];
  bool is_rx = state_of(rx) == STATE_FAILED, is_both = is_rx && tx->error;
  char text[2 * ATTACH_WHY_MAX];

  if (is_both && strcmp(why_of(rx), why_of(tx)) == 0)
    snprintf(text, sizeof(text), "rx and tx are not counted: %s", why_of(rx));
  else if (is_both)
    snprintf(text, sizeof(text), "rx is not counted: %s. tx is not counted: %s",
             why_of(rx), why_of(tx));
  else
    snprintf(text, sizeof(text), "%s is not counted: %s", is_rx ? "rx" : "tx",
             why_of(is_rx ? rx : tx));
  notices_add(interfaces->notices, NOTICE_FAILURE, name->text, text);
}

static void tell_busy(const struct interfaces *interfaces,
                      const struct name *name) {
  const struct side *rx = &name->interface->sides[DIRECTION_RX];
  char text[ATTACH_WHY_MAX + 64];

  snprintf(text, sizeof(text), "rx is %s: another XDP program is attached%s",
           rx->error ? "not counted" : "counted at tc",
           rx->observe_error && !rx->error && rx->why ? rx->why : "");
  notices_add(interfaces->notices, NOTICE_WARNING, name->text, text);
}

static void tell_attached(const struct interfaces *interfaces,
                          const struct name *name) {
  const struct interface *interface = name->interface;

  if (!interface)
    return;
  bool is_rx = interface->sides[DIRECTION_RX].is_wanted;
  bool is_tx = interface->sides[DIRECTION_TX].is_wanted;
  notices_add(interfaces->notices, NOTICE_OKAY, name->text,
              is_rx && is_tx ? "rx and tx are counted"
              : is_rx        ? "rx is counted"
                             : "tx is counted");
}

static void tell(const struct interfaces *interfaces, struct name *name) {
  static void (*const tellers[])(const struct interfaces *interfaces,
                                 const struct name *name) = {
      [STATE_ATTACHED] = tell_attached,
      [STATE_MISSING] = tell_missing,
      [STATE_BUSY] = tell_busy,
      [STATE_FAILED] = tell_failed,
  };
  struct told now = find_state(name);

  if (memcmp(&now, &name->told, sizeof(now)) == 0)
    return;
  name->told = now;
  tellers[now.state](interfaces, name);
}

/* The thread alone changes names: it reads them without the lock. */
void state_tell(struct interfaces *interfaces) {
  for (size_t i = 0; i < interfaces->names.count; i++) {
    struct name *name = interfaces->names.list[i];
    if (name && is_known(interfaces, name))
      tell(interfaces, name);
  }
}
