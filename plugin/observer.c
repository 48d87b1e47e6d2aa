// SPDX-License-Identifier: MIT

#include "plugin/observer.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/observe.skel.h"
#include "plugin/datapath_private.h"
#include "plugin/descriptor.h"
#include "plugin/graft.h"
#include "plugin/log.h"

struct observer {
  struct datapath *datapath;
  struct observer *next;
  __u32 program; /* somebody else's, its id */
  unsigned ports;
  int programs[2]; /* descriptors, by enum half; -1: attached, not needed */
  int links[2];    /* -1: none */
};

/* A frame that was inside before both are attached is not counted: its exit
 * finds no entry. So the exit comes first, and goes last. */
enum half { HALF_LEAVE, HALF_ENTER, HALVES };

static const enum bpf_attach_type attach_types[HALVES] = {
    [HALF_LEAVE] = BPF_TRACE_FEXIT,
    [HALF_ENTER] = BPF_TRACE_FENTRY,
};

/* --- the model -------------------------------------------------------------*/

/* libbpf relocates a program for one target: once, against one of ours. The
 * instructions that come of it are loaded for each program that is observed. */

static struct bpf_program *half_of(const struct datapath *datapath,
                                   enum half half) {
  return half == HALF_ENTER ? datapath->observe->progs.collectd_enter
                            : datapath->observe->progs.collectd_leave;
}

static struct bpf_program *find_target(const struct datapath *datapath) {
  for (enum entry e = ENTRY_NATIVE; e <= ENTRY_GENERIC; e++)
    if (datapath->programs[e])
      return datapath->programs[e];
  return NULL;
}

static int set_target(struct datapath *datapath) {
  const struct bpf_program *target = find_target(datapath);
  int error = target ? 0 : -EOPNOTSUPP;

  for (enum half h = 0; h < HALVES && !error; h++)
    error = bpf_program__set_attach_target(half_of(datapath, h),
                                           bpf_program__fd(target),
                                           bpf_program__name(target));
  return error;
}

static int set_options(struct datapath *datapath) {
  struct observe_options *options = &datapath->observe->rodata->options;
  struct shape *shape = &datapath->observed_shape;
  struct stat netns;

  if (stat("/proc/thread-self/ns/net", &netns) != 0)
    return -ESRCH;
  shape->cells = datapath->shape.cells + VERDICT_COUNT;
  size_t head = sizeof(struct element) + shape->cells * sizeof(struct cell);
  shape->element_size = datapath_element_size(
      head +
      (datapath->layout.counters ? HEAD_OCTETS_OF_FILTERS : HEAD_OCTETS));
  options->layout = datapath->layout;
  options->head = head;
  options->netns = netns.st_ino;
  return datapath_create_nobody(datapath, shape);
}

static void list_directory(struct datapath *datapath) {
  datapath->directories[ENTRY_OBSERVE] =
      (struct directory){datapath->observe->maps.observe_interfaces,
                         datapath->observe->maps.observe_beyond};
}

static int load_model(struct datapath *datapath, struct graft *graft) {
  char why[256];

  datapath->observe = observe__open();
  if (!datapath->observe)
    return -errno;
  int error = graft_add(graft, datapath->observe->progs.collectd_enter,
                        ENTRY_OBSERVE, why, sizeof(why));
  if (error == -E2BIG)
    log_write(LOG_WARNING, "no XDP program can be observed: %s", why);
  if (!error)
    error = set_target(datapath);
  if (!error)
    error = set_options(datapath);
  if (!error)
    error =
        datapath_set_shape(datapath->observe->obj, &datapath->observed_shape);
  if (!error)
    error = observe__load(datapath->observe);
  if (!error)
    list_directory(datapath);
  return error;
}

static void forget_model(struct datapath *datapath) {
  observe__destroy(datapath->observe);
  datapath->observe = NULL;
  if (datapath->observed_shape.nobody >= 0)
    close(datapath->observed_shape.nobody);
  datapath->observed_shape.nobody = -1;
}

static bool may_pass(int error) {
  return error == -ENOMEM || error == -EMFILE || error == -ENFILE ||
         error == -EAGAIN || error == -EINTR || error == -ESRCH;
}

static int load_with_filters(struct datapath *datapath) {
  struct graft *graft;

  int error = graft_begin(datapath->counters, &graft);
  if (error)
    return error;
  error = load_model(datapath, graft);
  graft_end(graft);
  return error;
}

/* What comes of it for all programs: our own can be observed, or none can. */
static int make_model(struct datapath *datapath) {
  if (datapath->observe || datapath->observe_refusal)
    return datapath->observe_refusal;
  int error = -ENOSYS;
  if (!datapath_is_preempt_rt()) {
    libbpf_print_fn_t previous = datapath_listen();
    error = load_with_filters(datapath);
    libbpf_set_print(previous);
  }
  if (!error)
    return 0;
  forget_model(datapath);
  if (may_pass(error))
    return error;
  bool is_known = error == -ENOSYS || error == -E2BIG;
  datapath->observe_refusal = is_known ? error : -EOPNOTSUPP;
  return datapath->observe_refusal;
}

/* --- somebody else's program -----------------------------------------------*/

/* Sets *ret_function to what the program's types call its first function, where
 * it begins. Returns 0, or -errno as observer_open(). */
static int find_function(int program, __u32 *ret_function) {
  struct bpf_func_info function = {0};
  struct bpf_prog_info info = {.nr_func_info = 1,
                               .func_info_rec_size = sizeof(function),
                               .func_info = (uintptr_t)&function};
  __u32 size = sizeof(info);

  int error = bpf_obj_get_info_by_fd(program, &info, &size);
  if (error)
    return error;
  if (!info.btf_id || !function.type_id)
    return -ENODATA;
  *ret_function = function.type_id;
  return 0;
}

static void log_refusal(struct bpf_program *half, __u32 program,
                        struct bpf_prog_load_opts *options) {
  static char words[4096];

  options->log_buf = words;
  options->log_size = sizeof(words);
  options->log_level = 1;
  words[0] = '\0';
  int descriptor = bpf_prog_load(BPF_PROG_TYPE_TRACING, bpf_program__name(half),
                                 "Dual MIT/GPL", bpf_program__insns(half),
                                 bpf_program__insn_cnt(half), options);
  if (descriptor >= 0)
    close(descriptor);
  words[strcspn(words, "\n")] = '\0';
  log_write(LOG_DEBUG, "the XDP program of id %u cannot be observed: %s",
            program, words);
}

static int load_half(const struct observer *observer, enum half half,
                     int target, __u32 function) {
  struct bpf_program *model = half_of(observer->datapath, half);
  LIBBPF_OPTS(bpf_prog_load_opts, options,
              .expected_attach_type = attach_types[half],
              .attach_prog_fd = target, .attach_btf_id = function);

  int descriptor = descriptor_move_up(bpf_prog_load(
      BPF_PROG_TYPE_TRACING, bpf_program__name(model), "Dual MIT/GPL",
      bpf_program__insns(model), bpf_program__insn_cnt(model), &options));
  if (descriptor < 0 && !may_pass(descriptor))
    log_refusal(model, observer->program, &options);
  return descriptor;
}

/* Ours can be observed: what is refused now is refused for that program. */
static int load_pair(struct observer *observer, int target) {
  __u32 function;
  int error = find_function(target, &function);

  if (!error)
    error = make_model(observer->datapath);
  for (enum half h = 0; h < HALVES && !error; h++) {
    observer->programs[h] = load_half(observer, h, target, function);
    if (observer->programs[h] < 0)
      error = may_pass(observer->programs[h]) ? observer->programs[h] : -EINVAL;
  }
  return error;
}

static int load(struct observer *observer) {
  int target = bpf_prog_get_fd_by_id(observer->program);

  if (target < 0)
    return target;
  int error = load_pair(observer, target);
  close(target);
  return error;
}

/* --- its life --------------------------------------------------------------*/

static void close_all(int descriptors[HALVES]) {
  for (enum half h = HALVES; h-- > 0;) {
    if (descriptors[h] >= 0)
      close(descriptors[h]);
    descriptors[h] = -1;
  }
}

static void observer_free(struct observer *observer) {
  close_all(observer->links);
  close_all(observer->programs);
  free(observer);
}

int observer_open(struct datapath *datapath, __u32 program,
                  struct observer **ret_observer) {
  for (struct observer *o = datapath->observers; o; o = o->next) {
    if (o->program != program)
      continue;
    o->ports++;
    *ret_observer = o;
    return 0;
  }
  struct observer *observer = calloc(1, sizeof(*observer));
  if (!observer)
    return -ENOMEM;
  *observer = (struct observer){.datapath = datapath,
                                .next = datapath->observers,
                                .program = program,
                                .ports = 1,
                                .programs = {-1, -1},
                                .links = {-1, -1}};

  int error = load(observer);
  if (error) {
    observer_free(observer);
    return error;
  }
  datapath->observers = *ret_observer = observer;
  return 0;
}

int observer_attach(struct observer *observer) {
  for (enum half h = 0; h < HALVES; h++) {
    if (observer->links[h] >= 0)
      continue;
    int link = descriptor_move_up(
        bpf_raw_tracepoint_open(NULL, observer->programs[h]));
    if (link < 0) {
      close_all(observer->links);
      log_write(LOG_DEBUG, "the XDP program of id %u cannot be observed: %s",
                observer->program, strerror(-link));
      return link == -E2BIG ? -EBUSY : link;
    }
    observer->links[h] = link;
  }
  close_all(observer->programs);
  return 0;
}

static void strike_off(struct observer *observer) {
  struct observer **place = &observer->datapath->observers;

  while (*place != observer)
    place = &(*place)->next;
  *place = observer->next;
}

struct observer *observer_close(struct observer *observer) {
  if (!observer || --observer->ports)
    return NULL;
  strike_off(observer);
  observer_free(observer);
  return NULL;
}

/* Descriptors of what is left to the end of the process stay. */
void observer_forget(struct datapath *datapath) {
  while (datapath->observers) {
    struct observer *next = datapath->observers->next;
    free(datapath->observers);
    datapath->observers = next;
  }
  forget_model(datapath);
}
