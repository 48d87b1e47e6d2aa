/* SPDX-License-Identifier: MIT */

/* The names under which values are told, and what holds for one: value(NAME) is
 * the last value under NAME plus what an interface counted since it took that
 * name. */
#ifndef PLUGIN_NAMES_H
#define PLUGIN_NAMES_H

#include <net/if.h>
#include <stdbool.h>

#include "plugin/series.h"

struct interface;

/* How it stands with a name. */
enum state {
  STATE_ATTACHED, /* all that is wanted is counted, or nobody cares */
  STATE_MISSING,  /* configured by this name, and there is no such interface */
  STATE_BUSY,     /* another XDP program is in the way */
  STATE_FAILED
};

struct told {
  enum state state;
  int errors[DIRECTION_COUNT];
};

struct name {
  char text[IF_NAMESIZE];
  bool is_configured;          /* by this name, not by a regex */
  struct interface *interface; /* that has it; NULL: none */
  __u64 gone_at;               /* since when there is none, milliseconds */
  struct series series[DIRECTION_COUNT];
  struct told told;
};

/* All zeros is an empty one. */
struct names {
  struct name **list; /* a place stays its name's; NULL: free */
  size_t count;       /* of places */
  void *tree;         /* of tsearch(3) */
};

/* NULL: it is not there. */
struct name *names_find(const struct names *names, const char *text);

/* Finds the name or adds it; NULL: out of memory. */
struct name *names_obtain(struct names *names, const char *text);

/* Forgets those that no interface has had since `before`, and that are not
 * configured. */
void names_sweep(struct names *names, __u64 before);

void names_clear(struct names *names);

#endif
