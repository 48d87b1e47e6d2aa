// SPDX-License-Identifier: MIT

#include "plugin/datapath.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bpf/entries.skel.h"
#include "plugin/clsact.h"
#include "plugin/cpus.h"
#include "plugin/groups.h"
#include "plugin/log.h"
#include "plugin/privileges.h"

/* Elements of different CPUs share no cache line. */
enum { CACHE_LINE = 64 };

/* Of newer kernel headers (linux/bpf.h). */
enum { TCX_INGRESS = 46, TCX_EGRESS = 47, BEFORE_OTHERS = 1U << 3 };

struct datapath {
  struct entries *object;
  struct bpf_program *programs[ENTRY_COUNT]; /* NULL: not loaded */
  struct bpf_map *interfaces[ENTRY_COUNT];   /* where it finds the counters */
  struct layout layout;
  size_t cells;          /* of an element */
  size_t cells_of_total; /* the first of them, which add up to the total */
  size_t element_size;   /* octets */
  size_t cpus;           /* elements of a port */
  bool *online;          /* by CPU, when the programs were loaded */
};

struct port {
  struct datapath *datapath;
  enum entry entry;
  unsigned ifindex;
  int elements;    /* descriptor of their map, until it is attached */
  int link;        /* descriptor, -1: none */
  bool has_filter; /* ... then maybe this */
  struct clsact filter;
  const char *memory; /* the elements */
  unsigned *keys;     /* under which the program finds them */
  size_t keys_count;
};

static size_t round_up(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/* The first warning of libbpf while its lines are ours, see libbpf_listen(). */
static _Thread_local char libbpf_warning[256];

static int on_libbpf_line(enum libbpf_print_level level, const char *format,
                          va_list arguments) {
  char line[1024];

  vsnprintf(line, sizeof(line), format, arguments);
  line[strcspn(line, "\n")] = '\0';
  if (level == LIBBPF_WARN && !libbpf_warning[0])
    snprintf(libbpf_warning, sizeof(libbpf_warning), "%.255s", line);
  log_write(LOG_DEBUG, "%s", line);
  return 0;
}

/* Takes over libbpf's lines, which go to a closed stderr once collectd is a
 * daemon. The hook belongs to the process: it is to be put back. */
static libbpf_print_fn_t libbpf_listen(void) {
  libbpf_warning[0] = '\0';
  return libbpf_set_print(on_libbpf_line);
}

/* Cause and remedy of an error that capabilities do not explain. */
static const char *describe(int error) {
  switch (-error) {
  case EPERM:
    return "the kernel refuses bpf() although the capabilities are there: look "
           "for a seccomp filter, a user namespace or, before Linux 5.11, a "
           "LimitMEMLOCK= other than infinity";
  case ENOSYS:
    return "the kernel has no BPF: boot one with CONFIG_BPF_SYSCALL, of 5.10 "
           "or later";
  case EINVAL:
    return "the kernel does not know what it needs: boot one of 5.10 or later";
  case ENOMEM:
    return "no memory for BPF: raise the limit of collectd's control group";
  case EMFILE:
  case ENFILE:
    return "out of file descriptors: raise LimitNOFILE= of collectd's systemd "
           "unit";
  default:
    return strerror(-error);
  }
}

/* One line for the operator. libbpf's own hint to raise the limit of locked
 * memory appears on any EPERM, and misleads. */
static void explain(int error, char *why, size_t why_size) {
  bool refused = error == -EPERM || error == -EACCES;
  bool is_named = error == -EPERM || error == -ENOSYS;
  char missing[64];

  if (refused && privileges_missing(missing, sizeof(missing)))
    snprintf(why, why_size,
             "%s missing: run collectd as root, or add it to "
             "AmbientCapabilities= and CapabilityBoundingSet= of its systemd "
             "unit",
             missing);
  else if (is_named || !libbpf_warning[0])
    snprintf(why, why_size, "%s", describe(error));
  else
    snprintf(why, why_size, "%s; %s", describe(error), libbpf_warning);
}

/* On PREEMPT_RT the softirq that counts can be preempted by another one. */
static bool is_preempt_rt(void) {
  struct utsname name;

  return uname(&name) == 0 && strstr(name.version, "PREEMPT_RT");
}

/* The map of one port: an array of elements, one per CPU. */
static int create_elements(const struct datapath *datapath) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);

  return bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdp_counters", sizeof(__u32),
                        datapath->element_size, datapath->cpus, &options);
}

static void list_programs(struct datapath *datapath) {
  struct entries *object = datapath->object;
  struct bpf_program *const programs[ENTRY_COUNT] = {
      [ENTRY_NATIVE] = object->progs.collectd_xdp,
      [ENTRY_NATIVE_FRAGS] = object->progs.collectd_frags,
      [ENTRY_GENERIC] = object->progs.collectd_skb,
      [ENTRY_TC_RX] = object->progs.collectd_tc_rx,
      [ENTRY_TC_TX] = object->progs.collectd_tc_tx,
  };
  struct bpf_map *const interfaces[ENTRY_COUNT] = {
      [ENTRY_NATIVE] = object->maps.xdp_interfaces,
      [ENTRY_NATIVE_FRAGS] = object->maps.xdp_interfaces,
      [ENTRY_GENERIC] = object->maps.xdp_interfaces,
      [ENTRY_TC_RX] = object->maps.tc_rx_interfaces,
      [ENTRY_TC_TX] = object->maps.tc_tx_interfaces,
  };

  memcpy(datapath->programs, programs, sizeof(programs));
  memcpy(datapath->interfaces, interfaces, sizeof(interfaces));
}

/* Leaves out the programs of other entries and the maps that only they use. */
static void select_entries(struct datapath *datapath, unsigned entries) {
  for (enum entry e = 0; e < ENTRY_COUNT; e++)
    bpf_map__set_autocreate(datapath->interfaces[e], false);
  for (enum entry e = 0; e < ENTRY_COUNT; e++) {
    if (entries & ENTRY_BIT(e)) {
      bpf_map__set_autocreate(datapath->interfaces[e], true);
    } else {
      bpf_program__set_autoload(datapath->programs[e], false);
      datapath->programs[e] = NULL;
    }
  }
}

/* All outer maps have to know what their inner ones look like. */
static int set_inner_maps(const struct entries *object, int elements) {
  struct bpf_map *map;

  bpf_object__for_each_map(map, object->obj) {
    if (bpf_map__type(map) != BPF_MAP_TYPE_ARRAY_OF_MAPS)
      continue;
    int error = bpf_map__set_inner_map_fd(map, elements);
    if (error)
      return error;
  }
  return 0;
}

static int load(struct datapath *datapath, unsigned entries) {
  struct entries *object = datapath->object = entries__open();
  if (!object)
    return -errno;

  list_programs(datapath);
  select_entries(datapath, entries);
  object->rodata->options.layout = datapath->layout;
  object->rodata->options.atomic = is_preempt_rt();

  /* libbpf raises the limit of locked memory where the kernel needs it. */
  int elements = create_elements(datapath);
  if (elements < 0)
    return elements;
  int error = set_inner_maps(object, elements);
  if (!error)
    error = entries__load(object);
  close(elements);
  return error;
}

/* Before Linux 5.18 there is all but frames of several buffers. */
static int load_what_there_is(struct datapath *datapath, unsigned entries) {
  unsigned rest = entries & ~ENTRY_BIT(ENTRY_NATIVE_FRAGS);

  int error = load(datapath, entries);
  if (error != -EINVAL || rest == entries)
    return error;
  entries__destroy(datapath->object);
  libbpf_warning[0] = '\0';
  return load(datapath, rest);
}

static int count_cpus(struct datapath *datapath) {
  int cpus = cpus_possible();
  if (cpus < 0)
    return cpus;

  datapath->cpus = cpus;
  datapath->online = calloc(cpus, sizeof(*datapath->online));
  return datapath->online ? cpus_online(datapath->online, cpus) : -ENOMEM;
}

static void lay_out(struct datapath *datapath, __u32 groups) {
  datapath->cells = groups_lay_out(groups, &datapath->layout);
  datapath->cells_of_total = groups_members(groups_of_total(&datapath->layout));
  datapath->element_size =
      round_up(sizeof(struct element) + datapath->cells * sizeof(struct cell),
               CACHE_LINE);
}

int datapath_open(__u32 groups, unsigned entries,
                  struct datapath **ret_datapath, char *why, size_t why_size) {
  struct datapath *datapath = calloc(1, sizeof(*datapath));
  int error = datapath ? count_cpus(datapath) : -ENOMEM;

  if (error) {
    snprintf(why, why_size, "cannot tell the number of CPUs: %s; mount /sys",
             strerror(-error));
  } else {
    lay_out(datapath, groups);
    libbpf_print_fn_t previous = libbpf_listen();
    error = load_what_there_is(datapath, entries);
    libbpf_set_print(previous);
    if (error)
      explain(error, why, why_size);
  }
  if (error)
    datapath_close(datapath);
  else
    *ret_datapath = datapath;
  return error;
}

struct datapath *datapath_close(struct datapath *datapath) {
  if (!datapath)
    return NULL;
  entries__destroy(datapath->object);
  free(datapath->online);
  free(datapath);
  return NULL;
}

int datapath_program(const struct datapath *datapath, enum entry entry) {
  const struct bpf_program *program = datapath->programs[entry];

  return program ? bpf_program__fd(program) : -1;
}

static size_t memory_size(const struct datapath *datapath) {
  return round_up(datapath->element_size * datapath->cpus,
                  sysconf(_SC_PAGESIZE));
}

static int interfaces_fd(const struct port *port) {
  return bpf_map__fd(port->datapath->interfaces[port->entry]);
}

static struct element *element_at(const struct datapath *datapath,
                                  const char *memory, size_t cpu) {
  return (void *)(memory + cpu * datapath->element_size);
}

/* Maps the elements, and says in each what a frame begins with. */
static int map_elements(struct port *port, enum link link) {
  const struct datapath *datapath = port->datapath;
  size_t size = memory_size(datapath);
  char *memory =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, port->elements, 0);

  if (memory == MAP_FAILED)
    return -errno;
  port->memory = memory;
  for (size_t i = 0; i < datapath->cpus; i++)
    element_at(datapath, memory, i)->link = link;
  /* From here on the program alone writes. */
  return mprotect(memory, size, PROT_READ) == 0 ? 0 : -errno;
}

int port_add_member(struct port *port, unsigned ifindex) {
  int interfaces = interfaces_fd(port);
  __u32 id;

  if (ifindex >= IFINDEX_MAX)
    return -E2BIG;
  if (bpf_map_lookup_elem(interfaces, &ifindex, &id) == 0)
    return -EALREADY;
  unsigned *keys =
      reallocarray(port->keys, port->keys_count + 1, sizeof(*keys));
  if (!keys)
    return -ENOMEM;
  port->keys = keys;
  int error =
      bpf_map_update_elem(interfaces, &ifindex, &port->elements, BPF_ANY);
  if (!error)
    keys[port->keys_count++] = ifindex;
  return error;
}

int port_open(struct datapath *datapath, enum entry entry, unsigned ifindex,
              enum link link, struct port **ret_port) {
  if (!datapath->programs[entry])
    return -EOPNOTSUPP;
  struct port *port = calloc(1, sizeof(*port));
  if (!port)
    return -ENOMEM;
  *port = (struct port){
      .datapath = datapath, .entry = entry, .ifindex = ifindex, .link = -1};

  port->elements = create_elements(datapath);
  int error = port->elements < 0 ? port->elements : map_elements(port, link);
  if (!error)
    error = port_add_member(port, ifindex);
  if (error)
    port_close(port);
  else
    *ret_port = port;
  return error;
}

static int create_link(struct port *port, int type, unsigned flags) {
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);

  int fd = bpf_link_create(datapath_program(port->datapath, port->entry),
                           port->ifindex, type, &options);
  if (fd < 0)
    return fd;
  port->link = fd;
  return 0;
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

static int attach(struct port *port, enum attachment *ret_attachment) {
  *ret_attachment = ATTACHED_BY_LINK;
  switch (port->entry) {
  case ENTRY_NATIVE:
  case ENTRY_NATIVE_FRAGS:
    return create_link(port, BPF_XDP, XDP_FLAGS_DRV_MODE);
  case ENTRY_GENERIC:
    return create_link(port, BPF_XDP, XDP_FLAGS_SKB_MODE);
  default:
    return attach_tc(port, ret_attachment);
  }
}

/* The elements are there already: an interface without them passes uncounted.
 * Their descriptor is of no more use. */
int port_attach(struct port *port, enum attachment *ret_attachment) {
  int error = attach(port, ret_attachment);

  close(port->elements);
  port->elements = -1;
  return error;
}

struct port *port_close(struct port *port) {
  if (!port)
    return NULL;
  if (port->link >= 0)
    close(port->link);
  if (port->has_filter)
    clsact_detach(&port->filter);
  for (size_t i = 0; i < port->keys_count; i++)
    bpf_map_delete_elem(interfaces_fd(port), &port->keys[i]);
  free(port->keys);
  if (port->memory)
    munmap((void *)port->memory, memory_size(port->datapath));
  if (port->elements >= 0)
    close(port->elements);
  free(port);
  return NULL;
}

struct counts *datapath_new_counts(const struct datapath *datapath) {
  size_t count = datapath->cpus;
  struct counts *counts =
      calloc(1, sizeof(*counts) + count * sizeof(struct cpu_count));
  if (!counts)
    return NULL;

  counts->layout = datapath->layout;
  counts->cpus_count = count;
  for (size_t i = 0; i < count; i++)
    counts->cpus[i].online = datapath->online[i];
  return counts;
}

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
static void add_element(const struct datapath *datapath,
                        const struct element *element, struct counts *counts,
                        struct cell *cpu) {
  *cpu = (struct cell){0};
  for (size_t i = 0; i < datapath->cells; i++) {
    struct cell cell = load_cell(&element->cells[i]);
    add_cell(&counts->cells[i], &cell);
    if (i < datapath->cells_of_total)
      add_cell(cpu, &cell);
  }
  add_cell(&counts->total, cpu);
}

void port_read(const struct port *port, struct counts *counts) {
  const struct datapath *datapath = port->datapath;

  counts->total = (struct cell){0};
  memset(counts->cells, 0, sizeof(counts->cells));
  for (size_t i = 0; i < datapath->cpus; i++)
    add_element(datapath, element_at(datapath, port->memory, i), counts,
                &counts->cpus[i].total);
}
