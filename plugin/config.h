/* SPDX-License-Identifier: MIT */

/* <Plugin xdp> blocks -> validated struct config. */
#ifndef PLUGIN_CONFIG_H
#define PLUGIN_CONFIG_H

#include "plugin/counter.h"
#include "plugin/option.h"
#include "plugin/selection.h"

struct config {
  struct selection selection; /* complete after config_complete() */
  struct counters counters;   /* of all blocks */
  struct overrides global;
  bool report_inactive;
  struct mistakes mistakes;
};

#define CONFIG_DEFAULT                                                         \
  (struct config) { .report_inactive = true }

/* Adds one <Plugin xdp> block. Each mistake is logged with its option and the
 * remedy, and counted. Returns 0 or -ENOMEM. */
int config_add(struct config *config, const struct option *block);

/* To be called after the last block, before the selection is used. Returns
 * -EINVAL where a mistake was made, or where no interface is selected, which is
 * logged. */
int config_complete(struct config *config);

/* Leaves *config as CONFIG_DEFAULT. */
void config_free(struct config *config);

#endif
