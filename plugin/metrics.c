// SPDX-License-Identifier: MIT

#include "plugin/metrics.h"

#include <stdio.h>

#include "plugin/counter.h"
#include "plugin/groups.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* Truncated and malformed frames are `invalid` together. */
static const char *const protocol_names[] = {
    [PROTOCOL_IPV4_TCP] = "ipv4-tcp",
    [PROTOCOL_IPV4_UDP] = "ipv4-udp",
    [PROTOCOL_IPV4_ICMP] = "ipv4-icmp",
    [PROTOCOL_IPV4_IGMP] = "ipv4-igmp",
    [PROTOCOL_IPV4_SCTP] = "ipv4-sctp",
    [PROTOCOL_IPV4_GRE] = "ipv4-gre",
    [PROTOCOL_IPV4_ESP] = "ipv4-esp",
    [PROTOCOL_IPV4_FRAGMENT] = "ipv4-fragment",
    [PROTOCOL_IPV4_OTHER] = "ipv4-other",
    [PROTOCOL_IPV6_TCP] = "ipv6-tcp",
    [PROTOCOL_IPV6_UDP] = "ipv6-udp",
    [PROTOCOL_IPV6_ICMP] = "ipv6-icmp",
    [PROTOCOL_IPV6_SCTP] = "ipv6-sctp",
    [PROTOCOL_IPV6_GRE] = "ipv6-gre",
    [PROTOCOL_IPV6_ESP] = "ipv6-esp",
    [PROTOCOL_IPV6_FRAGMENT] = "ipv6-fragment",
    [PROTOCOL_IPV6_OTHER] = "ipv6-other",
    [PROTOCOL_ARP] = "arp",
    [PROTOCOL_OTHER] = "other",
};

_Static_assert(COUNT_OF(protocol_names) == PROTOCOL_TRUNCATED,
               "all but the invalid ones have a name");

static const char *const cast_names[CAST_COUNT] = {
    [CAST_UNICAST] = "unicast",
    [CAST_MULTICAST] = "multicast",
    [CAST_BROADCAST] = "broadcast",
};

static const char *const size_names[SIZE_COUNT] = {
    [SIZE_0_63] = "0-63",         [SIZE_64_127] = "64-127",
    [SIZE_128_255] = "128-255",   [SIZE_256_511] = "256-511",
    [SIZE_512_1023] = "512-1023", [SIZE_1024_1518] = "1024-1518",
    [SIZE_1519_MAX] = "1519-max",
};

static const char *const vlan_names[VLAN_COUNT] = {
    [VLAN_UNTAGGED] = "untagged",
    [VLAN_TAGGED] = "tagged",
    [VLAN_QINQ] = "qinq",
};

static const char *const tcp_names[TCP_COUNT] = {
    [TCP_SYN] = "syn",
    [TCP_SYNACK] = "synack",
    [TCP_FIN] = "fin",
    [TCP_RST] = "rst",
};

static const char *const verdict_names[VERDICT_COUNT] = {
    [VERDICT_PASS] = "pass",       [VERDICT_DROP] = "drop",
    [VERDICT_TX] = "tx",           [VERDICT_REDIRECT] = "redirect",
    [VERDICT_ABORTED] = "aborted",
};

/* The groups whose members have names, all of which are always reported. */
static const struct {
  enum group group;
  const char *const *names;
  size_t names_count;
  bool octets;
} named_groups[] = {
    {GROUP_PROTOCOL, protocol_names, COUNT_OF(protocol_names), true},
    {GROUP_CAST, cast_names, CAST_COUNT, true},
    {GROUP_SIZE, size_names, SIZE_COUNT, false},
    {GROUP_VLAN, vlan_names, VLAN_COUNT, true},
    {GROUP_TCP, tcp_names, TCP_COUNT, false},
    {GROUP_VERDICT, verdict_names, VERDICT_COUNT, true},
};

/* The types of one direction. */
struct types {
  const char *packets, *octets, *errors;
};

static const struct types direction_types[DIRECTION_COUNT] = {
    [DIRECTION_RX] = {"if_rx_packets", "if_rx_octets", "if_rx_errors"},
    [DIRECTION_TX] = {"if_tx_packets", "if_tx_octets", "if_tx_errors"},
};

/* Where the values of one interface go. */
struct outlet {
  const struct types *types;
  metrics_sink *sink;
  void *context;
};

static void emit_value(const struct outlet *outlet, const char *type,
                       const char *type_instance, __u64 value) {
  struct metric metric = {type, type_instance, value};

  outlet->sink(outlet->context, &metric);
}

static void emit_member(const struct outlet *outlet, enum group group,
                        const char *name, const struct cell *cell,
                        bool octets) {
  char type_instance[128];

  snprintf(type_instance, sizeof(type_instance), "%s-%s", groups_name(group),
           name);
  emit_value(outlet, outlet->types->packets, type_instance, cell->packets);
  if (octets)
    emit_value(outlet, outlet->types->octets, type_instance, cell->octets);
}

static void emit_number(const struct outlet *outlet, enum group group,
                        size_t number, const struct cell *cell) {
  char name[24];

  snprintf(name, sizeof(name), "%zu", number);
  emit_member(outlet, group, name, cell, true);
}

static void emit_total(const struct outlet *outlet,
                       const struct counts *counts) {
  emit_value(outlet, outlet->types->packets, "", counts->total.packets);
  emit_value(outlet, outlet->types->octets, "", counts->total.octets);
}

static const struct cell *cells_of(const struct counts *counts,
                                   enum group group) {
  return &counts->cells[counts->layout.first[group]];
}

static void emit_invalid(const struct outlet *outlet,
                         const struct counts *counts) {
  const struct cell *cells = cells_of(counts, GROUP_PROTOCOL);
  const struct cell *truncated = &cells[PROTOCOL_TRUNCATED];
  const struct cell *malformed = &cells[PROTOCOL_MALFORMED];
  struct cell invalid = {truncated->packets + malformed->packets,
                         truncated->octets + malformed->octets};

  emit_member(outlet, GROUP_PROTOCOL, "invalid", &invalid, true);
  emit_value(outlet, outlet->types->errors, "truncated", truncated->packets);
  emit_value(outlet, outlet->types->errors, "malformed", malformed->packets);
}

/* 64 code points would flood a server: those that occurred. Not two values in
 * one read: collectd's write threads may swap them. */
static void emit_dscp(const struct outlet *outlet, const struct counts *counts,
                      __u64 *seen) {
  static const struct cell zero;
  const struct cell *cells = cells_of(counts, GROUP_DSCP);

  for (size_t i = 0; i < DSCP_COUNT; i++) {
    __u64 bit = 1ULL << i;
    if (!cells[i].packets)
      continue;
    emit_number(outlet, GROUP_DSCP, i, *seen & bit ? &cells[i] : &zero);
    *seen |= bit;
  }
}

/* The queues that there are; one that counted was there. */
static void emit_queues(const struct outlet *outlet,
                        const struct counts *counts) {
  const struct cell *cells = cells_of(counts, GROUP_QUEUE);

  for (size_t i = 0; i < QUEUE_OTHER; i++)
    if (i < counts->queues || cells[i].packets)
      emit_number(outlet, GROUP_QUEUE, i, &cells[i]);
  if (counts->queues > QUEUE_OTHER || cells[QUEUE_OTHER].packets)
    emit_member(outlet, GROUP_QUEUE, "other", &cells[QUEUE_OTHER], true);
  emit_member(outlet, GROUP_QUEUE, "unrecorded", &cells[QUEUE_UNRECORDED],
              true);
}

/* The CPUs that are online; one that counted was. */
static void emit_cpus(const struct outlet *outlet,
                      const struct counts *counts) {
  for (size_t i = 0; i < counts->cpus_count; i++) {
    const struct cpu_count *cpu = &counts->cpus[i];
    if (cpu->online || cpu->total.packets)
      emit_number(outlet, GROUP_CPU, i, &cpu->total);
  }
}

static void emit_counters(const struct outlet *outlet,
                          const struct counts *counts, __u64 set) {
  const struct cell *cells = cells_of(counts, GROUP_COUNTER);

  for (size_t i = 0; i < counts->layout.counters; i++)
    if (set & COUNTER_BIT(i))
      emit_member(outlet, GROUP_COUNTER, counts->counters->list[i].name,
                  &cells[i], true);
}

void metrics_emit(__u32 groups, __u64 counters, enum direction direction,
                  const struct counts *counts, __u64 *dscp_seen,
                  metrics_sink *sink, void *context) {
  const struct outlet outlet = {&direction_types[direction], sink, context};

  emit_total(&outlet, counts);
  for (size_t i = 0; i < COUNT_OF(named_groups); i++) {
    enum group group = named_groups[i].group;
    const struct cell *cells = cells_of(counts, group);
    if (!(groups & GROUP_BIT(group)))
      continue;
    for (size_t j = 0; j < named_groups[i].names_count; j++)
      emit_member(&outlet, group, named_groups[i].names[j], &cells[j],
                  named_groups[i].octets);
  }
  if (groups & GROUP_BIT(GROUP_PROTOCOL))
    emit_invalid(&outlet, counts);
  if (groups & GROUP_BIT(GROUP_DSCP))
    emit_dscp(&outlet, counts, dscp_seen);
  if (groups & GROUP_BIT(GROUP_QUEUE) && direction == DIRECTION_RX)
    emit_queues(&outlet, counts);
  if (groups & GROUP_BIT(GROUP_CPU))
    emit_cpus(&outlet, counts);
  emit_counters(&outlet, counts, counters);
}

void metrics_emit_state(bool is_attached,
                        const unsigned modes[static DIRECTION_COUNT],
                        metrics_sink *sink, void *context) {
  const struct metric gauges[] = {
      {"gauge", "attached", is_attached},
      {"gauge", "rx_mode", modes[DIRECTION_RX]},
      {"gauge", "tx_mode", modes[DIRECTION_TX]},
  };

  for (size_t i = 0; i < COUNT_OF(gauges); i++)
    sink(context, &gauges[i]);
}
