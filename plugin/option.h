/* SPDX-License-Identifier: MIT */

/* An option of the configuration as the user wrote it: its value as a string, a
 * boolean or a word, and what is said where it is none. */
#ifndef PLUGIN_OPTION_H
#define PLUGIN_OPTION_H

#include <stdbool.h>
#include <stddef.h>

enum option_type { OPTION_STRING, OPTION_NUMBER, OPTION_BOOLEAN };

struct option_value {
  enum option_type type;
  const char *string; /* of OPTION_STRING */
  double number;      /* of OPTION_NUMBER */
  bool boolean;       /* of OPTION_BOOLEAN */
};

/* An option, or a block of them. */
struct option {
  const char *key;
  struct option_value *values;
  size_t values_count;
  struct option *children;
  size_t children_count;
};

/* As much of a value as a message has room for. */
#define OPTION_VALUE "\"%.64s\""

struct mistakes {
  unsigned count;
  const struct option *block; /* the <Interface> in which they are, or NULL */
};

/* Logs what is wrong with an option, in which block, and counts it. */
void mistakes_add(struct mistakes *mistakes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same of the number or the type of an option's values. */
void option_refuse_values(const struct option *option, const char *allowed,
                          struct mistakes *mistakes);

/* Whether it is no block, which is a mistake. */
bool option_is_no_block(const struct option *option, struct mistakes *mistakes);

/* The option's only value, or NULL after a mistake. */
const char *option_string(const struct option *option, const char *allowed,
                          struct mistakes *mistakes);

/* Sets *ret_value to the option's only value, or leaves it after a mistake. */
void option_boolean(const struct option *option, bool *ret_value,
                    struct mistakes *mistakes);

/* The words that an option takes, in any case, and what they stand for. */
struct words {
  const char *what; /* that one of them is, "mode" */
  size_t count;
  struct word {
    const char *name;
    unsigned value;
  } list[4];
};

/* Whether the option's only value is one of the words, and sets *ret_value to
 * what it stands for; else that is a mistake. */
bool option_word(const struct option *option, const struct words *words,
                 unsigned *ret_value, struct mistakes *mistakes);

#endif
