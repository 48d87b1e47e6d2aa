// SPDX-License-Identifier: MIT

#include "tests/expect.h"

#include <stdbool.h>

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
