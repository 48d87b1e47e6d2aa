// SPDX-License-Identifier: MIT

#include "plugin/filter.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/expression.h"

_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter),
               "libpcap and the kernel mean the same instruction");

/* The most that libpcap knows; it only tells the number that a match returns.
 */
enum { SNAPLEN = 262144 };

struct variant {
  struct classic program; /* no instructions: not right for this link */
  char why_not[PCAP_ERRBUF_SIZE];
};

struct filter {
  struct variant variants[LINK_OTHER];
  char text[];
};

static const int link_types[LINK_OTHER] = {
    [LINK_ETHERNET] = DLT_EN10MB, [LINK_IP] = DLT_RAW};

/* What the kernel knows of a frame that it captures ("inbound", "ifindex"), at
 * negative offsets, and the loops of "protochain". */
static const char *find_obstacle(const struct classic *program) {
  for (size_t i = 0; i < program->count; i++) {
    const struct sock_filter *insn = &program->insns[i];
    if (insn->code == (BPF_JMP | BPF_JA) && insn->k >= program->count)
      return "protochain needs a loop, which BPF does not have here: use proto";
    if (classic_load_size(insn) && BPF_MODE(insn->code) == BPF_ABS &&
        insn->k - (__u32)SKF_AD_OFF < SKF_AD_MAX)
      return "inbound, outbound and ifindex are known only when frames are "
             "captured: use Direction and Interface";
  }
  return classic_is_valid(program) ? NULL
                                   : "libpcap made no valid program of it";
}

/* Copies what libpcap made. */
static int take_program(struct variant *variant,
                        const struct bpf_program *compiled) {
  size_t count = compiled->bf_len;
  struct sock_filter *insns = calloc(count, sizeof(*insns));

  if (!insns)
    return -ENOMEM;
  for (size_t i = 0; i < count; i++)
    insns[i] = (struct sock_filter){.code = compiled->bf_insns[i].code,
                                    .jt = compiled->bf_insns[i].jt,
                                    .jf = compiled->bf_insns[i].jf,
                                    .k = compiled->bf_insns[i].k};
  variant->program = (struct classic){insns, count};
  return 0;
}

static void forget_program(struct variant *variant) {
  free(variant->program.insns);
  variant->program = (struct classic){0};
}

/* pcap_compile(); where it fails the variant tells why. */
static bool ask(struct variant *variant, pcap_t *pcap, const char *text,
                bool optimize, struct bpf_program *ret_compiled) {
  if (pcap_compile(pcap, ret_compiled, text, optimize, PCAP_NETMASK_UNKNOWN) ==
      0)
    return true;
  snprintf(variant->why_not, sizeof(variant->why_not), "%s", pcap_geterr(pcap));
  return false;
}

/* The optimizer takes minutes for what is large, so that it is asked only for
 * what is not. */
static bool is_small(struct variant *variant, pcap_t *pcap, const char *text) {
  struct bpf_program compiled = {0};

  if (!ask(variant, pcap, text, false, &compiled))
    return false;
  unsigned count = compiled.bf_len;
  pcap_freecode(&compiled);
  if (count <= BPF_MAXINSNS)
    return true;
  snprintf(variant->why_not, sizeof(variant->why_not),
           "becomes %u instructions of libpcap, and %d is the limit: write a "
           "shorter expression, or several",
           count, BPF_MAXINSNS);
  return false;
}

/* A variant that is not right is no error. */
static int compile(struct variant *variant, const char *text, int link_type) {
  struct bpf_program compiled = {0};
  pcap_t *pcap = pcap_open_dead(link_type, SNAPLEN);
  int error = 0;

  if (!pcap)
    return -ENOMEM;
  if (is_small(variant, pcap, text) &&
      ask(variant, pcap, text, true, &compiled)) {
    error = take_program(variant, &compiled);
    pcap_freecode(&compiled);
  }
  pcap_close(pcap);
  const char *obstacle = error || !variant->program.count
                             ? NULL
                             : find_obstacle(&variant->program);
  if (obstacle) {
    snprintf(variant->why_not, sizeof(variant->why_not), "%s", obstacle);
    forget_program(variant);
  }
  return error;
}

/* What libpcap is not to be asked. */
static int check(const char *text, char *why, size_t why_size) {
  size_t length = strlen(text);
  const char *name;

  if (length > EXPRESSION_MAX) {
    snprintf(why, why_size, "has %zu octets, %d is the limit", length,
             EXPRESSION_MAX);
    return -EINVAL;
  }
  if (!expression_find_name(text, &name, &length))
    return 0;
  snprintf(why, why_size,
           "\"%.*s\" is a name, which would have to be looked up: write the "
           "address",
           (int)length, name);
  return -EINVAL;
}

static int compile_all(struct filter *filter, char *why, size_t why_size) {
  bool is_right = false;

  for (enum link l = 0; l < LINK_OTHER; l++) {
    int error = compile(&filter->variants[l], filter->text, link_types[l]);
    if (error)
      return error;
    is_right |= filter->variants[l].program.count > 0;
  }
  if (is_right)
    return 0;
  snprintf(why, why_size, "%s", filter->variants[LINK_ETHERNET].why_not);
  return -EINVAL;
}

int filter_open(const char *text, struct filter **ret_filter, char *why,
                size_t why_size) {
  int error = check(text, why, why_size);

  if (error)
    return error;
  size_t size = strlen(text) + 1;
  struct filter *filter = calloc(1, sizeof(*filter) + size);
  if (!filter)
    return -ENOMEM;
  memcpy(filter->text, text, size);
  error = compile_all(filter, why, why_size);
  if (error)
    filter_close(filter);
  else
    *ret_filter = filter;
  return error;
}

struct filter *filter_close(struct filter *filter) {
  for (enum link l = 0; filter && l < LINK_OTHER; l++)
    forget_program(&filter->variants[l]);
  free(filter);
  return NULL;
}

const char *filter_text(const struct filter *filter) { return filter->text; }

bool filter_reads_tags(const struct filter *filter) {
  return expression_has_word(filter->text, "vlan");
}

const struct classic *filter_program(const struct filter *filter,
                                     enum link link) {
  const struct classic *program = &filter->variants[link].program;

  return program->count ? program : NULL;
}

const char *filter_why_not(const struct filter *filter, enum link link) {
  return filter->variants[link].why_not;
}

__u64 filter_reach(const struct filter *filter, enum link link) {
  return classic_reach(&filter->variants[link].program);
}
