// SPDX-License-Identifier: MIT

#include "tests/counting.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "plugin/groups.h"
#include "plugin/log.h"
#include "plugin/port.h"
#include "tests/foreign.skel.h"

/* Test runs come in through the loopback interface, queue 0, which has this
 * index in every network namespace. */
enum { IFINDEX_LOOPBACK = 1 };

struct counting {
  struct foreign *foreign; /* that is observed; else NULL */
  int program;
  bool is_skb;
  struct datapath *datapath;
  struct port *port;
  struct counts *before, *after;
};

static bool pretend_preempt_rt;

/* Replaces the C library's, which the datapath asks for the kernel's version.
 */
int uname(struct utsname *name) {
  int status = syscall(SYS_uname, name);

  if (pretend_preempt_rt)
    strcpy(name->version, "#1 SMP PREEMPT_RT");
  return status;
}

void log_write(int severity, const char *format, ...) {
  va_list arguments;

  if (severity >= LOG_DEBUG)
    return;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
}

static void kernel_close(struct counting *counting) {
  if (!counting)
    return;
  free(counting->after);
  free(counting->before);
  port_free(counting->port);
  datapath_close(counting->datapath);
  foreign__destroy(counting->foreign);
  free(counting);
}

/* Whether the loaded program has an atomic addition. */
static bool is_atomic(int program) {
  struct bpf_insn instructions[8192];
  struct bpf_prog_info info = {
      .xlated_prog_insns = (uintptr_t)instructions,
      .xlated_prog_len = sizeof(instructions),
  };
  __u32 size = sizeof(info);

  if (bpf_obj_get_info_by_fd(program, &info, &size) != 0)
    return false;
  for (size_t i = 0; i < info.xlated_prog_len / sizeof(*instructions); i++)
    if (instructions[i].code == (BPF_STX | BPF_DW | BPF_ATOMIC))
      return true;
  return false;
}

/* Somebody else's program, which lets all pass. */
static int load_foreign(struct foreign **ret_foreign, __u32 *ret_id) {
  struct bpf_prog_info info = {0};
  __u32 size = sizeof(info);
  struct foreign *foreign = foreign__open();

  if (!foreign)
    return -errno;
  bpf_program__set_autoload(foreign->progs.foreign_tc, false);
  bpf_program__set_autoload(foreign->progs.foreign_drop, false);
  int error = foreign__load(foreign);
  if (!error)
    error = bpf_obj_get_info_by_fd(bpf_program__fd(foreign->progs.foreign),
                                   &info, &size);
  *ret_foreign = foreign;
  *ret_id = info.id;
  return error;
}

/* The port is attached to that program, and the test runs are of it. */
static int open_beside(struct counting *counting, enum link link) {
  enum attachment attachment;
  __u32 id;

  int error = load_foreign(&counting->foreign, &id);
  if (!error)
    error = port_new_beside(counting->datapath, id, IFINDEX_LOOPBACK, link, 0,
                            &counting->port);
  if (!error)
    error = port_attach(counting->port, &attachment);
  if (!error)
    counting->program = bpf_program__fd(counting->foreign->progs.foreign);
  return error;
}

static int open_port(struct counting *counting, const struct counting_way *way,
                     enum link link, bool atomic) {
  if (way->entry == ENTRY_OBSERVE)
    return open_beside(counting, link);
  counting->program = datapath_program(counting->datapath, way->entry);
  int error = port_new(counting->datapath, way->entry, IFINDEX_LOOPBACK, link,
                       0, &counting->port);
  return !error && is_atomic(counting->program) != atomic ? -EPROTO : error;
}

static struct counting *kernel_open(const struct counting_way *way,
                                    __u32 groups, enum link link, bool atomic,
                                    struct layout *ret_layout) {
  struct counting *counting = calloc(1, sizeof(*counting));
  char why[512] = "";

  enum entry entry = way->entry == ENTRY_OBSERVE ? ENTRY_NATIVE : way->entry;

  counting->is_skb = way->is_skb;
  pretend_preempt_rt = atomic && entry == way->entry;
  int error = datapath_open(groups, NULL, ENTRY_BIT(entry), &counting->datapath,
                            why, sizeof(why));
  if (!error)
    error = open_port(counting, way, link, atomic);
  if (!error)
    error = ports_publish(&counting->port, 1);
  if (error) {
    fprintf(stderr, "cannot load: %s %s\n", strerror(-error), why);
    kernel_close(counting);
    return NULL;
  }
  counting->before = datapath_new_counts(counting->datapath);
  counting->after = datapath_new_counts(counting->datapath);
  *ret_layout = counting->after->layout;
  return counting;
}

/* Runs the program once and says whether the frame had its way. */
static int run(const struct counting *counting, const struct sample *sample) {
  uint8_t out[sample->length + 1];
  struct xdp_md xdp = {.data_end = sample->linear};
  struct __sk_buff skb = {.gso_size = sample->gso_size,
                          .gso_segs = sample->gso_segs,
                          .ifindex = IFINDEX_LOOPBACK};
  LIBBPF_OPTS(bpf_test_run_opts, test, .data_in = sample->octets,
              .data_size_in = sample->length, .data_out = out,
              .data_size_out = sizeof(out), .repeat = 1);

  if (counting->is_skb) {
    test.ctx_in = &skb;
    test.ctx_size_in = sizeof(skb);
  } else if (sample->linear) {
    test.ctx_in = &xdp;
    test.ctx_size_in = sizeof(xdp);
  }
  int error = bpf_prog_test_run_opts(counting->program, &test);
  if (error)
    return error;
  __u32 verdict = counting->is_skb ? (__u32)TC_ACT_UNSPEC : XDP_PASS;
  bool untouched = test.retval == verdict &&
                   test.data_size_out == sample->length &&
                   memcmp(out, sample->octets, sample->length) == 0;
  return untouched ? 0 : -EINVAL;
}

/* The verdict is not compared with what others count. */
static bool take_verdict(const struct counting *counting,
                         const struct sample *sample, struct cell *cells) {
  const struct layout *layout = &counting->after->layout;
  struct cell *verdicts = &cells[layout->first[GROUP_VERDICT]];
  const struct cell expected[VERDICT_COUNT] = {
      [VERDICT_PASS] = {1, sample->length}};
  bool is_right = memcmp(verdicts, expected, sizeof(expected)) == 0;

  memset(verdicts, 0, sizeof(expected));
  return is_right;
}

static int kernel_count(struct counting *counting, const struct sample *sample,
                        struct cell cells[CELLS_MAX]) {
  const struct cell *before = counting->before->cells;
  const struct cell *after = counting->after->cells;

  if (sample->queue || sample->is_tagged)
    return -EINVAL;
  port_read(counting->port, counting->before);
  int error = run(counting, sample);
  port_read(counting->port, counting->after);
  for (size_t i = 0; i < CELLS_MAX; i++)
    cells[i] = (struct cell){after[i].packets - before[i].packets,
                             after[i].octets - before[i].octets};
  if (!error && counting->foreign && !take_verdict(counting, sample, cells))
    return -EINVAL;
  return error;
}

/* Whether a program that does nothing is let to the exit of another one. */
static int load_at_exit(int target) {
  const struct bpf_insn nothing[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT}};
  struct bpf_func_info function = {0};
  struct bpf_prog_info info = {.nr_func_info = 1,
                               .func_info_rec_size = sizeof(function),
                               .func_info = (uintptr_t)&function};
  __u32 size = sizeof(info);

  int error = bpf_obj_get_info_by_fd(target, &info, &size);
  if (error)
    return error;
  LIBBPF_OPTS(bpf_prog_load_opts, options,
              .expected_attach_type = BPF_TRACE_FEXIT, .attach_prog_fd = target,
              .attach_btf_id = function.type_id);
  return bpf_prog_load(BPF_PROG_TYPE_TRACING, "probe", "GPL", nothing, 2,
                       &options);
}

static bool has_observing(void) {
  struct foreign *foreign = NULL;
  __u32 id;
  int program = load_foreign(&foreign, &id);

  if (!program)
    program = load_at_exit(bpf_program__fd(foreign->progs.foreign));
  foreign__destroy(foreign);
  if (program >= 0)
    close(program);
  return program >= 0;
}

/* Frames of several buffers, since Linux 5.18. */
static bool has_frags(void) {
  const struct bpf_insn pass[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
      {.code = BPF_JMP | BPF_EXIT}};
  LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = BPF_F_XDP_HAS_FRAGS);

  int program =
      bpf_prog_load(BPF_PROG_TYPE_XDP, "probe", "GPL", pass, 2, &options);
  if (program >= 0)
    close(program);
  return program != -EINVAL;
}

/* What the kernel's test runs take: no less than the header of Ethernet, and in
 * one buffer no more than a page has room for beside 256 octets of headroom and
 * struct skb_shared_info: 3520, or 3328 where a cache line has 256 (s390x). */
enum { LENGTH_MIN = 14, LENGTH_MAX = 3328 };

#define KERNEL_WAY                                                             \
  .length_min = LENGTH_MIN, .open = kernel_open, .count = kernel_count,        \
  .close = kernel_close

const struct counting_way counting_kernel[] = {
    {.name = "native",
     .entry = ENTRY_NATIVE,
     .length_max = LENGTH_MAX,
     KERNEL_WAY},
    {.name = "native, several buffers",
     .entry = ENTRY_NATIVE_FRAGS,
     .length_max = SIZE_MAX,
     .has_linear = true,
     .is_there = has_frags,
     .absent = "XDP of several buffers",
     KERNEL_WAY},
    {.name = "generic",
     .entry = ENTRY_GENERIC,
     .length_max = LENGTH_MAX,
     .has_links = true,
     KERNEL_WAY},
    {.name = "tc ingress",
     .entry = ENTRY_TC_RX,
     .length_max = LENGTH_MAX,
     .has_links = true,
     .has_gso = true,
     .is_skb = true,
     .queue = QUEUE_UNRECORDED,
     KERNEL_WAY},
    {.name = "tc egress",
     .entry = ENTRY_TC_TX,
     .length_max = LENGTH_MAX,
     .has_links = true,
     .has_gso = true,
     .is_skb = true,
     .queue = QUEUE_NONE,
     KERNEL_WAY},
    {.name = "observed",
     .entry = ENTRY_OBSERVE,
     .length_max = LENGTH_MAX,
     .has_links = true,
     .is_there = has_observing,
     .absent = "programs at the entry and exit of others",
     KERNEL_WAY},
};

const size_t counting_kernel_count =
    sizeof(counting_kernel) / sizeof(*counting_kernel);
