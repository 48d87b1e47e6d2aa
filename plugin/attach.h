/* SPDX-License-Identifier: MIT */

/* Has one direction of an interface counted at the first of its mode's places
 * that can be had, and tells operators where, why and at what cost. */
#ifndef PLUGIN_ATTACH_H
#define PLUGIN_ATTACH_H

#include "plugin/places.h"

struct attach {
  struct datapath *datapath;
  enum mode mode;
  __u32 groups;                     /* that are reported, set of GROUP_BIT */
  bool told[SIDE_EFFECT_COUNT];     /* what was told already */
  bool told_mtu[SIDE_EFFECT_COUNT]; /* that of them, with the MTU */
  unsigned told_link; /* ifindex of whom log_unknown_link() told */
};

/* Returns the port and sets *ret_entry, or NULL, which is logged; the device is
 * the one of this name. */
struct port *attach_direction(struct attach *attach, enum direction direction,
                              const char *name, const struct device *device,
                              enum entry *ret_entry);

/* Tells why a device of this name cannot even be asked what it is. */
void attach_log_missing(const char *name, int error);

#endif
