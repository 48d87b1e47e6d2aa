// SPDX-License-Identifier: MIT

#include "plugin/places.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct places received[] = {
    [MODE_AUTO] = {{ENTRY_NATIVE, ENTRY_NATIVE_FRAGS, ENTRY_TC_RX,
                    ENTRY_GENERIC},
                   4},
    [MODE_NATIVE] = {{ENTRY_NATIVE, ENTRY_NATIVE_FRAGS}, 2},
    [MODE_GENERIC] = {{ENTRY_GENERIC}, 1},
    [MODE_TC] = {{ENTRY_TC_RX}, 1},
};

static const struct places sent = {{ENTRY_TC_TX}, 1};

const struct places *places_of(enum mode mode, enum direction direction) {
  return direction == DIRECTION_TX ? &sent : &received[mode];
}

static unsigned entries_of(const struct places *places) {
  unsigned entries = 0;

  for (size_t i = 0; i < places->count; i++)
    entries |= ENTRY_BIT(places->tried[i]);
  return entries;
}

/* Behind another XDP program there is tc. */
unsigned places_entries(const struct settings *settings) {
  unsigned entries = 0;

  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    if (settings->directions & DIRECTION_BIT(d))
      entries |= entries_of(places_of(settings->mode, d));
  if (settings->directions & DIRECTION_BIT(DIRECTION_RX) &&
      settings->busy != BUSY_SKIP)
    entries |= ENTRY_BIT(ENTRY_TC_RX);
  return entries;
}

static const struct {
  unsigned number; /* 0 is for not at all */
  const char *words;
} places[ENTRY_COUNT] = {
    [ENTRY_NATIVE] = {1, "in the driver (native XDP)"},
    [ENTRY_NATIVE_FRAGS] = {1, "in the driver (native XDP, frames of several "
                               "buffers)"},
    [ENTRY_GENERIC] = {2, "on the skb (generic XDP), where a GSO or GRO "
                          "super-frame counts as one frame"},
    [ENTRY_TC_RX] = {3, "at tc ingress (tcx)"},
    [ENTRY_TC_TX] = {3, "at tc egress (tcx)"},
    [ENTRY_OBSERVE] = {4, "as another XDP program sees it"},
};

bool places_is_native(enum entry entry) {
  return entry == ENTRY_NATIVE || entry == ENTRY_NATIVE_FRAGS;
}

bool places_is_tc(enum entry entry) {
  return entry == ENTRY_TC_RX || entry == ENTRY_TC_TX;
}

unsigned places_number(enum entry entry) { return places[entry].number; }

const char *places_words(enum entry entry, enum attachment attachment) {
  bool is_sent = entry == ENTRY_TC_TX;

  switch (attachment) {
  case ATTACHED_BY_FILTER:
    return is_sent ? "at tc egress (clsact: the kernel has no tcx)"
                   : "at tc ingress (clsact: the kernel has no tcx)";
  case ATTACHED_BEHIND:
    return is_sent
               ? "at tc egress (clsact: the kernel has no tcx) behind "
                 "another filter: what that one drops or keeps is not counted"
               : "at tc ingress (clsact: the kernel has no tcx) behind "
                 "another filter: what that one drops or keeps is not counted";
  default:
    return places[entry].words;
  }
}

/* What observer_open() says of the kernel, of us or of that program, and not of
 * this moment. */
static bool is_never_observed(int error) {
  switch (-error) {
  case EPERM:
  case EOPNOTSUPP:
  case ENOSYS:
  case ENODATA:
  case EINVAL:
  case E2BIG:
    return true;
  default:
    return false;
  }
}

bool places_is_refusal(enum entry entry, int error) {
  if (entry == ENTRY_OBSERVE)
    return is_never_observed(error);
  switch (-error) {
  case EOPNOTSUPP:
  case EINVAL:
    return true;
  case ERANGE:
  case ENOSPC:
  case ENOMEM: /* of too few queues: ixgbe, virtio_net before Linux 5.13 */
    return entry == ENTRY_NATIVE || entry == ENTRY_NATIVE_FRAGS;
  case ENOENT:
  case ENOSYS:
  case EADDRINUSE:
    return places_is_tc(entry);
  default:
    return false;
  }
}

#define SAY(refusal, ...)                                                      \
  snprintf((refusal)->cause, sizeof((refusal)->cause), __VA_ARGS__)
#define ADVISE(refusal, ...)                                                   \
  snprintf((refusal)->remedy, sizeof((refusal)->remedy), __VA_ARGS__)

/* What only native XDP asks of a driver. */
static void describe_native(int error, const char *name,
                            const struct device *device,
                            struct refusal *refusal) {
  if (error == -ENOMEM) {
    SAY(refusal, "it has too few queues for XDP on each CPU, or no memory");
  } else if (error == -ENOSPC) {
    SAY(refusal, "it has too few queues for XDP");
    ADVISE(refusal, "add some (ethtool -L %s)", name);
  } else if (strcmp(device->kind, "bond") == 0) {
    SAY(refusal, "a driver of its members has no XDP, or one of them has a "
                 "program already");
  } else if (device->merges && error != -ERANGE) {
    SAY(refusal,
        "its driver has no XDP, or none while large receive offload is on");
    ADVISE(refusal, "turn it off (ethtool -K %s lro off)", name);
  } else if (error != -EOPNOTSUPP) {
    SAY(refusal,
        "its driver refuses the program, as it does where a frame (MTU %u) "
        "does not fit into one buffer",
        device->mtu);
    ADVISE(refusal, "lower the MTU");
  } else if (device->mtu > 1500) {
    SAY(refusal, "its driver has no XDP, or none with an MTU of %u",
        device->mtu);
  } else {
    SAY(refusal, "its driver has no XDP");
  }
}

static void describe_tc(int error, const char *name, struct refusal *refusal) {
  switch (-error) {
  case EADDRINUSE:
    SAY(refusal, "its ingress qdisc keeps clsact out, and has no egress");
    ADVISE(refusal,
           "replace it (tc qdisc delete dev %s ingress; tc qdisc add "
           "dev %s clsact)",
           name, name);
    break;
  case EOPNOTSUPP:
    SAY(refusal, "its clsact qdisc shares its filters with other interfaces");
    ADVISE(refusal, "make the qdisc without ingress_block and egress_block");
    break;
  default:
    SAY(refusal, "the kernel has neither tcx nor filters of BPF (%s)",
        strerror(-error));
    ADVISE(refusal,
           "boot one with CONFIG_NET_CLS_BPF and CONFIG_NET_SCH_INGRESS");
  }
}

/* Why somebody else's program is not observed. */
static void describe_observe(int error, const struct device *device,
                             struct refusal *refusal) {
  switch (-error) {
  case EPERM:
    SAY(refusal, "CAP_SYS_ADMIN is missing");
    ADVISE(refusal, "grant it to collectd");
    break;
  case EOPNOTSUPP:
    SAY(refusal, "the kernel has no BTF or no BPF trampolines, or forbids "
                 "them");
    break;
  case ENOSYS:
    SAY(refusal, "on a kernel with PREEMPT_RT one frame may interrupt another");
    break;
  case ENODATA:
    SAY(refusal, "that program has no BTF");
    ADVISE(refusal, "have it compiled with clang -g");
    break;
  case EAGAIN:
    SAY(refusal, "a member of it is still counted for itself");
    break;
  case E2BIG:
    SAY(refusal, "the filters of the counters are too large together");
    ADVISE(refusal, "write fewer or shorter ones");
    break;
  case EBUSY:
    SAY(refusal, "another one extends or watches that program");
    break;
  case ESRCH:
    SAY(refusal, "the network namespace is not known");
    ADVISE(refusal, "mount /proc");
    break;
  case ENOENT:
    SAY(refusal, "%s",
        device && device->is_bond_member ? "that program is its bond's"
                                         : "that program could not be found");
    break;
  case EINVAL:
    SAY(refusal, "the kernel refuses to have that program watched");
    break;
  default:
    SAY(refusal, "%s", strerror(-error));
  }
}

/* What is wrong in the same way wherever frames are counted. */
static const struct {
  int error;
  const char *cause, *remedy;
} known[] = {
    {ENODEV, "there is no such interface", ""},
    {EALREADY, "it is counted for its bond", ""},
    {EBUSY, "another XDP program is attached", ""},
    {EPERM, "CAP_NET_ADMIN or CAP_BPF is missing", "grant it to collectd"},
    {ENOMEM, "no memory for its counters",
     "raise the limit of collectd's control group"},
    {EMFILE, "out of file descriptors",
     "raise LimitNOFILE= of collectd's systemd unit"},
    {ENFILE, "out of file descriptors",
     "raise LimitNOFILE= of collectd's systemd unit"},
};

/* Has a meaning of its own there: not out of memory, no XDP program. */
static bool is_of_place(enum entry entry, int error) {
  return places_is_refusal(entry, error) ||
         ((places_is_tc(entry) || entry == ENTRY_OBSERVE) && error == -EBUSY);
}

struct refusal places_describe(enum entry entry, int error, const char *name,
                               const struct device *device) {
  struct refusal refusal = {"", ""};

  for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
    if (known[i].error != -error || is_of_place(entry, error))
      continue;
    SAY(&refusal, "%s", known[i].cause);
    ADVISE(&refusal, "%s", known[i].remedy);
    return refusal;
  }
  if (entry == ENTRY_OBSERVE)
    describe_observe(error, device, &refusal);
  else if (!device || !places_is_refusal(entry, error))
    SAY(&refusal, "%s", strerror(-error));
  else if (places_is_tc(entry))
    describe_tc(error, name, &refusal);
  else if (entry == ENTRY_GENERIC)
    SAY(&refusal, "the device takes no XDP program");
  else
    describe_native(error, name, device, &refusal);
  return refusal;
}

bool places_is_stacked(const struct device *device) {
  static const char *const kinds[] = {"bridge",  "bond",    "team",
                                      "macvlan", "macvtap", "ipvlan"};

  for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
    if (strcmp(device->kind, kinds[i]) == 0)
      return true;
  return false;
}

/* A bond's program runs in the drivers of its members. */
enum side_effect places_side_effect(const struct device *device) {
  if (strcmp(device->kind, "veth") == 0)
    return SIDE_EFFECT_OF_VETH;
  if (strcmp(device->driver, "virtio_net") == 0)
    return SIDE_EFFECT_OF_VIRTIO;
  return !*device->kind || strcmp(device->kind, "bond") == 0
             ? SIDE_EFFECT_OF_CARD
             : SIDE_EFFECT_NONE;
}

const char *places_side_effect_words(enum side_effect effect) {
  static const char *const words[SIDE_EFFECT_COUNT] = {
      [SIDE_EFFECT_OF_VETH] =
          "native XDP on a veth turns off the segmentation offload of its "
          "peer, which slows TCP through it down to about a third",
      [SIDE_EFFECT_OF_VIRTIO] =
          "native XDP on virtio_net turns off the offloads of the host's tap",
      [SIDE_EFFECT_OF_CARD] =
          "native XDP makes some cards reset their rings or drop the link for "
          "seconds when it is attached and detached",
  };

  return words[effect];
}
