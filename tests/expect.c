// SPDX-License-Identifier: MIT

#include "tests/expect.h"

#include <string.h>

void expect_add(const struct frame_case *c, size_t octets, uint64_t frames,
                const struct layout *layout, struct cell cells[CELLS_MAX]) {
  const struct {
    enum group group;
    unsigned member;
    bool applies;
  } expected[] = {
      {GROUP_PROTOCOL, c->protocol, true},
      {GROUP_CAST, c->cast, true},
      {GROUP_SIZE, c->size, true},
      {GROUP_VLAN, c->vlan, true},
      {GROUP_DSCP, c->dscp, c->protocol <= PROTOCOL_IPV6_OTHER},
      {GROUP_TCP, TCP_SYN, c->tcp & TCP_BIT(TCP_SYN)},
      {GROUP_TCP, TCP_SYNACK, c->tcp & TCP_BIT(TCP_SYNACK)},
      {GROUP_TCP, TCP_FIN, c->tcp & TCP_BIT(TCP_FIN)},
      {GROUP_TCP, TCP_RST, c->tcp & TCP_BIT(TCP_RST)},
  };

  for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
    struct cell *cell =
        &cells[layout->first[expected[i].group] + expected[i].member];
    if (!expected[i].applies)
      continue;
    cell->packets += frames;
    cell->octets += frames * octets;
  }
}

enum size expect_size(size_t octets) {
  static const size_t last[] = {63, 127, 255, 511, 1023, 1518};
  enum size size = SIZE_0_63;

  while (size < SIZE_1519_MAX && octets > last[size])
    size++;
  return size;
}

/* By the destination address of IP. */
static enum cast cast_of_ip(const uint8_t *ip, size_t length) {
  static const uint8_t all[] = {255, 255, 255, 255};
  bool is_ipv4 = ip[0] >> 4 == 4;

  if (length < (is_ipv4 ? 20 : 40))
    return CAST_UNICAST;
  if (is_ipv4 && memcmp(ip + 16, all, sizeof(all)) == 0)
    return CAST_BROADCAST;
  return (is_ipv4 ? ip[16] >> 4 == 0xe : ip[24] == 0xff) ? CAST_MULTICAST
                                                         : CAST_UNICAST;
}

bool expect_without_ethernet(struct frame_case *c, enum link link,
                             const uint8_t *octets, size_t length) {
  const uint8_t *ip = octets + 14;
  unsigned type = octets[12] << 8 | octets[13];
  unsigned version = length > 14 ? ip[0] >> 4 : 0;

  c->vlan = VLAN_UNTAGGED;
  c->size = expect_size(length - 14);
  if (link == LINK_OTHER || (version != 4 && version != 6)) {
    c->protocol = PROTOCOL_OTHER;
    c->cast = CAST_UNICAST;
    c->tcp = 0;
    c->whole = 1;
    if (link == LINK_IP && length == 14)
      c->protocol = PROTOCOL_TRUNCATED;
    return true;
  }
  c->cast = cast_of_ip(ip, length - 14);
  if (c->whole)
    c->whole -= 14;
  return type == (version == 4 ? 0x0800 : 0x86dd);
}
