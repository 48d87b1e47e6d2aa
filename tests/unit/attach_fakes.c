// SPDX-License-Identifier: MIT

#include "tests/unit/attach_fakes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/log.h"
#include "plugin/monitor.h"

enum { MEMBER = 11, MEMBERS = 2, PORTS_MAX = 2 * CARDS };

struct fakes fakes;
const char *card_name;
struct device device;
struct settings settings;
struct attach_told told;
struct attach_job job;

struct port {
  enum entry entry;
  unsigned ifindex;
  bool sees_members; /* of a bond, as theirs */
  bool is_published, is_sealed, is_attached;
};

/* Those that were made and not freed. */
static struct port *ports[PORTS_MAX];

static struct datapath *const the_datapath = (void *)&fakes;

static const char *const entry_names[ENTRY_COUNT] = {
    [ENTRY_NATIVE] = "native",   [ENTRY_NATIVE_FRAGS] = "frags",
    [ENTRY_GENERIC] = "generic", [ENTRY_TC_RX] = "tc-rx",
    [ENTRY_TC_TX] = "tc-tx",     [ENTRY_OBSERVE] = "observe",
};

/* --- what is replaced ------------------------------------------------------*/

static void happens(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static void happens(const char *format, ...) {
  size_t length = strlen(fakes.happened);
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(fakes.happened + length, sizeof(fakes.happened) - length, format,
            arguments);
  va_end(arguments);
}

void log_write(int severity, const char *format, ...) {
  size_t length = strlen(fakes.logged);
  va_list arguments;

  length += sprintf(fakes.logged + length, "%d ", severity);
  va_start(arguments, format);
  vsnprintf(fakes.logged + length, sizeof(fakes.logged) - length, format,
            arguments);
  va_end(arguments);
  strcat(fakes.logged, "\n");
}

int device_visit_members(unsigned ifindex,
                         int (*visit)(void *context, unsigned member),
                         void *context) {
  assert_int_equal(ifindex, IFINDEX);
  for (unsigned i = 0; i < MEMBERS; i++) {
    int error = visit(context, MEMBER + i);
    if (error)
      return error;
  }
  return fakes.members_error;
}

static const struct answer *answer_of(enum entry entry, unsigned ifindex) {
  assert_in_range(ifindex, IFINDEX, IFINDEX + CARDS - 1);
  return &fakes.answers[ifindex - IFINDEX][entry];
}

int monitor_query_xdp(unsigned ifindex, struct xdp_state *ret_xdp) {
  assert_in_range(ifindex, IFINDEX, IFINDEX + CARDS - 1);
  fakes.xdp_queries++;
  if (!fakes.xdp_error)
    *ret_xdp = fakes.xdp[ifindex - IFINDEX];
  return fakes.xdp_error;
}

/* No frame is counted twice. */
static void assert_is_alone(enum entry entry, unsigned ifindex) {
  for (size_t i = 0; i < PORTS_MAX; i++)
    assert_false(ports[i] && ports[i]->ifindex == ifindex &&
                 (ports[i]->entry == ENTRY_TC_TX) == (entry == ENTRY_TC_TX));
}

static int make_port(struct datapath *datapath, enum entry entry,
                     unsigned ifindex, enum link link, bool sees_members,
                     struct port **ret_port) {
  const struct answer *answer = answer_of(entry, ifindex);
  size_t i = 0;

  assert_ptr_equal(datapath, the_datapath);
  assert_int_equal(link, device.link);
  assert_is_alone(entry, ifindex);
  sprintf(fakes.tried + strlen(fakes.tried), "%s%s", *fakes.tried ? " " : "",
          entry_names[entry]);
  if (answer->create)
    return answer->create;
  while (ports[i])
    i++;
  ports[i] = malloc(sizeof(struct port));
  *ports[i] = (struct port){
      .entry = entry, .ifindex = ifindex, .sees_members = sees_members};
  *ret_port = ports[i];
  return 0;
}

int port_new(struct datapath *datapath, enum entry entry, unsigned ifindex,
             enum link link, __u64 counters, struct port **ret_port) {
  bool is_native = entry == ENTRY_NATIVE || entry == ENTRY_NATIVE_FRAGS;

  assert_int_equal(counters, settings.counters);
  assert_int_not_equal(entry, ENTRY_OBSERVE);
  return make_port(datapath, entry, ifindex, link, is_native, ret_port);
}

/* Beside the program that is there. */
int port_new_beside(struct datapath *datapath, __u32 program, unsigned ifindex,
                    enum link link, __u64 counters, struct port **ret_port) {
  const struct xdp_state *xdp = &fakes.xdp[ifindex - IFINDEX];

  assert_int_equal(counters, settings.counters);
  assert_int_not_equal(program, 0);
  assert_int_equal(program, xdp->program);
  return make_port(datapath, ENTRY_OBSERVE, ifindex, link, !xdp->is_generic,
                   ret_port);
}

int ports_publish(struct port *const *list, size_t count) {
  assert_int_not_equal(count, 0);
  happens("publish");
  for (size_t i = 0; i < count; i++) {
    assert_false(list[i]->is_published);
    assert_false(list[i]->is_sealed);
    list[i]->is_published = !fakes.publish_error;
    happens(" %u", list[i]->ifindex);
  }
  happens("\n");
  return fakes.publish_error;
}

void ports_unpublish(struct port *const *list, size_t count) {
  assert_int_not_equal(count, 0);
  happens("unpublish");
  for (size_t i = 0; i < count; i++) {
    assert_false(list[i]->is_attached);
    list[i]->is_published = false;
    happens(" %u", list[i]->ifindex);
  }
  happens("\n");
}

/* From the first frame on they are all to be found. */
int port_add_member(struct port *port, unsigned ifindex) {
  assert_true(port->is_published);
  assert_false(port->is_sealed);
  assert_false(port->is_attached);
  sprintf(fakes.added + strlen(fakes.added), "%s%u", *fakes.added ? " " : "",
          ifindex);
  return fakes.member_error;
}

void port_seal(struct port *port) {
  assert_true(port->is_published);
  port->is_sealed = true;
}

/* One whose descriptor stays open for nothing is a defect too: members come to
 * bonds alone. */
int port_attach(struct port *port, enum attachment *ret_attachment) {
  const struct answer *answer = answer_of(port->entry, port->ifindex);
  bool may_get_members = strcmp(device.kind, "bond") == 0 && port->sees_members;

  assert_true(port->is_published);
  assert_int_equal(port->is_sealed, !may_get_members);
  happens("attach %u %s\n", port->ifindex, entry_names[port->entry]);
  if (fakes.attached_until_stop && --fakes.attached_until_stop == 0)
    fakes.stopping = true;
  /* As the real one, which sets it before it knows. */
  *ret_attachment = ATTACHED_BY_LINK;
  if (answer->attach)
    return answer->attach;
  port->is_attached = true;
  *ret_attachment = answer->attachment;
  return 0;
}

struct port *port_free(struct port *port) {
  size_t i = 0;

  if (!port)
    return NULL;
  assert_false(port->is_published);
  while (ports[i] != port)
    i++;
  ports[i] = NULL;
  free(port);
  return NULL;
}

/* --- what the tests are made of --------------------------------------------*/

static void forget(void) {
  fakes.tried[0] = fakes.added[0] = '\0';
  fakes.happened[0] = fakes.logged[0] = '\0';
  fakes.xdp_queries = 0;
}

/* Ports of a test that failed are not the next one's. */
int set_up(void **state) {
  (void)state;
  for (size_t i = 0; i < PORTS_MAX; i++) {
    free(ports[i]);
    ports[i] = NULL;
  }
  fakes = (struct fakes){0};
  card_name = "eth0";
  device = (struct device){.ifindex = IFINDEX, .mtu = 1500, .rx_queues = 1};
  settings = (struct settings){.groups = GROUP_BIT(GROUP_PROTOCOL)};
  told = (struct attach_told){0};
  return 0;
}

void refuse(enum entry entry, int error) {
  fakes.answers[0][entry].attach = error;
}

void refuse_native(int error) {
  refuse(ENTRY_NATIVE, error);
  refuse(ENTRY_NATIVE_FRAGS, error);
}

void occupy(__u32 program, bool is_generic) {
  fakes.xdp[0] = (struct xdp_state){program, is_generic};
  refuse_native(-EBUSY);
  refuse(ENTRY_GENERIC, -EBUSY);
}

void vacate(void) {
  fakes.xdp[0] = (struct xdp_state){0};
  refuse_native(0);
  refuse(ENTRY_GENERIC, 0);
}

void make_device(const char *kind, const char *driver) {
  snprintf(device.kind, sizeof(device.kind), "%s", kind);
  snprintf(device.driver, sizeof(device.driver), "%s", driver);
}

static size_t count_ports(void) {
  size_t count = 0;

  for (size_t i = 0; i < PORTS_MAX; i++)
    count += ports[i] != NULL;
  return count;
}

/* Decided once and for all: what is counted is counted by now. */
static void on_settled(void *context, struct attach_job *settled) {
  size_t *count = context;

  assert_true(settled->is_done);
  assert_true(!settled->port || settled->port->is_attached);
  (*count)++;
}

void run_jobs(struct attach_job *jobs, size_t count) {
  size_t attached = 0, settled = 0;

  forget();
  attach_jobs(&(struct attach_batch){.datapath = the_datapath,
                                     .jobs = jobs,
                                     .count = count,
                                     .stopping = &fakes.stopping,
                                     .settled = on_settled,
                                     .context = &settled});
  assert_int_equal(settled, count);
  for (size_t i = 0; i < count; i++) {
    const struct port *port = jobs[i].port;
    assert_true(port ? !jobs[i].error : jobs[i].error || jobs[i].current);
    if (!port) {
      assert_true(jobs[i].error || jobs[i].entry == *jobs[i].current);
      continue;
    }
    assert_true(port->is_attached);
    assert_int_equal(port->entry, jobs[i].entry);
    assert_int_equal(port->ifindex, jobs[i].device->ifindex);
    attached++;
  }
  assert_int_equal(count_ports(), attached);
}

void take_back(struct attach_job *jobs, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!jobs[i].port)
      continue;
    jobs[i].port->is_published = false;
    jobs[i].port = port_free(jobs[i].port);
  }
}

static bool run_one(enum mode mode, enum direction direction,
                    const enum entry *current) {
  settings.mode = mode;
  job = (struct attach_job){.name = card_name,
                            .device = &device,
                            .settings = &settings,
                            .direction = direction,
                            .current = current,
                            .may_be_busy = fakes.is_program_known};
  run_jobs(&job, 1);
  bool is_counted = job.port;
  take_back(&job, 1);
  return is_counted;
}

bool run(enum mode mode, enum direction direction) {
  return run_one(mode, direction, NULL);
}

bool run_rx(enum mode mode) { return run(mode, DIRECTION_RX); }

bool run_tx(enum mode mode) { return run(mode, DIRECTION_TX); }

bool run_again(enum mode mode, enum entry entry) {
  static enum entry current; /* the job keeps its address */

  current = entry;
  return run_one(mode, entry == ENTRY_TC_TX ? DIRECTION_TX : DIRECTION_RX,
                 &current);
}

void assert_stays(enum mode mode, enum entry current, const char *tried) {
  assert_false(run_again(mode, current));
  assert_string_equal(fakes.tried, tried);
  assert_int_equal(job.entry, current);
  assert_int_equal(job.error, 0);
}

void assert_first(enum entry entry, int error) {
  assert_int_equal(job.first, entry);
  assert_int_equal(job.first_error, error);
}

static bool tell(enum mode mode, enum direction direction) {
  bool is_counted = run(mode, direction);

  attach_log(&told, &job);
  return is_counted;
}

bool tell_rx(enum mode mode) { return tell(mode, DIRECTION_RX); }

bool tell_tx(enum mode mode) { return tell(mode, DIRECTION_TX); }

bool tell_again(enum mode mode, enum entry current) {
  bool is_better = run_again(mode, current);

  attach_log(&told, &job);
  return is_better;
}

void keep_quiet(void) {
  memset(told.effects, true, sizeof(told.effects));
  memset(told.mtu, true, sizeof(told.mtu));
}
