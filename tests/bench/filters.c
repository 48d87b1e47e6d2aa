// SPDX-License-Identifier: MIT

/* Users' counters: what a frame costs by their number. */
#include <stdio.h>

#include "plugin/counter.h"
#include "plugin/groups.h"
#include "tests/bench/bench.h"

/* What is measured, with so many counters. */
struct variant {
  size_t count;
  struct counters counters;
  struct datapath *datapath;
  struct port *port;
  struct samples ns;
};

static const size_t counts[] = {0, 1, 4, 16, 64};

enum { VARIANTS = sizeof(counts) / sizeof(*counts) };

/* A protocol and a port each, which no frame has. */
static void add_counters(struct counters *counters, size_t count) {
  char name[32], text[64], why[256] = "";
  unsigned index;

  for (size_t i = 0; i < count; i++) {
    snprintf(name, sizeof(name), "c%zu", i);
    snprintf(text, sizeof(text), "%s port %zu", i % 2 ? "tcp" : "udp",
             2000 + i);
    int error = counters_add(counters, name, text, &index, why, sizeof(why));
    if (error)
      die(why, error);
  }
}

static void set_up(struct variant *variant, enum entry entry, size_t count) {
  char why[512];

  variant->count = count;
  add_counters(&variant->counters, count);
  int error =
      datapath_open(GROUPS_DEFAULT, &variant->counters, ENTRY_BIT(entry),
                    &variant->datapath, why, sizeof(why));
  if (error)
    die(why, error);
  error = port_new(variant->datapath, entry, IFINDEX_LOOPBACK, LINK_ETHERNET,
                   COUNTERS_ALL, &variant->port);
  if (!error)
    error = ports_publish(&variant->port, 1);
  if (error)
    die("counters", error);
}

static void tear_down(struct variant *variant) {
  close_port(variant->port);
  datapath_close(variant->datapath);
  counters_clear(&variant->counters);
}

static void tell(const struct variant *variants, const char *entry,
                 const char *frame) {
  printf("%-10s %-10s", entry, frame);
  for (size_t i = 0; i < VARIANTS; i++) {
    struct summary more =
        summarise(samples_minus(&variants[i].ns, &variants[0].ns));
    char name[32];
    snprintf(name, sizeof(name), "%s %zu", entry, variants[i].count);
    printf(" %8.1f", i ? more.median : summarise(variants[i].ns).median);
    write_csv("filters", frame, 1, name, "ns", &more);
  }
  putchar('\n');
}

static void compare(const char *name, enum entry entry) {
  static const char *const frames[] = {"ipv4-tcp", "ipv4-udp", "ipv6-udp",
                                       "arp-request"};
  static struct variant variants[VARIANTS];

  for (size_t i = 0; i < VARIANTS; i++)
    set_up(&variants[i], entry, counts[i]);
  for (size_t f = 0; f < sizeof(frames) / sizeof(*frames); f++) {
    for (size_t run = 0; run < RUNS; run++)
      for (size_t i = 0; i < VARIANTS; i++) {
        struct variant *variant = &variants[(i + run) % VARIANTS];
        variant->ns.values[run] =
            cost_of(datapath_program(variant->datapath, entry), frames[f]);
      }
    tell(variants, name, frames[f]);
  }
  for (size_t i = 0; i < VARIANTS; i++) {
    tear_down(&variants[i]);
    variants[i] = (struct variant){0};
  }
}

void filters_compare(void) {
  printf("\nusers' counters, none of which matches, 1 CPU: ns a frame without, "
         "and more with so many\n%-10s %-10s",
         "", "");
  for (size_t i = 0; i < VARIANTS; i++)
    printf(" %8zu", counts[i]);
  putchar('\n');
  pin_to(0);
  compare("native", ENTRY_NATIVE);
  compare("tc", ENTRY_TC_RX);
  pin_to_none();
}
