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

#include "bpf/rx.skel.h"
#include "plugin/cpus.h"
#include "plugin/groups.h"
#include "plugin/log.h"
#include "plugin/privileges.h"

/* Elements of different CPUs share no cache line. */
enum { CACHE_LINE = 64 };

struct datapath {
  struct rx *object;
  struct layout layout;
  size_t cells;          /* of an element */
  size_t cells_of_total; /* the first of them, which add up to the total */
  size_t element_size;   /* octets */
  size_t cpus;           /* elements of a port */
  bool *online;          /* by CPU, when the program was loaded */
};

struct port {
  struct datapath *datapath;
  unsigned ifindex;
  int link;           /* descriptor, -1: none */
  const char *memory; /* the elements */
  bool published;     /* the program finds them */
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

static int load(struct datapath *datapath) {
  struct rx *object = datapath->object = rx__open();
  if (!object)
    return -errno;

  object->rodata->options.layout = datapath->layout;
  object->rodata->options.atomic = is_preempt_rt();

  /* libbpf raises the limit of locked memory where the kernel needs it. */
  int inner = create_elements(datapath);
  if (inner < 0)
    return inner;
  int error = bpf_map__set_inner_map_fd(object->maps.xdp_interfaces, inner);
  if (!error)
    error = rx__load(object);
  close(inner);
  return error;
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
      round_up(datapath->cells * sizeof(struct cell), CACHE_LINE);
}

int datapath_open(__u32 groups, struct datapath **ret_datapath, char *why,
                  size_t why_size) {
  struct datapath *datapath = calloc(1, sizeof(*datapath));
  int error = datapath ? count_cpus(datapath) : -ENOMEM;

  if (error) {
    snprintf(why, why_size, "cannot tell the number of CPUs: %s; mount /sys",
             strerror(-error));
  } else {
    lay_out(datapath, groups);
    libbpf_print_fn_t previous = libbpf_listen();
    error = load(datapath);
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
  rx__destroy(datapath->object);
  free(datapath->online);
  free(datapath);
  return NULL;
}

int datapath_program(const struct datapath *datapath) {
  return bpf_program__fd(datapath->object->progs.collectd_xdp);
}

static size_t memory_size(const struct datapath *datapath) {
  return round_up(datapath->element_size * datapath->cpus,
                  sysconf(_SC_PAGESIZE));
}

static int interfaces_fd(const struct datapath *datapath) {
  return bpf_map__fd(datapath->object->maps.xdp_interfaces);
}

/* Puts the elements where the program finds them, unless there are some. */
static int publish(struct port *port, int elements) {
  int interfaces = interfaces_fd(port->datapath);
  __u32 id;

  if (bpf_map_lookup_elem(interfaces, &port->ifindex, &id) == 0)
    return -EALREADY;
  int error =
      bpf_map_update_elem(interfaces, &port->ifindex, &elements, BPF_ANY);
  port->published = !error;
  return error;
}

static int map_elements(struct port *port, int elements) {
  void *memory = mmap(NULL, memory_size(port->datapath), PROT_READ, MAP_SHARED,
                      elements, 0);

  if (memory == MAP_FAILED)
    return -errno;
  port->memory = memory;
  return 0;
}

/* The descriptor is not needed once both hold the elements. */
static int add_elements(struct port *port) {
  int elements = create_elements(port->datapath);
  if (elements < 0)
    return elements;

  int error = map_elements(port, elements);
  if (!error)
    error = publish(port, elements);
  close(elements);
  return error;
}

static int attach(struct port *port, enum hook hook) {
  LIBBPF_OPTS(bpf_link_create_opts, options,
              .flags = hook == HOOK_NATIVE ? XDP_FLAGS_DRV_MODE
                                           : XDP_FLAGS_SKB_MODE);

  int fd = bpf_link_create(datapath_program(port->datapath), port->ifindex,
                           BPF_XDP, &options);
  if (fd < 0)
    return fd;
  port->link = fd;
  return 0;
}

/* The elements come first: an interface without them passes uncounted. */
int port_open(struct datapath *datapath, unsigned ifindex, enum hook hook,
              struct port **ret_port) {
  if (ifindex >= IFINDEX_MAX)
    return -E2BIG;

  struct port *port = calloc(1, sizeof(*port));
  if (!port)
    return -ENOMEM;
  *port = (struct port){.datapath = datapath, .ifindex = ifindex, .link = -1};

  int error = add_elements(port);
  if (!error && hook != HOOK_NONE)
    error = attach(port, hook);
  if (error)
    port_close(port);
  else
    *ret_port = port;
  return error;
}

struct port *port_close(struct port *port) {
  if (!port)
    return NULL;
  if (port->link >= 0)
    close(port->link);
  if (port->published)
    bpf_map_delete_elem(interfaces_fd(port->datapath), &port->ifindex);
  if (port->memory)
    munmap((void *)port->memory, memory_size(port->datapath));
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
                        const struct cell *element, struct counts *counts,
                        struct cell *cpu) {
  *cpu = (struct cell){0};
  for (size_t i = 0; i < datapath->cells; i++) {
    struct cell cell = load_cell(&element[i]);
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
    add_element(datapath,
                (const void *)(port->memory + i * datapath->element_size),
                counts, &counts->cpus[i].total);
}
