// SPDX-License-Identifier: MIT

#include "plugin/notices.h"

#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/log.h"
#include "plugin/thread.h"

/* systemd kills what has not ended after 90 seconds, and with it what other
 * plugins have not written yet. A mail server that answers does so in less. */
enum { STOP_SECONDS = 5 };

struct notice {
  struct notice *next;
  enum notice_severity severity;
  struct timespec time;
  char interface[IF_NAMESIZE];
  char text[];
};

struct notices {
  pthread_mutex_t lock;
  pthread_cond_t has_changed;
  pthread_t thread;
  /* The rest is under the lock. */
  struct notice *first, **end;
  size_t count;
  bool is_loss_told;
  bool is_stopping;  /* ends when the queue is empty */
  bool has_ended;    /* to be joined without waiting */
  bool is_abandoned; /* nobody waits: it frees everything when it ends */
};

static struct notice *take_first(struct notices *notices) {
  struct notice *notice = notices->first;

  notices->first = notice->next;
  if (!notices->first)
    notices->end = &notices->first;
  notices->count--;
  return notice;
}

static void free_notices(struct notices *notices) {
  while (notices->first)
    free(take_first(notices));
  pthread_cond_destroy(&notices->has_changed);
  pthread_mutex_destroy(&notices->lock);
  free(notices);
}

/* Under the lock, but while others' code runs. */
static void dispatch_all(struct notices *notices) {
  while (notices->first && !notices->is_abandoned) {
    struct notice *notice = take_first(notices);
    if (!notices->first)
      notices->is_loss_told = false;
    pthread_mutex_unlock(&notices->lock);
    notify_dispatch(notice->severity, &notice->time, notice->interface,
                    notice->text);
    free(notice);
    pthread_mutex_lock(&notices->lock);
  }
}

static void *run(void *context) {
  struct notices *notices = context;

  pthread_mutex_lock(&notices->lock);
  for (;;) {
    dispatch_all(notices);
    if (notices->is_stopping)
      break;
    pthread_cond_wait(&notices->has_changed, &notices->lock);
  }
  notices->has_ended = true;
  bool is_abandoned = notices->is_abandoned;
  pthread_cond_broadcast(&notices->has_changed);
  pthread_mutex_unlock(&notices->lock);
  if (is_abandoned)
    free_notices(notices);
  return NULL;
}

/* Whoever sets the clock does not make the stop longer. */
static void initialize_condition(pthread_cond_t *condition) {
  pthread_condattr_t attributes;

  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(condition, &attributes);
  pthread_condattr_destroy(&attributes);
}

int notices_start(struct notices **ret_notices) {
  struct notices *notices = calloc(1, sizeof(*notices));

  if (!notices)
    return -ENOMEM;
  notices->end = &notices->first;
  pthread_mutex_init(&notices->lock, NULL);
  initialize_condition(&notices->has_changed);
  int error = thread_start(&notices->thread, run, notices);
  if (error)
    free_notices(notices);
  else
    *ret_notices = notices;
  return error;
}

static struct notice *new_notice(enum notice_severity severity,
                                 const char *interface, const char *text) {
  size_t size = strlen(text) + 1;
  struct notice *notice = malloc(sizeof(*notice) + size);

  if (!notice)
    return NULL;
  notice->next = NULL;
  notice->severity = severity;
  clock_gettime(CLOCK_REALTIME, &notice->time);
  snprintf(notice->interface, sizeof(notice->interface), "%s", interface);
  memcpy(notice->text, text, size);
  return notice;
}

/* Takes over the notice, NULL where memory is out. Returns whether one is lost
 * for the first time since none waited. */
static bool append(struct notices *notices, struct notice *notice) {
  bool is_full = notices->count == NOTICES_MAX;
  bool was_told = notices->is_loss_told;

  if (notice) {
    if (is_full)
      free(take_first(notices));
    *notices->end = notice;
    notices->end = &notice->next;
    notices->count++;
    pthread_cond_broadcast(&notices->has_changed);
  }
  if (is_full || !notice)
    notices->is_loss_told = true;
  return notices->is_loss_told && !was_told;
}

void notices_add(struct notices *notices, enum notice_severity severity,
                 const char *interface, const char *text) {
  struct notice *notice = new_notice(severity, interface, text);

  pthread_mutex_lock(&notices->lock);
  bool is_to_be_told = append(notices, notice);
  pthread_mutex_unlock(&notices->lock);
  if (is_to_be_told)
    log_write(LOG_WARNING,
              "notifications are lost, the oldest first, since a notification "
              "plugin does not take them fast enough: see which one of them "
              "waits, or filter them by a chain; the log has all of them");
}

/* Returns whether the thread has ended. */
static bool wait_for_end(struct notices *notices) {
  struct timespec deadline;
  int error = 0;

  clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_sec += STOP_SECONDS;
  notices->is_stopping = true;
  pthread_cond_broadcast(&notices->has_changed);
  while (!notices->has_ended && !error)
    error = pthread_cond_timedwait(&notices->has_changed, &notices->lock,
                                   &deadline);
  return notices->has_ended;
}

/* A thread that is in another plugin cannot be ended: a cancellation would
 * leave that plugin's locks behind. It is left to itself, and the process ends
 * as it would end with that plugin's own threads. */
struct notices *notices_stop(struct notices *notices) {
  if (!notices)
    return NULL;
  pthread_mutex_lock(&notices->lock);
  bool has_ended = wait_for_end(notices);
  size_t lost = notices->count;
  pthread_t thread = notices->thread;
  notices->is_abandoned = !has_ended;
  pthread_mutex_unlock(&notices->lock);
  if (has_ended) {
    pthread_join(thread, NULL);
    free_notices(notices);
    return NULL;
  }
  pthread_detach(thread);
  log_write(LOG_WARNING,
            "a notification plugin did not return within %d seconds, it is not "
            "waited for; %zu notifications after it are lost",
            STOP_SECONDS, lost);
  return NULL;
}
