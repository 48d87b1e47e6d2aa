// SPDX-License-Identifier: MIT

#include "tests/mutate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t state;

/* xorshift64* (Vigna 2016): the same frames everywhere for one seed. */
static uint64_t next(void) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545f4914f6cdd1dULL >> 16;
}

size_t mutate_below(size_t limit) { return next() % limit; }

static uint64_t from_environment(const char *name, uint64_t otherwise) {
  const char *value = getenv(name);

  return value ? strtoull(value, NULL, 0) : otherwise;
}

/* Octets that decide something when they stand in the right place. */
static uint8_t interesting(void) {
  static const uint8_t octets[] = {
      0x00, 0x01, 0x04, 0x06, 0x08, 0x11, 0x2b, 0x2c, 0x32, 0x33, 0x3a,
      0x3b, 0x3c, 0x45, 0x4f, 0x60, 0x81, 0x86, 0x88, 0xa8, 0xdd, 0xff};

  return mutate_below(4) ? octets[mutate_below(sizeof(octets))] : next();
}

uint64_t mutate_begin_with(const char *variable, uint64_t otherwise) {
  uint64_t count = from_environment(variable, otherwise);

  state = from_environment("SEED", time(NULL));
  printf("# SEED=%" PRIu64 " %s=%" PRIu64 "\n", state, variable, count);
  return count;
}

uint64_t mutate_begin(void) { return mutate_begin_with("FRAMES", 1000000); }

size_t mutate_next(uint8_t octets[FRAME_MAX], size_t limit) {
  const struct frame_case *c = &frame_cases[mutate_below(frame_cases_count)];
  size_t length = frame_octets(c, octets);

  if (length > limit)
    length = limit;
  if (!mutate_below(16))
    for (size_t i = 0; i < length; i++)
      octets[i] = next();
  for (size_t n = mutate_below(6); n; n--)
    octets[12 + mutate_below((length < 80 ? length : 80) - 12)] = interesting();
  if (!mutate_below(4))
    length = 14 + mutate_below(length - 13);
  for (size_t n = mutate_below(4) ? 0 : mutate_below(64); n && length < limit;
       n--)
    octets[length++] = next();
  return length;
}
