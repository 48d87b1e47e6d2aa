// SPDX-License-Identifier: MIT

#include "plugin/graft.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

/* The sections of our objects, which libbpf asks us about. */
static const struct section {
  const char *name;
  enum bpf_prog_type type;
  enum bpf_attach_type attach_type;
  __u32 flags;
} sections[] = {
    {"collectd/xdp", BPF_PROG_TYPE_XDP, BPF_XDP, 0},
    {"collectd/frags", BPF_PROG_TYPE_XDP, BPF_XDP, BPF_F_XDP_HAS_FRAGS},
    {"collectd/tc", BPF_PROG_TYPE_SCHED_CLS, 0, 0},
    {"collectd/enter", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, 0},
    {"collectd/leave", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, 0},
};

enum { SECTIONS = sizeof(sections) / sizeof(*sections), PROGRAMS_MAX = 8 };

struct grafted {
  const struct bpf_program *program;
  struct block block;
};

struct graft {
  const struct counters *counters;
  int handlers[SECTIONS]; /* of libbpf's */
  size_t programs_count;
  struct grafted programs[PROGRAMS_MAX];
};

/* Where the last of its subprograms begins; 0: it has none. */
static size_t last_subprogram(const struct bpf_insn *insns, size_t count) {
  size_t last = 0;

  for (size_t i = 0; i < count; i++) {
    bool is_call = insns[i].code == (BPF_JMP | BPF_CALL) &&
                   insns[i].src_reg == BPF_PSEUDO_CALL;
    size_t target = i + 1 + insns[i].imm;
    if (is_call && target > last)
      last = target;
  }
  return last;
}

static bool is_stub(const struct bpf_insn *insns, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (BPF_OP(insns[i].code) == BPF_MOV && insns[i].imm == MATCH_STUB)
      return true;
  return false;
}

/* Nothing stands behind it that would move. What libbpf tells the kernel of the
 * lines of the stub holds for the first instructions of the filters. */
static int put(struct bpf_program *program, const struct block *block) {
  const struct bpf_insn *insns = bpf_program__insns(program);
  size_t count = bpf_program__insn_cnt(program);
  size_t stub = last_subprogram(insns, count);

  if (!stub || !is_stub(insns + stub, count - stub))
    return -EPROTO;
  struct bpf_insn *all = calloc(stub + block->count, sizeof(*all));
  if (!all)
    return -ENOMEM;
  memcpy(all, insns, stub * sizeof(*all));
  memcpy(all + stub, block->insns, block->count * sizeof(*all));
  int error = bpf_program__set_insns(program, all, stub + block->count);
  free(all);
  return error;
}

/* libbpf calls it when a program is relocated, before it is loaded. */
static int on_prepared(struct bpf_program *program,
                       struct bpf_prog_load_opts *options, long cookie) {
  const struct graft *graft = (const struct graft *)cookie;

  (void)options;
  for (size_t i = 0; i < graft->programs_count; i++)
    if (graft->programs[i].program == program)
      return put(program, &graft->programs[i].block);
  return 0;
}

static int on_opened(struct bpf_program *program, long cookie) {
  const char *name = bpf_program__section_name(program);

  (void)cookie;
  for (size_t i = 0; i < SECTIONS; i++)
    if (strcmp(sections[i].name, name) == 0)
      return bpf_program__set_flags(program, sections[i].flags);
  return 0;
}

static int register_sections(struct graft *graft) {
  LIBBPF_OPTS(libbpf_prog_handler_opts, options, .cookie = (long)graft,
              .prog_setup_fn = on_opened,
              .prog_prepare_load_fn = on_prepared);

  for (size_t i = 0; i < SECTIONS; i++) {
    graft->handlers[i] =
        libbpf_register_prog_handler(sections[i].name, sections[i].type,
                                     sections[i].attach_type, &options);
    if (graft->handlers[i] < 0)
      return graft->handlers[i];
  }
  return 0;
}

int graft_begin(const struct counters *counters, struct graft **ret_graft) {
  struct graft *graft = calloc(1, sizeof(*graft));

  if (!graft)
    return -ENOMEM;
  graft->counters = counters;
  int error = register_sections(graft);
  if (error)
    graft_end(graft);
  else
    *ret_graft = graft;
  return error;
}

int graft_add(struct graft *graft, const struct bpf_program *program,
              enum entry entry, char *why, size_t why_size) {
  struct grafted *grafted = &graft->programs[graft->programs_count];

  if (!graft->counters || !graft->counters->count)
    return 0;
  int error = counters_translate(graft->counters, entry, &grafted->block, why,
                                 why_size);
  if (error)
    return error;
  grafted->program = program;
  graft->programs_count++;
  return 0;
}

struct graft *graft_end(struct graft *graft) {
  if (!graft)
    return NULL;
  for (size_t i = 0; i < SECTIONS; i++)
    if (graft->handlers[i] > 0)
      libbpf_unregister_prog_handler(graft->handlers[i]);
  for (size_t i = 0; i < graft->programs_count; i++)
    block_close(&graft->programs[i].block);
  free(graft);
  return NULL;
}
