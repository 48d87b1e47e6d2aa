/* SPDX-License-Identifier: MIT */

/* Options as collectd's parser hands them over. */
#ifndef TESTS_UNIT_OPTIONS_H
#define TESTS_UNIT_OPTIONS_H

#include "plugin/option.h"

#define STRING(text)                                                           \
  { .type = OPTION_STRING, .string = (text) }
#define BOOLEAN(value)                                                         \
  { .type = OPTION_BOOLEAN, .boolean = (value) }
#define NUMBER(value)                                                          \
  { .type = OPTION_NUMBER, .number = (value) }

/* One option of the given key and values. */
#define OPTION(name, ...)                                                      \
  (struct option) {                                                            \
    .key = (name), .values = (struct option_value[]){__VA_ARGS__},             \
    .values_count = sizeof((struct option_value[]){__VA_ARGS__}) /             \
                    sizeof(struct option_value)                                \
  }

/* A block of the given key, value and options. */
#define BLOCK(name, value, ...)                                                \
  (struct option) {                                                            \
    .key = (name), .values = (struct option_value[]){value},                   \
    .values_count = 1, .children = (struct option[]){__VA_ARGS__},             \
    .children_count =                                                          \
        sizeof((struct option[]){__VA_ARGS__}) / sizeof(struct option)         \
  }

#endif
