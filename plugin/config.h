/* SPDX-License-Identifier: MIT */

/* Configuration tree -> validated struct config. */
#ifndef PLUGIN_CONFIG_H
#define PLUGIN_CONFIG_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "plugin/counts.h"
#include "plugin/groups.h"

enum option_type { OPTION_STRING, OPTION_NUMBER, OPTION_BOOLEAN };

struct option_value {
  enum option_type type;
  const char *string; /* of OPTION_STRING */
  double number;      /* of OPTION_NUMBER */
  bool boolean;       /* of OPTION_BOOLEAN */
};

/* An option, or a block of them, as the user wrote it. */
struct option {
  const char *key;
  struct option_value *values;
  size_t values_count;
  struct option *children;
  size_t children_count;
};

/* Where frames are received. */
enum mode {
  MODE_AUTO,    /* native where the driver has it, else tc, else generic */
  MODE_NATIVE,  /* XDP in the driver */
  MODE_GENERIC, /* XDP on the skb */
  MODE_TC,      /* tc ingress */
};

struct config {
  char (*interfaces)[IF_NAMESIZE];
  size_t interfaces_count;
  enum mode mode;
  unsigned directions; /* set of DIRECTION_BIT */
  __u32 groups;        /* set of GROUP_BIT */
  bool has_report;
  bool report_inactive;
  unsigned mistakes;
};

#define CONFIG_DEFAULT                                                         \
  (struct config) {                                                            \
    .directions = DIRECTION_BIT(DIRECTION_RX), .groups = GROUPS_DEFAULT,       \
    .report_inactive = true                                                    \
  }

/* Adds one <Plugin xdp> block. Each mistake is logged with its option and the
 * remedy, and counted. Returns 0 or -ENOMEM. */
int config_add(struct config *config, const struct option *block);

/* To be asked after the last block. Returns -EINVAL where a mistake was made,
 * or where no interface is selected, which is logged. */
int config_check(const struct config *config);

/* As written in the configuration, "native". */
const char *config_mode_name(enum mode mode);

/* Leaves *config as CONFIG_DEFAULT. */
void config_free(struct config *config);

#endif
