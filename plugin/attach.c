// SPDX-License-Identifier: MIT

#include "plugin/attach.h"

#include <string.h>

#include "plugin/log.h"

static const char *const direction_names[DIRECTION_COUNT] = {
    [DIRECTION_RX] = "rx",
    [DIRECTION_TX] = "tx",
};

/* At one of the places. */
struct attempt {
  enum entry entry;
  int error;
  enum attachment attachment;
};

static bool is_native(enum entry entry) {
  return entry == ENTRY_NATIVE || entry == ENTRY_NATIVE_FRAGS;
}

static int add_member(void *port, unsigned member) {
  return port_add_member(port, member);
}

/* XDP in the driver of a bond sees the frames as its members'. */
static int add_members(struct port *port, enum entry entry,
                       const struct device *device) {
  if (!is_native(entry) || strcmp(device->kind, "bond") != 0)
    return 0;
  return device_visit_members(device->ifindex, add_member, port);
}

/* Returns the port, or NULL with the attempt's error set. */
static struct port *try_entry(struct datapath *datapath,
                              const struct device *device,
                              struct attempt *attempt) {
  struct port *port = NULL;

  attempt->error =
      port_open(datapath, attempt->entry, device->ifindex, device->link, &port);
  if (!attempt->error)
    attempt->error = add_members(port, attempt->entry, device);
  if (!attempt->error)
    attempt->error = port_attach(port, &attempt->attachment);
  return attempt->error ? port_close(port) : port;
}

/* Goes on as long as the places are refused. *ret_first is the one that the
 * mode would have liked best. */
static struct port *try_places(const struct attach *attach,
                               enum direction direction,
                               const struct device *device,
                               struct attempt *ret_first,
                               struct attempt *ret_last) {
  const struct places *places = places_of(attach->mode, direction);
  struct port *port = NULL;

  for (size_t i = 0; i < places->count; i++) {
    *ret_last = (struct attempt){.entry = places->tried[i]};
    port = try_entry(attach->datapath, device, ret_last);
    if (i == 0)
      *ret_first = *ret_last;
    if (!places_is_refusal(ret_last->entry, ret_last->error))
      break;
  }
  return port;
}

/* That native XDP has no frames of several buffers, or is not loaded for them
 * before Linux 5.18, is not why it was refused in the first place. */
static const struct attempt *why_not(const struct attempt *first,
                                     const struct attempt *last) {
  bool is_frags = last->entry == ENTRY_NATIVE_FRAGS;

  return is_frags && places_is_refusal(last->entry, last->error) ? first : last;
}

static void log_failure(const struct attach *attach, enum direction direction,
                        const char *name, const struct attempt *attempt,
                        const struct device *device) {
  struct refusal refusal =
      places_describe(attempt->entry, attempt->error, name, device);
  bool may_choose = direction == DIRECTION_RX && attach->mode != MODE_AUTO &&
                    places_is_refusal(attempt->entry, attempt->error);

  log_write(LOG_ERR, "interface \"%s\": %s is not counted: %s%s%s%s%s", name,
            direction_names[direction], refusal.cause,
            *refusal.remedy ? "; " : "", refusal.remedy,
            !may_choose       ? ""
            : *refusal.remedy ? ", or "
                              : "; ",
            may_choose ? "use Mode \"auto\"" : "");
}

static void log_success(const struct attach *attach, enum direction direction,
                        const char *name, const struct attempt *first,
                        const struct attempt *last,
                        const struct device *device) {
  const char *words = places_words(last->entry, last->attachment);
  bool is_special =
      last->entry == ENTRY_GENERIC || last->attachment == ATTACHED_BEHIND;

  if (direction == DIRECTION_RX && attach->mode == MODE_AUTO && first->error &&
      !is_native(last->entry)) {
    struct refusal refusal =
        places_describe(first->entry, first->error, name, device);
    log_write(is_special ? LOG_NOTICE : LOG_INFO,
              "interface \"%s\": rx is counted %s, since %s is refused: "
              "%s%s%s%s",
              name, words, places_name(first->entry), refusal.cause,
              *refusal.remedy ? " (to have it, " : "", refusal.remedy,
              *refusal.remedy ? ")" : "");
    return;
  }
  if (direction == DIRECTION_TX)
    log_write(is_special ? LOG_NOTICE : LOG_INFO,
              "interface \"%s\": tx is counted %s, as in every Mode", name,
              words);
  else
    log_write(is_special ? LOG_NOTICE : LOG_INFO,
              "interface \"%s\": rx is counted %s, by Mode \"%s\"", name, words,
              settings_mode_name(attach->mode));
}

static void log_side_effect(struct attach *attach, const char *name,
                            const struct device *device) {
  enum side_effect effect = places_side_effect(device);

  if (effect == SIDE_EFFECT_NONE || attach->told[effect])
    return;
  attach->told[effect] = true;
  log_write(LOG_NOTICE,
            "interface \"%s\" and others of its kind: %s; Mode \"tc\" does not",
            name, places_side_effect_words(effect));
}

/* A tag that the card takes off is known to tc alone. On a veth it is the
 * sender who leaves it out. */
static void log_stripped_tags(const struct attach *attach, const char *name,
                              const struct device *device) {
  bool is_veth = strcmp(device->kind, "veth") == 0;

  if (!device->strips_tags || (!(attach->groups & GROUP_BIT(GROUP_VLAN)) &&
                               !device_has_vlan(device->ifindex)))
    return;
  log_write(LOG_NOTICE,
            "interface \"%s\": VLAN tags are taken off before XDP and not "
            "seen; leave them in the frame (ethtool -K %s %s off), or use Mode "
            "\"tc\"",
            name, is_veth ? "PEER" : name, is_veth ? "txvlan" : "rxvlan");
}

/* Once for both directions, which follow each other. */
static void log_unknown_link(struct attach *attach, const char *name,
                             const struct device *device) {
  if (device->link != LINK_OTHER || attach->told_link == device->ifindex)
    return;
  attach->told_link = device->ifindex;
  log_write(LOG_NOTICE,
            "interface \"%s\": its frames begin neither with Ethernet nor with "
            "IP; all are counted as \"other\"",
            name);
}

void attach_log_missing(const char *name, int error) {
  struct refusal refusal = places_describe(ENTRY_TC_RX, error, name, NULL);

  log_write(LOG_ERR, "interface \"%s\" is not counted: %s%s%s", name,
            refusal.cause, *refusal.remedy ? "; " : "", refusal.remedy);
}

struct port *attach_direction(struct attach *attach, enum direction direction,
                              const char *name, const struct device *device,
                              enum entry *ret_entry) {
  struct attempt first, last;
  struct port *port = try_places(attach, direction, device, &first, &last);

  if (!port) {
    log_failure(attach, direction, name, why_not(&first, &last), device);
    return NULL;
  }
  log_success(attach, direction, name, &first, &last, device);
  if (is_native(last.entry))
    log_side_effect(attach, name, device);
  if (is_native(last.entry) || last.entry == ENTRY_GENERIC)
    log_stripped_tags(attach, name, device);
  log_unknown_link(attach, name, device);
  *ret_entry = last.entry;
  return port;
}
