// SPDX-License-Identifier: MIT

#include "plugin/datapath_private.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bpf/entries.skel.h"
#include "plugin/cpus.h"
#include "plugin/graft.h"
#include "plugin/groups.h"
#include "plugin/log.h"
#include "plugin/observer.h"
#include "plugin/privileges.h"

/* Elements of different CPUs share no cache line. */
enum { CACHE_LINE = 64 };

size_t datapath_element_size(size_t end) {
  return (end + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

/* The first warning of libbpf while its lines are ours, see datapath_listen().
 */
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

libbpf_print_fn_t datapath_listen(void) {
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
  case E2BIG:
    return "the filters of the counters are more than the kernel's verifier "
           "follows: write fewer or shorter ones";
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

bool datapath_is_preempt_rt(void) {
  struct utsname name;

  return uname(&name) == 0 && strstr(name.version, "PREEMPT_RT");
}

int datapath_create_elements(const struct datapath *datapath,
                             const struct shape *shape) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);

  return bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdp_counters", sizeof(__u32),
                        shape->element_size, datapath->cpus, &options);
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
  const struct directory xdp = {object->maps.xdp_interfaces,
                                object->maps.xdp_beyond};
  const struct directory directories[ENTRY_COUNT] = {
      [ENTRY_NATIVE] = xdp,
      [ENTRY_NATIVE_FRAGS] = xdp,
      [ENTRY_GENERIC] = xdp,
      [ENTRY_TC_RX] = {object->maps.tc_rx_interfaces,
                       object->maps.tc_rx_beyond},
      [ENTRY_TC_TX] = {object->maps.tc_tx_interfaces,
                       object->maps.tc_tx_beyond},
  };

  memcpy(datapath->programs, programs, sizeof(programs));
  memcpy(datapath->directories, directories, sizeof(directories));
}

static void create_directory(const struct directory *directory, bool wanted) {
  bpf_map__set_autocreate(directory->array, wanted);
  bpf_map__set_autocreate(directory->beyond, wanted);
}

/* Leaves out the programs of other entries and the maps that only they use. */
static void select_entries(struct datapath *datapath, unsigned entries) {
  for (enum entry e = 0; e < ENTRIES_LOADED; e++)
    create_directory(&datapath->directories[e], false);
  for (enum entry e = 0; e < ENTRIES_LOADED; e++) {
    if (entries & ENTRY_BIT(e)) {
      create_directory(&datapath->directories[e], true);
    } else {
      bpf_program__set_autoload(datapath->programs[e], false);
      datapath->programs[e] = NULL;
    }
  }
}

/* All outer maps have to know what their inner ones look like. */
int datapath_set_shape(struct bpf_object *object, const struct shape *shape) {
  struct bpf_map *map;

  bpf_object__for_each_map(map, object) {
    if (bpf_map__type(map) != BPF_MAP_TYPE_ARRAY_OF_MAPS &&
        bpf_map__type(map) != BPF_MAP_TYPE_HASH_OF_MAPS)
      continue;
    int error = bpf_map__set_inner_map_fd(map, shape->nobody);
    if (error)
      return error;
  }
  return 0;
}

static int add_filters(const struct datapath *datapath, struct graft *graft,
                       char *why, size_t why_size) {
  int error = 0;

  for (enum entry e = 0; e < ENTRIES_LOADED && !error; e++)
    if (datapath->programs[e])
      error = graft_add(graft, datapath->programs[e], e, why, why_size);
  return error;
}

static int load_object(struct datapath *datapath, unsigned entries,
                       struct graft *graft, char *why, size_t why_size) {
  struct entries *object = datapath->object = entries__open();
  if (!object)
    return -errno;

  list_programs(datapath);
  select_entries(datapath, entries);
  object->rodata->options.layout = datapath->layout;
  object->rodata->options.atomic = datapath_is_preempt_rt();

  int error = add_filters(datapath, graft, why, why_size);
  if (!error)
    error = datapath_set_shape(object->obj, &datapath->shape);
  return error ? error : entries__load(object);
}

static int load(struct datapath *datapath, unsigned entries, char *why,
                size_t why_size) {
  struct graft *graft;

  int error = graft_begin(datapath->counters, &graft);
  if (error)
    return error;
  error = load_object(datapath, entries, graft, why, why_size);
  graft_end(graft);
  return error;
}

/* Before Linux 5.18 there is all but frames of several buffers. */
static int load_what_there_is(struct datapath *datapath, unsigned entries,
                              char *why, size_t why_size) {
  unsigned rest = entries & ~ENTRY_BIT(ENTRY_NATIVE_FRAGS);

  int error = load(datapath, entries, why, why_size);
  if (error != -EINVAL || rest == entries)
    return error;
  entries__destroy(datapath->object);
  libbpf_warning[0] = '\0';
  return load(datapath, rest, why, why_size);
}

/* libbpf raises the limit of locked memory where the kernel needs it. */
int datapath_create_nobody(const struct datapath *datapath,
                           struct shape *shape) {
  struct bpf_map_info info = {0};
  __u32 size = sizeof(info);

  shape->nobody = datapath_create_elements(datapath, shape);
  if (shape->nobody < 0)
    return shape->nobody;
  int error = bpf_obj_get_info_by_fd(shape->nobody, &info, &size);
  shape->nobody_id = info.id;
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
  unsigned counters = datapath->counters ? datapath->counters->count : 0;
  size_t cells = groups_lay_out(groups, counters, &datapath->layout);

  datapath->shape.cells = cells;
  datapath->shape.element_size = datapath_element_size(
      sizeof(struct element) + cells * sizeof(struct cell));
  datapath->cells_of_total = groups_members(groups_of_total(&datapath->layout));
}

int datapath_open(__u32 groups, const struct counters *counters,
                  unsigned entries, struct datapath **ret_datapath, char *why,
                  size_t why_size) {
  struct datapath *datapath = calloc(1, sizeof(*datapath));
  int error = -ENOMEM;

  why[0] = '\0';
  if (datapath) {
    datapath->counters = counters;
    datapath->shape.nobody = datapath->observed_shape.nobody = -1;
    error = count_cpus(datapath);
  }
  if (error) {
    snprintf(why, why_size, "cannot tell the number of CPUs: %s; mount /sys",
             strerror(-error));
  } else {
    lay_out(datapath, groups);
    libbpf_print_fn_t previous = datapath_listen();
    error = datapath_create_nobody(datapath, &datapath->shape);
    if (!error)
      error = load_what_there_is(datapath, entries, why, why_size);
    libbpf_set_print(previous);
    if (error && !*why)
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
  observer_forget(datapath);
  entries__destroy(datapath->object);
  if (datapath->shape.nobody >= 0)
    close(datapath->shape.nobody);
  free(datapath->online);
  free(datapath);
  return NULL;
}

int datapath_program(const struct datapath *datapath, enum entry entry) {
  const struct bpf_program *program = datapath->programs[entry];

  return program ? bpf_program__fd(program) : -1;
}

struct counts *datapath_new_counts(const struct datapath *datapath) {
  size_t count = datapath->cpus;
  struct counts *counts =
      calloc(1, sizeof(*counts) + count * sizeof(struct cpu_count));
  if (!counts)
    return NULL;

  counts->layout = datapath->layout;
  counts->counters = datapath->counters;
  counts->cells_count = datapath->shape.cells + VERDICT_COUNT;
  counts->cpus_count = count;
  for (size_t i = 0; i < count; i++)
    counts->cpus[i].online = datapath->online[i];
  return counts;
}
