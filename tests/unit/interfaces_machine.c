// SPDX-License-Identifier: MIT

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "plugin/clsact.h"
#include "plugin/monitor.h"
#include "plugin/places.h"
#include "tests/unit/interfaces_fakes_private.h"

enum { CARDS_MAX = 160, EVENTS_MAX = 320, PORTS_MAX = 640 };

struct card {
  struct link_state link; /* ifindex 0: there is none */
  __u32 program;
  unsigned queues;
  struct outcome outcomes[DIRECTION_COUNT];
};

struct event {
  struct link_state after;
  bool is_removed;
};

struct port {
  unsigned ifindex;
  enum direction direction;
  __u32 program; /* somebody else's, that it observes; 0: it is our own */
  bool is_attached, is_detached, is_published;
  struct cell total;
};

struct monitor {
  int unused;
};

static struct card cards[CARDS_MAX]; /* what there is */
static struct link_state known[CARDS_MAX];
static struct event events[EVENTS_MAX];
static size_t events_count;
static struct port *ports[PORTS_MAX]; /* that were made and not freed */
static struct monitor the_monitor;
static bool is_open;

/* --- what the kernel knows -------------------------------------------------*/

static struct card *card_of(unsigned ifindex) {
  for (size_t i = 0; i < CARDS_MAX; i++)
    if (cards[i].link.ifindex == ifindex)
      return &cards[i];
  return NULL;
}

static struct card *card_called(const char *name) {
  for (size_t i = 0; i < CARDS_MAX; i++)
    if (cards[i].link.ifindex && strcmp(cards[i].link.name, name) == 0)
      return &cards[i];
  return NULL;
}

char *__wrap_if_indextoname(unsigned ifindex, char *name);

char *__wrap_if_indextoname(unsigned ifindex, char *name) {
  const struct card *card = card_of(ifindex);

  errno = fakes.ifindex_errno ? fakes.ifindex_errno : ENXIO;
  return card && !fakes.ifindex_errno ? strcpy(name, card->link.name) : NULL;
}

/* "alternative" is another name of the first card. */
unsigned __wrap_if_nametoindex(const char *name);

unsigned __wrap_if_nametoindex(const char *name) {
  const struct card *card = card_called(name);

  if (strcmp(name, "alternative") == 0)
    card = &cards[0];
  return card ? card->link.ifindex : 0;
}

unsigned __wrap_device_rx_queues(const char *name);

unsigned __wrap_device_rx_queues(const char *name) {
  const struct card *card = card_called(name);

  asks("queues", name);
  return card ? card->queues : 0;
}

void __wrap_device_query_driver(const char *name, struct device *device);

void __wrap_device_query_driver(const char *name, struct device *device) {
  const struct card *card = card_called(name);

  asks("driver", name);
  if (!card)
    return;
  strcpy(device->driver, "fake");
  device->rx_queues = card->queues;
  device->merges = fakes.merges;
  device->strips_tags = fakes.strips_tags;
}

/* --- the monitor -----------------------------------------------------------*/

static struct link_state *known_of(unsigned ifindex) {
  for (size_t i = 0; i < CARDS_MAX; i++)
    if (known[i].ifindex == ifindex)
      return &known[i];
  return NULL;
}

static void know_all(void) {
  for (size_t i = 0; i < CARDS_MAX; i++)
    known[i] = cards[i].link;
  events_count = 0;
}

int monitor_open(struct monitor **ret_monitor) {
  expect_in_thread(!is_open);
  if (fakes.open_error)
    return fakes.open_error;
  is_open = true;
  fakes.opened++;
  know_all();
  *ret_monitor = &the_monitor;
  return 0;
}

struct monitor *monitor_close(struct monitor *monitor) {
  if (monitor)
    is_open = false;
  return NULL;
}

int monitor_fd(const struct monitor *monitor) {
  expect_in_thread(monitor == &the_monitor && is_open);
  return monitor_descriptor;
}

bool monitor_is_complete(const struct monitor *monitor) {
  expect_in_thread(monitor == &the_monitor && is_open);
  return !fakes.is_incomplete;
}

static void visit_event(const struct event *event, monitor_visitor *visit,
                        void *context) {
  struct link_state *link = known_of(event->after.ifindex);
  struct link_state before = link ? *link : (struct link_state){0};

  if (event->is_removed) {
    expect_in_thread(link);
    *link = (struct link_state){0};
    visit(context, &before, NULL);
    return;
  }
  if (!link)
    link = known_of(0);
  *link = event->after;
  visit(context, before.ifindex ? &before : NULL, link);
}

int monitor_read(struct monitor *monitor, monitor_visitor *visit,
                 void *context) {
  expect_in_thread(monitor == &the_monitor && is_open);
  if (fakes.read_error)
    return fakes.read_error;
  for (size_t i = 0; i < events_count; i++)
    visit_event(&events[i], visit, context);
  events_count = 0;
  int status = fakes.is_overrun;
  fakes.is_overrun = false;
  return status;
}

const struct link_state *monitor_find(const struct monitor *monitor,
                                      unsigned ifindex) {
  expect_in_thread(monitor == &the_monitor && is_open);
  return known_of(ifindex);
}

const struct link_state *monitor_next(const struct monitor *monitor,
                                      const struct link_state *previous) {
  expect_in_thread(monitor == &the_monitor && is_open);
  for (size_t i = previous ? previous - known + 1 : 0; i < CARDS_MAX; i++)
    if (known[i].ifindex)
      return &known[i];
  return NULL;
}

/* Of every tenth. */
bool monitor_has_vlan(const struct monitor *monitor, unsigned ifindex) {
  expect_in_thread(monitor == &the_monitor && is_open);
  return ifindex % 10 == 0;
}

int monitor_query_xdp(unsigned ifindex, struct xdp_state *ret_xdp) {
  const struct card *card = card_of(ifindex);

  fakes.xdp_queries++;
  fakes.now += fakes.xdp_takes;
  if (fakes.xdp_error || !card)
    return fakes.xdp_error ? fakes.xdp_error : -ENODEV;
  *ret_xdp = (struct xdp_state){.program = card->program};
  return 0;
}

/* --- ports -----------------------------------------------------------------*/

static struct port *port_make(const struct attach_job *job) {
  struct port *port = __real_malloc(sizeof(*port));
  size_t i = 0;

  expect_in_thread(port);
  expect_in_thread(job->entry != ENTRY_OBSERVE || job->xdp.program);
  *port = (struct port){.ifindex = job->device->ifindex,
                        .direction = job->direction,
                        .program =
                            job->entry == ENTRY_OBSERVE ? job->xdp.program : 0,
                        .is_attached = true,
                        .is_published = true};
  while (ports[i])
    i++;
  expect_in_thread(i < PORTS_MAX);
  return ports[i] = port;
}

/* That is attached, if there is one: another one may be retired. */
static struct port *port_of(unsigned ifindex, enum direction direction) {
  struct port *found = NULL;

  for (size_t i = 0; i < PORTS_MAX; i++)
    if (ports[i] && ports[i]->ifindex == ifindex &&
        ports[i]->direction == direction && (!found || ports[i]->is_attached))
      found = ports[i];
  return found;
}

void port_detach(struct port *port) {
  expect_in_thread(!port->is_detached);
  card_passes(port->ifindex, fakes.frames_until_end);
  be_slow(fakes.is_detach_slow);
  port->is_attached = false;
  port->is_detached = true;
  happens("detach %u %s\n", port->ifindex, direction_name(port->direction));
  card_passes(port->ifindex, fakes.frames_of_end);
}

/* The one before is observed where there is an error. */
int port_follow(struct port *port, __u32 program) {
  expect_in_thread(port->is_attached && port->program);
  expect_in_thread(program && program != port->program);
  happens("follow %u %u\n", port->ifindex, program);
  if (!fakes.follow_error)
    port->program = program;
  return fakes.follow_error;
}

bool port_is_attached(const struct port *port) { return port->is_attached; }

/* What still is attached would go on counting. */
void ports_unpublish(struct port *const *list, size_t count) {
  expect_in_thread(count);
  happens("unpublish");
  for (size_t i = 0; i < count; i++) {
    expect_in_thread(list[i]->is_detached && list[i]->is_published);
    list[i]->is_published = false;
    happens(" %u", list[i]->ifindex);
  }
  happens("\n");
}

static void port_end(struct port *port) {
  size_t i = 0;

  while (ports[i] != port)
    i++;
  ports[i] = NULL;
  free(port);
}

/* While there is a datapath, nothing that is published is freed. */
struct port *port_free(struct port *port) {
  if (!port)
    return NULL;
  expect_in_thread(!port->is_published || is_stopping);
  fakes.now += fakes.port_takes;
  port_end(port);
  return NULL;
}

/* It is the end, and there is one. */
void port_leave(struct port *port) {
  expect_in_thread(port && is_stopping);
  happens("leave %u %s\n", port->ifindex, direction_name(port->direction));
  port_end(port);
}

void port_read(const struct port *port, struct counts *counts) {
  counts->total = counts->cells[0] = counts->cpus[0].total = port->total;
  counts->cells[1] = port->program ? port->total : (struct cell){0};
}

int port_want(struct port *port, __u64 counters) {
  expect_in_thread(port->is_attached);
  happens("want %llx of %u\n", (unsigned long long)counters, port->ifindex);
  return 0;
}

int port_add_member(struct port *port, unsigned ifindex) {
  expect_in_thread(port->is_published && port->direction == DIRECTION_RX);
  happens("add %u to %u\n", ifindex, port->ifindex);
  return fakes.member_error;
}

void port_remove_member(struct port *port, unsigned ifindex) {
  expect_in_thread(port->is_published && port->direction == DIRECTION_RX);
  happens("remove %u from %u\n", ifindex, port->ifindex);
}

struct counts *datapath_new_counts(const struct datapath *datapath) {
  struct counts *counts = calloc(1, sizeof(*counts) + sizeof(struct cpu_count));

  expect_in_thread(datapath == THE_DATAPATH);
  if (!counts)
    return NULL;
  counts->cells_count = 2;
  counts->cpus_count = 1;
  return counts;
}

size_t machine_ports(void) {
  size_t count = 0;

  for (size_t i = 0; i < PORTS_MAX; i++)
    count += ports[i] != NULL;
  return count;
}

void clsact_sweep(void) {
  happens("sweep\n");
  be_slow(fakes.is_sweep_slow);
}

/* --- attaching -------------------------------------------------------------*/

static void check_job(const struct attach_job *job) {
  expect_in_thread(!job->port && !job->error && !job->is_busy);
  expect_in_thread(job->settings == selection_find(&selection, job->name));
  expect_in_thread(job->settings->directions & DIRECTION_BIT(job->direction));
  fakes.last_job = *job;
  fakes.last_device = *job->device;
}

/* As the real one: what is counted stays so where nothing better is to be
 * had, if a test says no other. */
static void do_job(struct attach_job *job, const atomic_bool *stopping) {
  struct card *card = card_of(job->device->ifindex);
  struct outcome outcome = card->outcomes[job->direction];

  check_job(job);
  snprintf(fakes.tried + strlen(fakes.tried),
           sizeof(fakes.tried) - strlen(fakes.tried), "%s%s %s",
           *fakes.tried ? ", " : "", job->name, direction_name(job->direction));
  be_slow(fakes.slow_card == job->device->ifindex);
  if (outcome.program_goes)
    card->program = 0;
  if (outcome.goes)
    card_remove(job->device->ifindex);
  if (*stopping)
    outcome = (struct outcome){.entry = outcome.entry, .error = -ECANCELED};
  job->entry = outcome.entry;
  job->is_busy = outcome.is_busy;
  if (job->is_busy && !fakes.xdp_error)
    job->xdp.program = card->program;
  job->observe_error = outcome.observe_error;
  job->first = outcome.first;
  job->first_error = outcome.first_error;
  job->error = outcome.error;
  if (job->current && job->error && outcome.gives_up)
    return;
  if (job->current && (job->error || *job->current == job->entry)) {
    job->entry = *job->current;
    job->error = 0;
  } else if (!job->error) {
    job->port = port_make(job);
    job->attachment = outcome.attachment;
    if (job->current)
      card_passes(job->device->ifindex, fakes.frames_of_both);
  }
}

void attach_jobs(const struct attach_batch *batch) {
  expect_in_thread(batch->datapath == THE_DATAPATH && batch->count);
  pthread_sigmask(SIG_BLOCK, NULL, &fakes.signals);
  fakes.jobs += batch->count;
  for (size_t i = 0; i < batch->count; i++) {
    do_job(&batch->jobs[i], batch->stopping);
    batch->settled(batch->context, &batch->jobs[i]);
  }
}

/* --- the machine -----------------------------------------------------------*/

static void announce(const struct link_state *after, bool is_removed) {
  assert_true(events_count < EVENTS_MAX);
  events[events_count++] = (struct event){*after, is_removed};
}

static struct card *card_there(unsigned ifindex) {
  struct card *card = card_of(ifindex);

  assert_true(ifindex && card);
  return card;
}

void card_add(unsigned ifindex, const char *name) {
  struct card *card = card_of(0);

  assert_non_null(card);
  *card = (struct card){.link = {.ifindex = ifindex, .mtu = 1500},
                        .queues = ifindex + 1};
  card->outcomes[DIRECTION_TX].entry = ENTRY_TC_TX;
  strcpy(card->link.name, name);
  announce(&card->link, false);
}

/* What is attached goes with the card. */
static void end_ports(unsigned ifindex) {
  for (size_t i = 0; i < PORTS_MAX; i++)
    if (ports[i] && ports[i]->ifindex == ifindex)
      ports[i]->is_attached = false;
}

void card_remove_unheard(unsigned ifindex) {
  end_ports(ifindex);
  *card_there(ifindex) = (struct card){0};
}

void card_remove(unsigned ifindex) {
  announce(&card_there(ifindex)->link, true);
  card_remove_unheard(ifindex);
}

void card_remake_unheard(unsigned ifindex) {
  assert_non_null(card_there(ifindex));
  end_ports(ifindex);
}

void card_rename_unheard(unsigned ifindex, const char *name) {
  strcpy(card_there(ifindex)->link.name, name);
}

void card_rename(unsigned ifindex, const char *name) {
  card_rename_unheard(ifindex, name);
  announce(&card_there(ifindex)->link, false);
}

void card_change(unsigned ifindex) {
  card_there(ifindex)->link.mtu++;
  announce(&card_there(ifindex)->link, false);
}

void card_set_flags(unsigned ifindex, unsigned flags) {
  card_there(ifindex)->link.flags = flags;
  announce(&card_there(ifindex)->link, false);
}

void card_enslave(unsigned ifindex, unsigned master) {
  card_there(ifindex)->link.master = master;
  announce(&card_there(ifindex)->link, false);
}

void card_set_kind(unsigned ifindex, const char *kind) {
  strcpy(card_there(ifindex)->link.kind, kind);
}

void card_set_type(unsigned ifindex, unsigned short type) {
  card_there(ifindex)->link.type = type;
}

void card_set_queues(unsigned ifindex, unsigned queues) {
  card_there(ifindex)->queues = queues;
}

void card_announce(unsigned ifindex) {
  announce(&card_there(ifindex)->link, false);
}

void card_lose_program(unsigned ifindex, enum direction direction) {
  struct port *port = port_of(ifindex, direction);

  assert_true(port && port->is_attached);
  port->is_attached = false;
}

void card_set_program(unsigned ifindex, __u32 program) {
  card_there(ifindex)->program = program;
}

void card_exchange_program(unsigned ifindex, __u32 program) {
  struct card *card = card_there(ifindex);

  card->program = card->link.xdp.program = program;
  announce(&card->link, false);
}

void card_answers(unsigned ifindex, enum direction direction,
                  struct outcome outcome) {
  card_there(ifindex)->outcomes[direction] = outcome;
}

void card_refuses(unsigned ifindex, enum direction direction, int error) {
  card_there(ifindex)->outcomes[direction].error = error;
}

void card_accepts(unsigned ifindex, enum direction direction) {
  card_refuses(ifindex, direction, 0);
}

bool card_is_counted(unsigned ifindex, enum direction direction) {
  const struct port *port = port_of(ifindex, direction);

  return port && port->is_attached;
}

/* A program that is not there sees nothing, nor does who observes it. */
static bool sees(const struct port *port, unsigned ifindex) {
  const struct card *card = card_of(ifindex);

  return port->ifindex == ifindex && port->is_attached &&
         (!port->program || (card && port->program == card->program));
}

void card_passes(unsigned ifindex, unsigned count) {
  for (size_t i = 0; i < PORTS_MAX; i++) {
    if (!ports[i] || !sees(ports[i], ifindex))
      continue;
    ports[i]->total.packets += count;
    ports[i]->total.octets += 100ULL * count;
  }
}

/* Ports of a test that failed are not the next one's. */
void machine_reset(void) {
  for (size_t i = 0; i < PORTS_MAX; i++) {
    free(ports[i]);
    ports[i] = NULL;
  }
  memset(cards, 0, sizeof(cards));
  memset(known, 0, sizeof(known));
  events_count = 0;
  is_open = false;
}

bool machine_has_monitor(void) { return is_open; }
