// SPDX-License-Identifier: MIT

#include "plugin/attach.h"

#include <errno.h>
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
  int error = port_add_member(port, member);

  return error == -EALREADY ? 0 : error;
}

/* XDP in the driver of a bond sees the frames as its members'. One of them that
 * is counted for itself keeps its program, and the kernel refuses the bond's.
 */
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
  /* By the bond: as if its program were attached there. */
  if (attempt->error == -EALREADY && device->is_bond_member &&
      attempt->entry != ENTRY_TC_RX && attempt->entry != ENTRY_TC_TX)
    attempt->error = -EEXIST;
  if (!attempt->error)
    attempt->error = add_members(port, attempt->entry, device);
  if (!attempt->error)
    attempt->error = port_attach(port, &attempt->attachment);
  return attempt->error ? port_close(port) : port;
}

/* That native XDP has no frames of several buffers, or is not loaded for them
 * before Linux 5.18, is not why it was refused in the first place. */
static bool tells_nothing_new(const struct attempt *attempt) {
  return attempt->entry == ENTRY_NATIVE_FRAGS &&
         (attempt->error == -EOPNOTSUPP || attempt->error == -EINVAL);
}

/* Goes on as long as the places are refused. *ret_first tells why the mode did
 * not get what it would have liked best. */
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
    if (i == 0 || (is_native(ret_last->entry) && !tells_nothing_new(ret_last)))
      *ret_first = *ret_last;
    if (!places_is_refusal(ret_last->entry, ret_last->error))
      break;
  }
  return port;
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
              "interface \"%s\": rx is counted %s, since native XDP is "
              "refused: %s%s%s%s",
              name, words, refusal.cause,
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
              config_mode_name(attach->mode));
}

static void log_side_effect(struct attach *attach, const char *name,
                            enum entry entry, const struct device *device) {
  enum side_effect effect = places_side_effect(device);
  bool limits_mtu = entry == ENTRY_NATIVE;

  if (!is_native(entry) || effect == SIDE_EFFECT_NONE ||
      (attach->told[effect] && (!limits_mtu || attach->told_mtu[effect])))
    return;
  attach->told[effect] = true;
  attach->told_mtu[effect] |= limits_mtu;
  log_write(LOG_NOTICE,
            "interface \"%s\" and others of its kind: %s%s; Mode \"tc\" does "
            "not",
            name, places_side_effect_words(effect),
            limits_mtu
                ? ", and keeps the MTU from being raised beyond one buffer"
                : "");
}

/* Who takes tags off, and may be told not to. */
struct tag_taker {
  const char *who, *name, *option;
};

/* On a veth it is the sender who leaves them out of the frame. */
static struct tag_taker tag_taker_of(const char *name,
                                     const struct device *device) {
  if (strcmp(device->kind, "veth") == 0)
    return (struct tag_taker){"its peer leaves", "PEER", "txvlan"};
  if (strcmp(device->kind, "bond") == 0)
    return (struct tag_taker){"its members leave", "MEMBER", "rxvlan"};
  return (struct tag_taker){"the card leaves", name, "rxvlan"};
}

/* A tag that was taken off is known to tc alone. To what stands on other
 * devices it does not come in generic mode, whatever these do. */
static void log_stripped_tags(const struct attach *attach, const char *name,
                              enum entry entry, const struct device *device) {
  bool is_stacked = entry == ENTRY_GENERIC && places_is_stacked(device);
  struct tag_taker taker = tag_taker_of(name, device);

  if (entry == ENTRY_TC_RX || entry == ENTRY_TC_TX ||
      !(device->strips_tags || is_stacked) ||
      (!(attach->groups & GROUP_BIT(GROUP_VLAN)) &&
       !device_has_vlan(device->ifindex)))
    return;
  if (is_stacked)
    log_write(LOG_NOTICE,
              "interface \"%s\": VLAN tags are taken off before XDP and not "
              "seen; to have them counted use Mode \"tc\"",
              name);
  else
    log_write(LOG_NOTICE,
              "interface \"%s\": VLAN tags are taken off before XDP and not "
              "seen, unless %s them in the frame (ethtool -K %s %s off); "
              "to have them counted use Mode \"tc\"",
              name, taker.who, taker.name, taker.option);
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
    log_failure(attach, direction, name,
                tells_nothing_new(&last) ? &first : &last, device);
    return NULL;
  }
  log_success(attach, direction, name, &first, &last, device);
  log_side_effect(attach, name, last.entry, device);
  log_stripped_tags(attach, name, last.entry, device);
  log_unknown_link(attach, name, device);
  *ret_entry = last.entry;
  return port;
}
