// SPDX-License-Identifier: MIT

#include "plugin/port.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugin/clsact.h"
#include "plugin/datapath_private.h"
#include "plugin/descriptor.h"
#include "plugin/observer.h"

struct port {
  struct datapath *datapath;
  const struct shape *shape; /* of its elements */
  enum entry entry;
  unsigned ifindex;
  int elements;       /* descriptor of their map, -1: not needed any more */
  const char *memory; /* the elements */
  bool published;
  unsigned *members; /* by whose ifindex the elements are found as well */
  size_t members_count;
  int link;        /* descriptor, -1: none */
  bool has_filter; /* ... then maybe this */
  struct clsact filter;
  struct observer *observer; /* of ENTRY_OBSERVE */
};

/* Of newer kernel headers (linux/bpf.h). */
enum { TCX_INGRESS = 46, TCX_EGRESS = 47, BEFORE_OTHERS = 1U << 3 };

/* --- counters --------------------------------------------------------------*/

static size_t memory_size(const struct port *port) {
  size_t page = sysconf(_SC_PAGESIZE);
  size_t size = port->shape->element_size * port->datapath->cpus;

  return (size + page - 1) / page * page;
}

static struct element *element_at(const struct port *port, size_t cpu) {
  return (void *)(port->memory + cpu * port->shape->element_size);
}

/* Maps the elements, and says in each what a frame begins with. */
static int map_elements(struct port *port, enum link link, __u64 counters) {
  size_t size = memory_size(port);
  char *memory =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, port->elements, 0);

  if (memory == MAP_FAILED)
    return -errno;
  port->memory = memory;
  for (size_t i = 0; i < port->datapath->cpus; i++) {
    element_at(port, i)->link = link;
    element_at(port, i)->wanted = counters;
  }
  /* From here on the program alone writes. */
  return mprotect(memory, size, PROT_READ) == 0 ? 0 : -errno;
}

/* --- where the program finds them ------------------------------------------*/

static int map_of(const struct port *port, unsigned ifindex) {
  const struct directory *directory = &port->datapath->directories[port->entry];

  return bpf_map__fd(ifindex < IFINDEX_MAX ? directory->array
                                           : directory->beyond);
}

static bool is_taken(const struct port *port, unsigned ifindex) {
  __u32 id;

  return bpf_map_lookup_elem(map_of(port, ifindex), &ifindex, &id) == 0 &&
         id != port->shape->nobody_id;
}

/* The kernel waits until no program uses the old ones: once for a batch, which
 * it knows for maps of maps since 5.13. */
static int set_elements(int map, const unsigned *ifindexes, const int *elements,
                        size_t count) {
  __u32 done = count;

  if (count > 1 &&
      bpf_map_update_batch(map, ifindexes, elements, &done, NULL) == 0)
    return 0;
  for (size_t i = 0; i < count; i++) {
    int error = bpf_map_update_elem(map, &ifindexes[i], &elements[i], BPF_ANY);
    if (error)
      return error;
  }
  return 0;
}

/* An array of maps has no deletion of many at once: nobody stands for none. */
static void clear_elements(int nobody, int map, const unsigned *ifindexes,
                           int *elements, size_t count) {
  for (size_t i = 0; i < count; i++)
    elements[i] = nobody;
  if (ifindexes[0] < IFINDEX_MAX &&
      set_elements(map, ifindexes, elements, count) == 0)
    return;
  __u32 done = count;
  if (bpf_map_delete_batch(map, ifindexes, &done, NULL) == 0)
    return;
  for (size_t i = 0; i < count; i++)
    bpf_map_delete_elem(map, &ifindexes[i]);
}

/* Ports of one map, a batch. */
struct batch {
  int nobody;
  unsigned *ifindexes;
  int *elements;
  size_t count;
};

static bool batch_new(struct batch *batch, size_t count) {
  batch->ifindexes = calloc(count, sizeof(*batch->ifindexes));
  batch->elements = calloc(count, sizeof(*batch->elements));
  return batch->ifindexes && batch->elements;
}

static void batch_free(struct batch *batch) {
  free(batch->ifindexes);
  free(batch->elements);
}

/* Collects the ports whose state is `published` and that are found in the same
 * map as the first of them. Returns that map, or -1: none is left. */
static int batch_next(struct batch *batch, struct port *const *ports,
                      size_t count, bool published) {
  int map = -1;

  batch->count = 0;
  for (size_t i = 0; i < count; i++) {
    if (ports[i]->published != published)
      continue;
    int its = map_of(ports[i], ports[i]->ifindex);
    if (map >= 0 && its != map)
      continue;
    map = its;
    batch->nobody = ports[i]->shape->nobody;
    batch->ifindexes[batch->count] = ports[i]->ifindex;
    batch->elements[batch->count++] = ports[i]->elements;
  }
  return map;
}

static void mark(struct port *const *ports, size_t count, int map,
                 bool published) {
  for (size_t i = 0; i < count; i++)
    if (map_of(ports[i], ports[i]->ifindex) == map)
      ports[i]->published = published;
}

int ports_publish(struct port *const *ports, size_t count) {
  struct batch batch;
  int error = batch_new(&batch, count) ? 0 : -ENOMEM, map;

  while (!error && (map = batch_next(&batch, ports, count, false)) >= 0) {
    error = set_elements(map, batch.ifindexes, batch.elements, batch.count);
    /* Of a batch that failed some may be there. */
    mark(ports, count, map, true);
  }
  batch_free(&batch);
  if (error)
    ports_unpublish(ports, count);
  return error;
}

/* Takes no memory. */
static void unpublish(struct port *port) {
  int elements;

  if (port->published)
    clear_elements(port->shape->nobody, map_of(port, port->ifindex),
                   &port->ifindex, &elements, 1);
  port->published = false;
}

void ports_unpublish(struct port *const *ports, size_t count) {
  struct batch batch;
  int map;

  for (size_t i = 0; i < count; i++)
    while (ports[i]->members_count)
      port_remove_member(ports[i],
                         ports[i]->members[ports[i]->members_count - 1]);
  if (batch_new(&batch, count)) {
    while ((map = batch_next(&batch, ports, count, true)) >= 0) {
      clear_elements(batch.nobody, map, batch.ifindexes, batch.elements,
                     batch.count);
      mark(ports, count, map, false);
    }
  } else {
    for (size_t i = 0; i < count; i++)
      unpublish(ports[i]);
  }
  batch_free(&batch);
}

int port_add_member(struct port *port, unsigned ifindex) {
  if (is_taken(port, ifindex))
    return -EALREADY;
  unsigned *members =
      reallocarray(port->members, port->members_count + 1, sizeof(*members));
  if (!members)
    return -ENOMEM;
  port->members = members;
  int error = set_elements(map_of(port, ifindex), &ifindex, &port->elements, 1);
  if (!error)
    members[port->members_count++] = ifindex;
  return error;
}

void port_remove_member(struct port *port, unsigned ifindex) {
  int elements;

  for (size_t i = 0; i < port->members_count; i++) {
    if (port->members[i] != ifindex)
      continue;
    clear_elements(port->shape->nobody, map_of(port, ifindex), &ifindex,
                   &elements, 1);
    port->members[i] = port->members[--port->members_count];
    return;
  }
}

/* --- its life --------------------------------------------------------------*/

/* Takes the observer over. */
static int make_port(struct datapath *datapath, enum entry entry,
                     struct observer *observer, unsigned ifindex,
                     enum link link, __u64 counters, struct port **ret_port) {
  struct port *port = calloc(1, sizeof(*port));
  if (!port) {
    observer_close(observer);
    return -ENOMEM;
  }
  *port = (struct port){.datapath = datapath,
                        .shape = observer ? &datapath->observed_shape
                                          : &datapath->shape,
                        .entry = entry,
                        .observer = observer,
                        .ifindex = ifindex,
                        .elements = -1,
                        .link = -1};

  int error = is_taken(port, ifindex) ? -EALREADY : 0;
  if (!error)
    error = port->elements =
        descriptor_move_up(datapath_create_elements(datapath, port->shape));
  if (error >= 0)
    error = map_elements(port, link, counters);
  if (error)
    port_free(port);
  else
    *ret_port = port;
  return error;
}

int port_new(struct datapath *datapath, enum entry entry, unsigned ifindex,
             enum link link, __u64 counters, struct port **ret_port) {
  return datapath->programs[entry] ? make_port(datapath, entry, NULL, ifindex,
                                               link, counters, ret_port)
                                   : -EOPNOTSUPP;
}

int port_new_beside(struct datapath *datapath, __u32 program, unsigned ifindex,
                    enum link link, __u64 counters, struct port **ret_port) {
  struct observer *observer;
  int error = observer_open(datapath, program, &observer);

  return error ? error
               : make_port(datapath, ENTRY_OBSERVE, observer, ifindex, link,
                           counters, ret_port);
}

static int create_link(struct port *port, int type, unsigned flags) {
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);

  port->link = descriptor_move_up(
      bpf_link_create(datapath_program(port->datapath, port->entry),
                      port->ifindex, type, &options));
  return port->link < 0 ? port->link : 0;
}

static int attach_filter(struct port *port, enum attachment *ret_attachment) {
  int error =
      clsact_attach(datapath_program(port->datapath, port->entry),
                    port->ifindex, port->entry == ENTRY_TC_TX, &port->filter);

  if (error)
    return error;
  port->has_filter = true;
  *ret_attachment =
      port->filter.is_behind ? ATTACHED_BEHIND : ATTACHED_BY_FILTER;
  return 0;
}

/* The kernel does not know the type of attachment before 6.6. */
static int attach_tc(struct port *port, enum attachment *ret_attachment) {
  int error =
      create_link(port, port->entry == ENTRY_TC_TX ? TCX_EGRESS : TCX_INGRESS,
                  BEFORE_OTHERS);

  return error == -EINVAL ? attach_filter(port, ret_attachment) : error;
}

int port_attach(struct port *port, enum attachment *ret_attachment) {
  *ret_attachment = ATTACHED_BY_LINK;
  switch (port->entry) {
  case ENTRY_NATIVE:
  case ENTRY_NATIVE_FRAGS:
    return create_link(port, BPF_XDP, XDP_FLAGS_DRV_MODE);
  case ENTRY_GENERIC:
    return create_link(port, BPF_XDP, XDP_FLAGS_SKB_MODE);
  case ENTRY_OBSERVE:
    return observer_attach(port->observer);
  default:
    return attach_tc(port, ret_attachment);
  }
}

int port_want(struct port *port, __u64 counters) {
  size_t size = memory_size(port);

  if (mprotect((void *)port->memory, size, PROT_READ | PROT_WRITE) != 0)
    return -errno;
  for (size_t i = 0; i < port->datapath->cpus; i++)
    element_at(port, i)->wanted = counters;
  return mprotect((void *)port->memory, size, PROT_READ) == 0 ? 0 : -errno;
}

/* It is there before the old one goes, so that nothing is missed of a program
 * that both could see. */
int port_follow(struct port *port, __u32 program) {
  struct observer *observer;
  int error = observer_open(port->datapath, program, &observer);

  if (error)
    return error;
  error = observer_attach(observer);
  if (error) {
    observer_close(observer);
    return error;
  }
  observer_close(port->observer);
  port->observer = observer;
  return 0;
}

void port_seal(struct port *port) {
  if (port->elements >= 0)
    close(port->elements);
  port->elements = -1;
}

bool port_is_attached(const struct port *port) {
  struct bpf_link_info info = {0};
  __u32 size = sizeof(info);

  if (port->has_filter)
    return clsact_is_attached(&port->filter);
  /* The ifindex of tcx is in the same place. */
  return port->link < 0 ||
         bpf_obj_get_info_by_fd(port->link, &info, &size) != 0 ||
         info.xdp.ifindex;
}

void port_detach(struct port *port) {
  if (port->link >= 0)
    close(port->link);
  port->link = -1;
  if (port->has_filter)
    clsact_detach(&port->filter);
  port->has_filter = false;
  port->observer = observer_close(port->observer);
}

struct port *port_free(struct port *port) {
  if (!port)
    return NULL;
  port_detach(port);
  if (port->memory)
    munmap((void *)port->memory, memory_size(port));
  port_seal(port);
  free(port->members);
  free(port);
  return NULL;
}

void port_leave(struct port *port) {
  port->link = -1;
  port->observer = NULL;
  port_free(port);
}

/* --- reading ---------------------------------------------------------------*/

/* Loads that the compiler neither splits nor repeats: the CPU goes on
 * counting. */
static struct cell load_cell(const struct cell *cell) {
  return (struct cell){__atomic_load_n(&cell->packets, __ATOMIC_RELAXED),
                       __atomic_load_n(&cell->octets, __ATOMIC_RELAXED)};
}

static void add_cell(struct cell *sum, const struct cell *cell) {
  sum->packets += cell->packets;
  sum->octets += cell->octets;
}

/* Each cell is read once, so that the total is the sum of what is told. */
static void add_element(const struct port *port, const struct element *element,
                        struct counts *counts, struct cell *cpu) {
  *cpu = (struct cell){0};
  for (size_t i = 0; i < port->shape->cells; i++) {
    struct cell cell = load_cell(&element->cells[i]);
    add_cell(&counts->cells[i], &cell);
    if (i < port->datapath->cells_of_total)
      add_cell(cpu, &cell);
  }
  add_cell(&counts->total, cpu);
}

void port_read(const struct port *port, struct counts *counts) {
  const struct datapath *datapath = port->datapath;

  counts->total = (struct cell){0};
  memset(counts->cells, 0, counts->cells_count * sizeof(*counts->cells));
  for (size_t i = 0; i < datapath->cpus; i++)
    add_element(port, element_at(port, i), counts, &counts->cpus[i].total);
}
