/* SPDX-License-Identifier: MIT */

/* Where a mode has frames counted, and the words for it, for what it brings
 * along and for why it was refused. */
#ifndef PLUGIN_PLACES_H
#define PLUGIN_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "plugin/device.h"
#include "plugin/port.h"
#include "plugin/settings.h"

/* Entries in the order in which they are tried. */
struct places {
  enum entry tried[ENTRY_COUNT];
  size_t count;
};

const struct places *places_of(enum mode mode, enum direction direction);

/* The set (ENTRY_BIT) of all that an interface of these settings may be counted
 * at. */
unsigned places_entries(const struct settings *settings);

bool places_is_native(enum entry entry);
bool places_is_tc(enum entry entry);

/* The value of gauge-rx_mode and gauge-tx_mode. */
unsigned places_number(enum entry entry);

/* "at tc ingress (tcx)" */
const char *places_words(enum entry entry, enum attachment attachment);

/* Whether the error says that this entry cannot be had on this device, so that
 * another one may be tried. */
bool places_is_refusal(enum entry entry, int error);

/* Cause of an error of port_open() or port_attach(), and a remedy, which is
 * empty where there is none but another mode. The device is NULL where it could
 * not be asked. */
struct refusal {
  char cause[256];
  char remedy[128];
};

struct refusal places_describe(enum entry entry, int error, const char *name,
                               const struct device *device);

/* What native XDP does to a device besides; devices of one kind share a line,
 * which is told once. */
enum side_effect {
  SIDE_EFFECT_OF_VETH,
  SIDE_EFFECT_OF_VIRTIO,
  SIDE_EFFECT_OF_CARD,
  SIDE_EFFECT_COUNT,
  SIDE_EFFECT_NONE = SIDE_EFFECT_COUNT /* as on a tap interface */
};

/* Whether frames come from other devices, on which the kernel has taken the
 * outer tag off. */
bool places_is_stacked(const struct device *device);

enum side_effect places_side_effect(const struct device *device);
const char *places_side_effect_words(enum side_effect effect);

#endif
