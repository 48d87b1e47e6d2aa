// SPDX-License-Identifier: MIT

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "plugin/log.h"
#include "plugin/notices.h"
#include "plugin/places.h"
#include "tests/unit/interfaces_fakes_private.h"

enum { TURNS_MAX = 100 };

struct notices {
  int unused;
};

struct fakes fakes;
struct settings settings;
struct selection selection;
struct counters own_counters;
struct interfaces *interfaces;

/* eventfd: the thread is to make a turn. Also the monitor's, which tells the
 * same. */
int monitor_descriptor = -1;
atomic_bool is_stopping;

static sem_t resting, slow, slowness_ends;
static bool rests; /* somebody has to take note of it yet */
static char visited[8192];

/* --- the clock and memory --------------------------------------------------*/

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time) {
  if (clock != CLOCK_MONOTONIC && clock != CLOCK_THREAD_CPUTIME_ID)
    return __real_clock_gettime(clock, time);
  time->tv_sec = fakes.now / 1000;
  time->tv_nsec = fakes.now % 1000 * 1000000;
  return 0;
}

static bool has_memory(void) {
  return !fakes.allocations || --fakes.allocations > 0;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size) {
  return has_memory() ? __real_calloc(count, size) : NULL;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size) {
  return has_memory() ? __real_malloc(size) : NULL;
}

void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);

void *__wrap_reallocarray(void *memory, size_t count, size_t size) {
  return has_memory() ? __real_reallocarray(memory, count, size) : NULL;
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

char *__wrap_strdup(const char *text) {
  return fakes.has_no_copies ? NULL : __real_strdup(text);
}

/* --- what is told ----------------------------------------------------------*/

static void append(char *text, size_t size, const char *format,
                   va_list arguments) {
  size_t length = strlen(text);

  vsnprintf(text + length, size - length, format, arguments);
}

void happens(const char *format, ...) {
  va_list arguments;

  va_start(arguments, format);
  append(fakes.happened, sizeof(fakes.happened), format, arguments);
  va_end(arguments);
}

void asks(const char *what, const char *name) {
  size_t length = strlen(fakes.asked);

  snprintf(fakes.asked + length, sizeof(fakes.asked) - length, "%s%s %s",
           length ? ", " : "", what, name);
}

void log_write(int severity, const char *format, ...) {
  size_t length = strlen(fakes.logged);
  va_list arguments;

  length += snprintf(fakes.logged + length, sizeof(fakes.logged) - length,
                     "%d ", severity);
  va_start(arguments, format);
  append(fakes.logged, sizeof(fakes.logged), format, arguments);
  va_end(arguments);
  length = strlen(fakes.logged);
  snprintf(fakes.logged + length, sizeof(fakes.logged) - length, "\n");
}

void attach_log(struct attach_told *told, const struct attach_job *job) {
  expect_in_thread(told);
  fakes.told_device = *job->device;
  log_write(LOG_INFO, "%s %s: %s, error %d%s", job->name,
            direction_name(job->direction),
            places_words(job->entry, job->attachment), -job->error,
            job->is_busy ? ", busy" : "");
}

void attach_explain(const struct attach_job *job, char *text, size_t size) {
  snprintf(text, size, "error %d; do this", -job->error);
}

void attach_explain_behind(const struct attach_job *job, char *text,
                           size_t size) {
  text[0] = '\0';
  if (job->observe_error)
    snprintf(text, size, "; not observed: error %d", -job->observe_error);
}

void attach_log_counters(const struct attach_job *job,
                         const struct counters *counters, __u64 refused,
                         const struct counter_place *place) {
  expect_in_thread(counters == &own_counters);
  for (size_t i = 0; i < counters->count; i++)
    if (refused & COUNTER_BIT(i))
      log_write(LOG_NOTICE, "%s %s: no %s: %s", job->name,
                direction_name(job->direction), counters->list[i].name,
                counter_why_not(&counters->list[i], place));
}

static struct notices the_notices;

int notices_start(struct notices **ret_notices) {
  if (fakes.notices_error)
    return fakes.notices_error;
  *ret_notices = &the_notices;
  return 0;
}

void notices_add(struct notices *notices, enum notice_severity severity,
                 const char *interface, const char *text) {
  static const char *const severities[] = {
      [NOTICE_FAILURE] = "FAILURE",
      [NOTICE_WARNING] = "WARNING",
      [NOTICE_OKAY] = "OKAY",
  };
  size_t length = strlen(fakes.noticed);

  expect_in_thread(notices == &the_notices);
  snprintf(fakes.noticed + length, sizeof(fakes.noticed) - length,
           "%s %s: %s\n", severities[severity], interface, text);
}

/* It may take its time: nothing is attached any longer. */
struct notices *notices_stop(struct notices *notices) {
  assert_true(!notices || notices == &the_notices);
  assert_int_equal(machine_ports(), 0);
  return NULL;
}

/* --- the thread ------------------------------------------------------------*/

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

/* Rests until a test says that there is something to do, or ends it. */
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout) {
  struct pollfd real[] = {{.fd = fds[0].fd, .events = POLLIN},
                          {.fd = monitor_descriptor, .events = POLLIN}};
  eventfd_t value;

  expect_in_thread(count == 2 && timeout >= 0);
  expect_in_thread(fds[0].events == POLLIN && fds[1].events == POLLIN);
  expect_in_thread(machine_has_monitor() ? fds[1].fd == monitor_descriptor
                                         : fds[1].fd < 0);
  fakes.wait = timeout;
  fakes.polls_monitor = machine_has_monitor();
  sem_post(&resting);
  __real_poll(real, 2, -1);
  if (real[1].revents)
    eventfd_read(monitor_descriptor, &value);
  return 1;
}

int __real_pthread_join(pthread_t thread, void **ret_result);
int __wrap_pthread_join(pthread_t thread, void **ret_result);

int __wrap_pthread_join(pthread_t thread, void **ret_result) {
  if (fakes.is_join_the_end_of_slowness)
    end_slowness();
  return __real_pthread_join(thread, ret_result);
}

int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex) {
  void (*on_unlock)(void) = fakes.on_unlock;
  int error = __real_pthread_mutex_unlock(mutex);

  fakes.on_unlock = NULL;
  if (on_unlock)
    on_unlock();
  fakes.on_unlock = on_unlock;
  return error;
}

void be_slow(bool is_so) {
  if (!is_so)
    return;
  sem_post(&slow);
  sem_wait(&slowness_ends);
}

void wait_until_slow(void) { sem_wait(&slow); }

void end_slowness(void) {
  fakes.slow_card = 0;
  fakes.is_sweep_slow = fakes.is_detach_slow = false;
  sem_post(&slowness_ends);
}

static void await_rest(void) {
  if (rests)
    sem_wait(&resting);
  rests = false;
}

void start_only(void) {
  selection_resolve(&selection, &settings);
  is_stopping = false;
  assert_int_equal(
      interfaces_start(&selection, &own_counters, THE_DATAPATH, &interfaces),
      0);
  rests = true;
}

void start(void) {
  start_only();
  await_rest();
}

static void forget(void) {
  fakes.tried[0] = fakes.logged[0] = '\0';
  fakes.noticed[0] = fakes.happened[0] = fakes.asked[0] = '\0';
  fakes.jobs = fakes.xdp_queries = 0;
}

static void begin_turn(void) {
  await_rest();
  eventfd_write(monitor_descriptor, 1);
  rests = true;
}

void turn_only(void) {
  await_rest();
  forget();
  begin_turn();
}

void turn(void) {
  turn_only();
  await_rest();
}

void turn_after(unsigned milliseconds) {
  await_rest();
  fakes.now += milliseconds;
  turn();
}

void settle(void) {
  unsigned turns = 0;

  turn();
  while (fakes.wait == 0) {
    assert_true(turns++ < TURNS_MAX);
    begin_turn();
    await_rest();
  }
}

void stop(void) {
  is_stopping = true;
  interfaces = interfaces_stop(interfaces);
  assert_null(interfaces);
  assert_false(machine_has_monitor());
  assert_int_equal(machine_ports(), 0);
}

/* --- reads -----------------------------------------------------------------*/

static void visit_side(char **end, const struct side_report *side,
                       const char *name) {
  const struct counts *counts = side->counts;

  *end += sprintf(*end, " %s %u", name, side->mode);
  if (!counts)
    return;
  assert_int_equal(counts->total.octets, 100 * counts->total.packets);
  assert_memory_equal(&counts->cells[0], &counts->total, sizeof(struct cell));
  assert_int_equal(counts->cells[1].octets, 100 * counts->cells[1].packets);
  assert_memory_equal(&counts->cpus[0].total, &counts->total,
                      sizeof(struct cell));
  *end += sprintf(*end, " (%" PRIu64, (uint64_t)counts->total.packets);
  if (side->groups & GROUP_BIT(GROUP_VERDICT))
    *end += sprintf(*end, ", %" PRIu64 " observed",
                    (uint64_t)counts->cells[1].packets);
  if (side->counters)
    *end += sprintf(*end, ", counters %" PRIx64, (uint64_t)side->counters);
  *end += sprintf(*end, ")");
}

static void visit(void *context, struct interface_report *report) {
  char *end = visited + strlen(visited);

  assert_ptr_equal(context, visited);
  assert_true(strlen(visited) + 128 < sizeof(visited));
  end += sprintf(end, "%s:", report->name);
  visit_side(&end, &report->sides[DIRECTION_RX], "rx");
  visit_side(&end, &report->sides[DIRECTION_TX], "tx");
  sprintf(end, " %s\n", report->is_attached ? "attached" : "lacking");
}

const char *read_all(void) {
  visited[0] = '\0';
  interfaces_read(interfaces, visit, visited);
  return visited;
}

/* --- around each test ------------------------------------------------------*/

__u64 add_counter(const char *name, const char *text) {
  char why[256];
  unsigned index;

  assert_int_equal(
      counters_add(&own_counters, name, text, &index, why, sizeof(why)), 0);
  return COUNTER_BIT(index);
}

void add_selected(const char *text, const struct overrides *overrides) {
  struct pattern *pattern;
  char why[256];

  assert_int_equal(pattern_open(text, &pattern, why, sizeof(why)), 0);
  assert_int_equal(selection_add(&selection, pattern, overrides), 0);
}

/* What waits for ever is ended. */
int set_up(void **state) {
  (void)state;
  machine_reset();
  fakes = (struct fakes){.now = BOOTED_MS};
  settings = SETTINGS_DEFAULT;
  rests = false;
  sem_init(&resting, 0, 0);
  sem_init(&slow, 0, 0);
  sem_init(&slowness_ends, 0, 0);
  monitor_descriptor = eventfd(0, EFD_CLOEXEC);
  alarm(60);
  return monitor_descriptor < 0;
}

/* Also after a test that failed. */
int tear_down(void **state) {
  (void)state;
  fakes.is_join_the_end_of_slowness = true;
  is_stopping = true;
  interfaces = interfaces_stop(interfaces);
  selection_free(&selection);
  counters_clear(&own_counters);
  close(monitor_descriptor);
  return 0;
}
