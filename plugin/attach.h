/* SPDX-License-Identifier: MIT */

/* Has directions of interfaces counted at the first of their mode's places that
 * can be had, and tells operators where, why and at what cost. */
#ifndef PLUGIN_ATTACH_H
#define PLUGIN_ATTACH_H

#include <stdatomic.h>

#include "plugin/counter.h"
#include "plugin/places.h"
#include "plugin/port.h"
#include "plugin/selection.h"

/* One direction of one interface. */
struct attach_job {
  const char *name;
  const struct device *device;
  const struct settings *settings;
  enum direction direction;
  const enum entry *current;  /* where it is counted so far; NULL: nowhere */
  bool may_be_busy;           /* another XDP program was there */
  enum attachment attachment; /* ... and how; then how it is counted */

  /* Set by attach_jobs(). */
  struct port *port; /* attached; NULL: none, or none better than `current` */
  enum entry entry;  /* where it is counted, or was tried last */
  int error;         /* why it is not to be counted, 0: it is, or still is */
  enum entry first;  /* what the mode would have liked best */
  int first_error;   /* why not */
  bool is_busy;      /* another XDP program is there */
  struct xdp_state xdp; /* that one; its program is 0 where it is not known */
  int observe_error;    /* why it is not observed as wanted, 0: it is */

  /* Of attach_jobs() alone. */
  size_t place;
  bool is_done;
  bool is_settled; /* and told so */
};

struct attach_batch {
  struct datapath *datapath;
  struct attach_job *jobs;
  size_t count;
  const atomic_bool *stopping;
  /* Is told of each job once it is decided, while a card may still let others
   * wait. */
  void (*settled)(void *context, struct attach_job *job);
  void *context;
};

/* Tries the places of all jobs, those of one round together: what the kernel
 * waits for, it waits for once. Ends early where *stopping is set; what is not
 * attached then has the error -ECANCELED. */
void attach_jobs(const struct attach_batch *batch);

/* What was told already. */
struct attach_told {
  bool effects[SIDE_EFFECT_COUNT];
  bool mtu[SIDE_EFFECT_COUNT]; /* that of them, with the MTU */
  bool tags_of_veth;           /* containers have thousands */
  unsigned link;               /* ifindex whose link layer was told of last */
};

/* Logs what came of a job. */
void attach_log(struct attach_told *told, const struct attach_job *job);

/* Logs which of the users' counters cannot be counted where a job is. */
void attach_log_counters(const struct attach_job *job,
                         const struct counters *counters, __u64 refused,
                         const struct counter_place *place);

/* Cause and remedy of a job's error: "its driver has no XDP; use ...". */
enum { ATTACH_WHY_MAX = 512 };
void attach_explain(const struct attach_job *job, char *text, size_t size);

/* The same of its observe_error: "; it cannot be observed: ..."; empty where
 * there is none. */
void attach_explain_behind(const struct attach_job *job, char *text,
                           size_t size);

#endif
