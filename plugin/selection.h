/* SPDX-License-Identifier: MIT */

/* Which interfaces belong to us, and with which settings. */
#ifndef PLUGIN_SELECTION_H
#define PLUGIN_SELECTION_H

#include "plugin/pattern.h"
#include "plugin/settings.h"

/* What one Interface, line or block, says. */
struct rule {
  struct pattern *pattern;
  bool is_block;
  bool is_seen; /* matched in selection_see() */
  struct overrides overrides;
  struct settings settings; /* of a block, once they are resolved */
};

/* All zeros is one that selects nothing. */
struct selection {
  struct rule *rules; /* in the order of the configuration */
  size_t count;
  bool ignores_lines;       /* IgnoreSelected */
  struct settings settings; /* of what no block matches */
};

/* The rule of this text, "eth0" or "/^eth/", or NULL. */
const struct rule *selection_rule(const struct selection *selection,
                                  const char *text);

/* Adds a line, or a block where there are overrides. Of two rules of the same
 * text one stays: a block rather than a line, else the first. The pattern is
 * the selection's from here on, also on failure. Returns 0 or -ENOMEM. */
int selection_add(struct selection *selection, struct pattern *pattern,
                  const struct overrides *overrides);

/* To be called after the last selection_add(): what a block does not say, it
 * has from the global settings. */
void selection_resolve(struct selection *selection,
                       const struct settings *global);

/* A block that comes too late for the name of its interface: an earlier one,
 * which is returned, matches it as well. Else NULL. */
const struct rule *selection_shadow(const struct selection *selection,
                                    const struct rule *rule);

/* Whether there may be an interface that belongs to us. */
bool selection_has_any(const struct selection *selection);

/* The settings of the interface of this name, or NULL where it does not belong
 * to us. The first block that matches decides, then the lines. They stay valid,
 * and the same for the same name, until selection_free(). May be called by
 * several threads. */
const struct settings *selection_find(const struct selection *selection,
                                      const char *name);

/* The exact names among what is selected, which are reported also while there
 * is no such interface: each call returns the next one, NULL after the last.
 * *position is 0 at first. */
const char *selection_next_name(const struct selection *selection,
                                size_t *position);

/* Notes that there is an interface of this name, whether it belongs to us or
 * not. By one thread. */
void selection_see(struct selection *selection, const char *name);

/* The regexes that matched no name in selection_see() so far, as written, those
 * of ignored lines included: as selection_next_name(). By the same thread. */
const char *selection_next_unseen(const struct selection *selection,
                                  size_t *position);

/* The set of GROUP_BIT to be counted, so that each interface that may belong to
 * us can be reported. */
__u32 selection_groups(const struct selection *selection);

/* The set of ENTRY_BIT that such an interface may be counted at. */
unsigned selection_entries(const struct selection *selection);

/* Leaves one that selects nothing. */
void selection_free(struct selection *selection);

#endif
