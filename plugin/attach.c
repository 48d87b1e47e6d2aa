// SPDX-License-Identifier: MIT

#include "plugin/attach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/log.h"
#include "plugin/monitor.h"

static const char *const direction_names[DIRECTION_COUNT] = {
    [DIRECTION_RX] = "rx",
    [DIRECTION_TX] = "tx",
};

/* --- which place comes next ------------------------------------------------*/

/* Is not to be counted beside somebody else's program. */
static bool is_skipped(const struct attach_job *job) {
  return job->is_busy && job->settings->busy == BUSY_SKIP;
}

static bool is_of_mode(const struct attach_job *job, enum entry entry) {
  const struct places *places = places_of(job->settings->mode, job->direction);

  for (size_t i = 0; i < places->count; i++)
    if (places->tried[i] == entry)
      return true;
  return false;
}

static enum entry best_of(const struct attach_job *job) {
  return places_of(job->settings->mode, job->direction)->tried[0];
}

static bool is_observed(const struct attach_job *job) {
  return job->current && *job->current == ENTRY_OBSERVE;
}

/* One that is counted already stays so where nothing better is to be had: but
 * where it is only as long as another program is there, not when that has gone
 * and the mode's places are refused. A program that has gone is not observed.
 */
static bool stays(const struct attach_job *job, int error) {
  if (is_observed(job) && !job->xdp.program)
    return false;
  return job->current && !is_skipped(job) &&
         (is_of_mode(job, *job->current) ||
          !places_is_refusal(job->entry, error));
}

static void finish(struct attach_job *job, int error) {
  if (error && stays(job, error)) {
    job->entry = *job->current;
    error = 0;
  }
  job->error = error;
  job->is_done = true;
}

/* Goes to an entry, unless it is counted there already. */
static void go_to(struct attach_job *job, enum entry entry) {
  job->entry = entry;
  if (job->current && *job->current == entry)
    finish(job, 0);
}

/* An interface has one XDP program: while that is ours, there is no other. */
static bool is_in_own_way(const struct attach_job *job, enum entry entry) {
  return job->current && *job->current != entry && !is_observed(job) &&
         !places_is_tc(*job->current) && !places_is_tc(entry);
}

/* Goes to the next of the places, from job->place on. After the last one the
 * error is why. */
static void go_on(struct attach_job *job, int error) {
  const struct places *places = places_of(job->settings->mode, job->direction);

  while (job->place < places->count &&
         is_in_own_way(job, places->tried[job->place]))
    job->place++;
  if (job->place == places->count)
    finish(job, error);
  else
    go_to(job, places->tried[job->place]);
}

/* Not observed, for this reason. */
static void go_behind(struct attach_job *job, int error) {
  job->observe_error = error;
  go_to(job, ENTRY_TC_RX);
}

/* Beside somebody else's XDP program there is a place to observe it, behind it
 * there is tc, as is wanted. */
static void give_way(struct attach_job *job) {
  job->is_busy = true;
  if (is_skipped(job)) {
    job->entry = best_of(job);
    finish(job, -EBUSY);
  } else if (job->settings->busy == BUSY_TC) {
    go_to(job, ENTRY_TC_RX);
  } else if (!job->xdp.program) {
    go_behind(job, -ENOENT);
  } else {
    go_to(job, ENTRY_OBSERVE);
  }
}

/* Whose program it is: not ours. Returns 0 or -errno. */
static int find_program(struct attach_job *job) {
  struct xdp_state xdp;
  int error = monitor_query_xdp(job->device->ifindex, &xdp);

  if (!error)
    job->xdp = xdp;
  return error;
}

static bool wants_xdp(const struct attach_job *job) {
  return job->direction == DIRECTION_RX && job->settings->mode != MODE_TC;
}

static bool has_xdp(const struct attach_job *job) {
  return job->current && !is_observed(job) && !places_is_tc(*job->current);
}

/* Nobody knows whether it is still there. */
static void go_on_observing(struct attach_job *job) {
  job->is_busy = true;
  go_to(job, ENTRY_OBSERVE);
}

/* Where another program is known to be there is no need to try XDP. */
static void begin(struct attach_job *job) {
  int error = 0;

  job->first = best_of(job);
  if (job->may_be_busy && wants_xdp(job) && !has_xdp(job))
    error = find_program(job);
  if (job->xdp.program)
    give_way(job);
  else if (error && is_observed(job) && job->settings->busy == BUSY_OBSERVE)
    go_on_observing(job);
  else
    go_on(job, -EALREADY);
}

/* That native XDP has no frames of several buffers, or is not loaded for them
 * before Linux 5.18, is not why it was refused in the first place. */
static bool tells_nothing_new(const struct attach_job *job, int error) {
  return job->entry == ENTRY_NATIVE_FRAGS &&
         (error == -EOPNOTSUPP || error == -EINVAL);
}

static void note_first(struct attach_job *job, int error) {
  bool is_better = job->place == 0 || places_is_native(job->entry);

  if (job->is_busy || !is_better || tells_nothing_new(job, error))
    return;
  job->first = job->entry;
  job->first_error = error;
}

/* The bond counts its members: as if its program were attached to them. */
static int error_of(const struct attach_job *job, int error) {
  bool is_by_bond = error == -EALREADY && job->device->is_bond_member;

  return is_by_bond && !places_is_tc(job->entry) ? -EEXIST : error;
}

/* Decides what comes after a place that could not be had. */
static void advance(struct attach_job *job, int error) {
  error = error_of(job, error);
  note_first(job, error);
  if (job->entry == ENTRY_OBSERVE) {
    go_behind(job, error);
  } else if (!places_is_tc(job->entry) &&
             (error == -EBUSY || error == -EEXIST)) {
    find_program(job);
    give_way(job);
  } else if (job->is_busy || !places_is_refusal(job->entry, error)) {
    finish(job, error);
  } else {
    job->place++;
    go_on(job, error);
  }
}

/* --- one round -------------------------------------------------------------*/

/* One that is counted for itself keeps its program, and the kernel refuses the
 * bond's. */
static int add_member(void *port, unsigned member) {
  int error = port_add_member(port, member);

  return error == -EALREADY ? 0 : error;
}

/* Somebody else's has gone from it, which is not followed yet. */
static int add_observed_member(void *port, unsigned member) {
  int error = port_add_member(port, member);

  return error == -EALREADY ? -EAGAIN : error;
}

/* XDP in the driver of a bond, whose ever it is, sees the frames as its
 * members'. Of a bond the counters can be found by members that come later. */
static int add_members(const struct attach_job *job) {
  bool is_in_driver = places_is_native(job->entry) ||
                      (job->entry == ENTRY_OBSERVE && !job->xdp.is_generic);

  if (!is_in_driver || strcmp(job->device->kind, "bond") != 0) {
    port_seal(job->port);
    return 0;
  }
  return device_visit_members(job->device->ifindex,
                              job->entry == ENTRY_OBSERVE ? add_observed_member
                                                          : add_member,
                              job->port);
}

static void settle(const struct attach_batch *batch, struct attach_job *job) {
  if (!job->is_done || job->is_settled)
    return;
  job->is_settled = true;
  batch->settled(batch->context, job);
}

static int open_port(struct datapath *datapath, struct attach_job *job) {
  unsigned ifindex = job->device->ifindex;
  enum link link = job->device->link;
  __u64 counters = job->settings->counters;

  return job->entry == ENTRY_OBSERVE
             ? port_new_beside(datapath, job->xdp.program, ifindex, link,
                               counters, &job->port)
             : port_new(datapath, job->entry, ifindex, link, counters,
                        &job->port);
}

/* Makes the ports of all jobs that go on; returns their number. */
static size_t open_ports(const struct attach_batch *batch,
                         struct attach_job **opened, struct port **ports) {
  size_t n = 0;

  for (size_t i = 0; i < batch->count; i++) {
    struct attach_job *job = &batch->jobs[i];
    while (!job->is_done && !job->port && !*batch->stopping) {
      int error = open_port(batch->datapath, job);
      if (error)
        advance(job, error);
    }
    settle(batch, job);
    if (job->is_done || !job->port)
      continue;
    opened[n] = job;
    ports[n++] = job->port;
  }
  return n;
}

/* May take seconds, after which nobody may be interested any more. */
static int attach_one(struct attach_job *job, const atomic_bool *stopping) {
  enum attachment attachment;

  if (*stopping)
    return -ECANCELED;
  int error = add_members(job);
  if (!error)
    error = port_attach(job->port, &attachment);
  if (!error)
    job->attachment = attachment;
  return error;
}

static void drop(struct port **ports, size_t count) {
  ports_unpublish(ports, count);
  for (size_t i = 0; i < count; i++)
    port_free(ports[i]);
}

/* Returns whether there is another round to go. */
static bool run_round(const struct attach_batch *batch,
                      struct attach_job **opened, struct port **ports) {
  size_t n = open_ports(batch, opened, ports), refused = 0;

  int publish_error = n ? ports_publish(ports, n) : 0;
  for (size_t i = 0; i < n; i++) {
    struct attach_job *job = opened[i];
    int error =
        publish_error ? publish_error : attach_one(job, batch->stopping);
    if (error) {
      ports[refused++] = job->port;
      job->port = NULL;
      advance(job, error);
    } else {
      finish(job, 0);
    }
    settle(batch, job);
  }
  if (refused)
    drop(ports, refused);
  return n;
}

void attach_jobs(const struct attach_batch *batch) {
  struct attach_job **opened =
      calloc(batch->count, sizeof(struct attach_job *));
  struct port **ports = calloc(batch->count, sizeof(struct port *));
  bool has_memory = opened && ports;

  for (size_t i = 0; i < batch->count; i++)
    begin(&batch->jobs[i]);
  while (has_memory && !*batch->stopping && run_round(batch, opened, ports))
    ;
  for (size_t i = 0; i < batch->count; i++) {
    struct attach_job *job = &batch->jobs[i];
    if (!job->is_done)
      finish(job, has_memory ? -ECANCELED : -ENOMEM);
    settle(batch, job);
  }
  free(opened);
  free(ports);
}

/* --- what is told ----------------------------------------------------------*/

static struct refusal refusal_of(const struct attach_job *job) {
  bool is_first = tells_nothing_new(job, job->error);

  return places_describe(is_first ? job->first : job->entry,
                         is_first ? job->first_error : job->error, job->name,
                         job->device);
}

/* Whether Mode "auto" has a place left to try. */
static bool may_choose(const struct attach_job *job) {
  return job->direction == DIRECTION_RX && !job->is_busy &&
         job->settings->mode != MODE_AUTO &&
         places_is_refusal(job->entry, job->error);
}

void attach_explain(const struct attach_job *job, char *text, size_t size) {
  struct refusal refusal = refusal_of(job);
  const char *remedy = refusal.remedy;
  const char *mode = may_choose(job) ? "use Mode \"auto\"" : "";

  snprintf(text, size, "%s%s%s%s%s", refusal.cause,
           *remedy || *mode ? "; " : "", remedy,
           *remedy && *mode ? ", or " : "", mode);
}

static void log_failure(const struct attach_job *job) {
  char why[ATTACH_WHY_MAX];

  attach_explain(job, why, sizeof(why));
  log_write(LOG_ERR, "interface \"%s\": %s is not counted: %s", job->name,
            direction_names[job->direction], why);
}

/* As the operator wants it: nothing is wrong. */
static void log_skipped(const struct attach_job *job) {
  log_write(LOG_WARNING,
            "interface \"%s\": rx is not counted as long as another XDP "
            "program is attached (Busy \"skip\")",
            job->name);
}

/* At another place than the mode would have liked best. */
static void log_fallback(const struct attach_job *job, int severity,
                         const char *words) {
  struct refusal refusal =
      places_describe(job->first, job->first_error, job->name, job->device);

  log_write(severity,
            "interface \"%s\": rx is counted %s, since native XDP is refused: "
            "%s%s%s%s",
            job->name, words, refusal.cause,
            *refusal.remedy ? " (to have it, " : "", refusal.remedy,
            *refusal.remedy ? ")" : "");
}

void attach_explain_behind(const struct attach_job *job, char *text,
                           size_t size) {
  struct refusal refusal = places_describe(ENTRY_OBSERVE, job->observe_error,
                                           job->name, job->device);

  text[0] = '\0';
  if (job->observe_error)
    snprintf(text, size, "; it cannot be observed: %s%s%s%s", refusal.cause,
             *refusal.remedy ? " (" : "", refusal.remedy,
             *refusal.remedy ? ")" : "");
}

static void log_behind(const struct attach_job *job, const char *words) {
  char why[ATTACH_WHY_MAX];

  attach_explain_behind(job, why, sizeof(why));
  log_write(LOG_WARNING,
            "interface \"%s\": rx is counted %s as long as another XDP "
            "program is attached: what that one drops or redirects is not "
            "seen%s",
            job->name, words, why);
}

static void log_observed(const struct attach_job *job, const char *words) {
  bool is_generic = job->xdp.is_generic;

  log_write(is_generic ? LOG_NOTICE : LOG_INFO,
            "interface \"%s\": rx is counted %s%s (id %u), by Busy "
            "\"observe\"",
            job->name, words,
            is_generic ? " on the skb, where a GSO or GRO super-frame counts "
                         "as one frame"
                       : "",
            job->xdp.program);
}

static void log_success(const struct attach_job *job) {
  const char *words = places_words(job->entry, job->attachment);
  bool is_special =
      job->entry == ENTRY_GENERIC || job->attachment == ATTACHED_BEHIND;
  int severity = is_special ? LOG_NOTICE : LOG_INFO;

  if (job->entry == ENTRY_OBSERVE)
    log_observed(job, words);
  else if (job->is_busy)
    log_behind(job, words);
  else if (job->direction == DIRECTION_TX)
    log_write(severity, "interface \"%s\": tx is counted %s, as in every Mode",
              job->name, words);
  else if (job->first_error && !places_is_native(job->entry))
    log_fallback(job, severity, words);
  else
    log_write(severity, "interface \"%s\": rx is counted %s, by Mode \"%s\"",
              job->name, words, settings_mode_name(job->settings->mode));
}

static void log_side_effect(struct attach_told *told,
                            const struct attach_job *job) {
  enum side_effect effect = places_side_effect(job->device);
  bool limits_mtu = job->entry == ENTRY_NATIVE;

  if (!places_is_native(job->entry) || effect == SIDE_EFFECT_NONE ||
      (told->effects[effect] && (!limits_mtu || told->mtu[effect])))
    return;
  told->effects[effect] = true;
  told->mtu[effect] |= limits_mtu;
  log_write(LOG_NOTICE,
            "interface \"%s\" and others of its kind: %s%s; Mode \"tc\" does "
            "not",
            job->name, places_side_effect_words(effect),
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
static void log_stripped_tags(struct attach_told *told,
                              const struct attach_job *job) {
  bool is_on_skb = job->entry == ENTRY_GENERIC ||
                   (job->entry == ENTRY_OBSERVE && job->xdp.is_generic);
  bool is_stacked = is_on_skb && places_is_stacked(job->device);
  bool matters =
      job->settings->groups & GROUP_BIT(GROUP_VLAN) || job->device->has_vlan;
  struct tag_taker taker = tag_taker_of(job->name, job->device);

  if (places_is_tc(job->entry) || !(job->device->strips_tags || is_stacked) ||
      !matters)
    return;
  if (strcmp(job->device->kind, "veth") == 0) {
    if (told->tags_of_veth)
      return;
    told->tags_of_veth = true;
  }
  if (is_stacked)
    log_write(LOG_NOTICE,
              "interface \"%s\": VLAN tags are taken off before XDP and not "
              "seen; to have them counted use Mode \"tc\"",
              job->name);
  else
    log_write(LOG_NOTICE,
              "interface \"%s\": VLAN tags are taken off before XDP and not "
              "seen, unless %s them in the frame (ethtool -K %s %s off); to "
              "have them counted use Mode \"tc\"",
              job->name, taker.who, taker.name, taker.option);
}

/* Once for both directions, which follow each other. */
static void log_unknown_link(struct attach_told *told,
                             const struct attach_job *job) {
  if (job->device->link != LINK_OTHER || told->link == job->device->ifindex)
    return;
  told->link = job->device->ifindex;
  log_write(LOG_NOTICE,
            "interface \"%s\": its frames begin neither with Ethernet nor with "
            "IP; all are counted as \"other\"",
            job->name);
}

void attach_log(struct attach_told *told, const struct attach_job *job) {
  if (is_skipped(job)) {
    log_skipped(job);
  } else if (job->error) {
    log_failure(job);
  } else {
    log_success(job);
    log_side_effect(told, job);
    log_stripped_tags(told, job);
    log_unknown_link(told, job);
  }
}

void attach_log_counters(const struct attach_job *job,
                         const struct counters *counters, __u64 refused,
                         const struct counter_place *place) {
  for (size_t i = 0; i < counters->count; i++)
    if (refused & COUNTER_BIT(i))
      log_write(LOG_NOTICE,
                "interface \"%s\": counter \"%s\" is not available for %s: %s",
                job->name, counters->list[i].name,
                direction_names[job->direction],
                counter_why_not(&counters->list[i], place));
}
