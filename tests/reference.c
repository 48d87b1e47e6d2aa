// SPDX-License-Identifier: MIT

#include "tests/reference.h"

#include <pcap/pcap.h>
#include <stdlib.h>

struct reference {
  struct bpf_program program;
};

struct reference *reference_open(const char *text, enum link link) {
  struct reference *reference = calloc(1, sizeof(*reference));
  pcap_t *pcap =
      pcap_open_dead(link == LINK_ETHERNET ? DLT_EN10MB : DLT_RAW, 262144);
  int status =
      pcap_compile(pcap, &reference->program, text, 1, PCAP_NETMASK_UNKNOWN);

  pcap_close(pcap);
  if (status == 0)
    return reference;
  free(reference);
  return NULL;
}

void reference_close(struct reference *reference) {
  if (reference)
    pcap_freecode(&reference->program);
  free(reference);
}

static bool matches(const struct bpf_program *program, const uint8_t *octets,
                    size_t length, size_t there) {
  struct pcap_pkthdr header = {.caplen = there, .len = length};

  return pcap_offline_filter(program, &header, octets) != 0;
}

bool reference_matches(const struct reference *reference, const uint8_t *octets,
                       size_t length, size_t there) {
  return matches(&reference->program, octets, length, there);
}

bool reference_program_matches(const struct classic *program,
                               const uint8_t *octets, size_t length,
                               size_t there) {
  struct bpf_program same = {.bf_len = program->count,
                             .bf_insns = (struct bpf_insn *)program->insns};

  return matches(&same, octets, length, there);
}
