/* SPDX-License-Identifier: MIT */

/* How an interface is counted and what is reported of it: what options say, and
 * what holds once the global ones and those of a block are put together. */
#ifndef PLUGIN_SETTINGS_H
#define PLUGIN_SETTINGS_H

#include "plugin/counts.h"
#include "plugin/groups.h"
#include "plugin/option.h"

/* Where frames are received. */
enum mode {
  MODE_AUTO,    /* native where the driver has it, else tc, else generic */
  MODE_NATIVE,  /* XDP in the driver */
  MODE_GENERIC, /* XDP on the skb */
  MODE_TC,      /* tc ingress */
};

/* What is done where somebody else's XDP program is attached. */
enum busy {
  BUSY_OBSERVE, /* count what that one sees */
  BUSY_TC,      /* count at tc ingress */
  BUSY_SKIP,    /* do not count what is received */
};

struct settings {
  enum mode mode;
  unsigned directions; /* set of DIRECTION_BIT */
  enum busy busy;
  __u32 groups;   /* set of GROUP_BIT */
  __u64 counters; /* users' own: set of COUNTER_BIT */
};

#define SETTINGS_DEFAULT                                                       \
  (struct settings) {                                                          \
    .directions = DIRECTION_BIT(DIRECTION_RX), .groups = GROUPS_DEFAULT        \
  }

/* Options that were given, whether for all interfaces or in a block. */
struct overrides {
  struct settings settings;
  unsigned given; /* which of them, of settings.c */
};

/* The options of settings, as a message lists them. */
#define SETTINGS_OPTIONS "Mode, Direction, Busy, Report"

/* Whether the option is one of settings; adds it, or counts what is wrong with
 * it. Words of Report add up, of the others the last one holds. */
bool settings_add(struct overrides *overrides, const struct option *option,
                  struct mistakes *mistakes);

/* `base`, but where another option was given. */
struct settings settings_override(const struct settings *base,
                                  const struct overrides *overrides);

/* As written in the configuration, "native". */
const char *settings_mode_name(enum mode mode);

#endif
