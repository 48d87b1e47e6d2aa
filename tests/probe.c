// SPDX-License-Identifier: MIT

/* Whether this kernel has what tests need, found out by trying: exit status 0
 * if it does, 1 if it says that it does not, 2 if that cannot be told. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/foreign.skel.h"

enum { IFINDEX_LOOPBACK = 1 };
enum { STATUS_THERE, STATUS_ABSENT, STATUS_UNKNOWN };

/* Of newer kernel headers (linux/bpf.h). */
static const int tcx_ingress = 46;

/* Of the kernel alone (linux/errno.h): an architecture without trampolines. */
enum { ENOTSUPP = 524 };

static int load(enum bpf_prog_type type, const struct bpf_prog_load_opts *how) {
  const struct bpf_insn zero[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT}};

  return bpf_prog_load(type, "probe", "GPL", zero, 2, how);
}

/* XDP of several buffers, since Linux 5.18. */
static int try_frags(void) {
  LIBBPF_OPTS(bpf_prog_load_opts, how, .prog_flags = BPF_F_XDP_HAS_FRAGS);

  return load(BPF_PROG_TYPE_XDP, &how);
}

/* Since Linux 6.6. At a device that nobody else has; goes with this process. */
static int try_tcx(void) {
  int program = load(BPF_PROG_TYPE_SCHED_CLS, NULL);

  if (program >= 0 && unshare(CLONE_NEWNET) != 0)
    return -errno;
  return program < 0
             ? program
             : bpf_link_create(program, IFINDEX_LOOPBACK, tcx_ingress, NULL);
}

/* The number of a function in the types of its program. */
static int find_function(int program, const char *name) {
  struct bpf_prog_info info = {0};
  __u32 size = sizeof(info);

  int error = bpf_obj_get_info_by_fd(program, &info, &size);
  if (error)
    return error;
  struct btf *types = btf__load_from_kernel_by_id(info.btf_id);
  if (!types)
    return -errno;
  int number = btf__find_by_name_kind(types, name, BTF_KIND_FUNC);
  btf__free(types);
  return number;
}

/* A program that sees what another one, at XDP, returns. */
static int try_fexit(void) {
  struct foreign *object = foreign__open();
  if (!object)
    return -errno;
  bpf_program__set_autoload(object->progs.foreign_drop, false);
  int error = foreign__load(object);
  if (error)
    return error;
  int target = bpf_program__fd(object->progs.foreign);
  int function = find_function(target, "foreign");
  if (function < 0)
    return function;
  LIBBPF_OPTS(bpf_prog_load_opts, how, .attach_prog_fd = target,
              .attach_btf_id = function,
              .expected_attach_type = BPF_TRACE_FEXIT);

  int program = load(BPF_PROG_TYPE_TRACING, &how);
  return program < 0 ? program : bpf_raw_tracepoint_open(NULL, program);
}

static const struct {
  const char *name;
  int (*try)(void);
  int absent[3]; /* what a kernel without it answers */
} probes[] = {
    {"frags", try_frags, {EINVAL}},
    {"tcx", try_tcx, {EINVAL}},
    {"fexit", try_fexit, {EINVAL, EPERM, ENOTSUPP}},
};

enum { PROBES = sizeof(probes) / sizeof(*probes) };

static int status_of(size_t probe) {
  int result = probes[probe].try();

  if (result >= 0)
    return STATUS_THERE;
  fprintf(stderr, "probe: %s: %s\n", probes[probe].name, strerror(-result));
  for (size_t i = 0; i < sizeof(probes->absent) / sizeof(*probes->absent); i++)
    if (-result == probes[probe].absent[i])
      return STATUS_ABSENT;
  return STATUS_UNKNOWN;
}

int main(int argc, char **argv) {
  for (size_t i = 0; argc == 2 && i < PROBES; i++)
    if (strcmp(argv[1], probes[i].name) == 0)
      return status_of(i);
  fputs("usage: probe frags|tcx|fexit\n", stderr);
  return STATUS_UNKNOWN;
}
