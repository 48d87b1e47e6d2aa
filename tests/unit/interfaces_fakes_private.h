/* SPDX-License-Identifier: MIT */

/* What the two halves share: interfaces_fakes.c (the thread, what is told, what
 * is read) and interfaces_machine.c (the cards). */
#ifndef TESTS_UNIT_INTERFACES_FAKES_PRIVATE_H
#define TESTS_UNIT_INTERFACES_FAKES_PRIVATE_H

#include <stdlib.h>

#include "tests/unit/interfaces_fakes.h"

#define THE_DATAPATH ((struct datapath *)&fakes)

/* The thread ends the program where cmocka's assertions would leave it by a
 * jump to another thread's stack. */
static inline void expect_in_thread(bool is_so) {
  if (!is_so)
    abort();
}

static inline const char *direction_name(enum direction direction) {
  return direction == DIRECTION_RX ? "rx" : "tx";
}

/* Notes it in fakes.happened. */
void happens(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Notes it in fakes.asked. */
void asks(const char *what, const char *name);

/* Where it is so, the thread stays there until end_slowness(). */
void be_slow(bool is_so);

extern int monitor_descriptor;
extern atomic_bool is_stopping;

/* Cards, ports and the monitor are gone. */
void machine_reset(void);

/* Ports that were made and not freed. */
size_t machine_ports(void);

bool machine_has_monitor(void);

void *__real_malloc(size_t size);

#endif
