// SPDX-License-Identifier: MIT

#include "plugin/option.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "plugin/log.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* "<Interface "/^veth/">: ", or nothing where there is no block. */
static void print_block(char *text, size_t size, const struct option *block) {
  text[0] = '\0';
  if (block && block->values_count && block->values->type == OPTION_STRING)
    snprintf(text, size, "<%s " OPTION_VALUE ">: ", block->key,
             block->values->string);
  else if (block)
    snprintf(text, size, "<%s>: ", block->key);
}

void mistakes_add(struct mistakes *mistakes, const char *format, ...) {
  char block[128], text[512];
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  print_block(block, sizeof(block), mistakes->block);
  log_write(LOG_ERR, "configuration: %s%s", block, text);
  mistakes->count++;
}

static int print_value(char *text, size_t size,
                       const struct option_value *value) {
  switch (value->type) {
  case OPTION_STRING:
    return snprintf(text, size, " " OPTION_VALUE, value->string);
  case OPTION_NUMBER:
    return snprintf(text, size, " %g", value->number);
  default:
    return snprintf(text, size, " %s", value->boolean ? "true" : "false");
  }
}

void option_refuse_values(const struct option *option, const char *allowed,
                          struct mistakes *mistakes) {
  char values[256] = "";
  size_t length = 0;

  for (size_t i = 0; i < option->values_count && length < sizeof(values); i++)
    length += print_value(values + length, sizeof(values) - length,
                          &option->values[i]);
  mistakes_add(mistakes, "%s%s: takes %s", option->key, values, allowed);
}

bool option_is_no_block(const struct option *option,
                        struct mistakes *mistakes) {
  if (!option->children_count)
    return true;
  mistakes_add(mistakes, "%s is an option, not a block", option->key);
  return false;
}

const char *option_string(const struct option *option, const char *allowed,
                          struct mistakes *mistakes) {
  if (option->values_count == 1 && option->values->type == OPTION_STRING)
    return option->values->string;
  option_refuse_values(option, allowed, mistakes);
  return NULL;
}

/* As collectd's own options: the strings stand for a boolean as well. */
static bool parse_boolean(const struct option_value *value, bool *ret_value) {
  static const char *const words[] = {"false", "no",  "off",
                                      "true",  "yes", "on"};

  if (value->type == OPTION_BOOLEAN) {
    *ret_value = value->boolean;
    return true;
  }
  for (size_t i = 0; value->type == OPTION_STRING && i < COUNT_OF(words); i++) {
    if (strcasecmp(words[i], value->string) == 0) {
      *ret_value = i >= COUNT_OF(words) / 2;
      return true;
    }
  }
  return false;
}

void option_boolean(const struct option *option, bool *ret_value,
                    struct mistakes *mistakes) {
  if (option->values_count != 1 || !parse_boolean(option->values, ret_value))
    option_refuse_values(option, "true or false", mistakes);
}

/* "auto", "native" or "tc" */
static void print_words(char *text, size_t size, const char *start,
                        const struct words *words) {
  size_t length = snprintf(text, size, "%s", start);

  for (size_t i = 0; i < words->count; i++)
    length += snprintf(text + length, size - length, "%s\"%s\"",
                       i == 0                 ? ""
                       : i + 1 < words->count ? ", "
                                              : " or ",
                       words->list[i].name);
}

bool option_word(const struct option *option, const struct words *words,
                 unsigned *ret_value, struct mistakes *mistakes) {
  char allowed[128];

  print_words(allowed, sizeof(allowed), "one of ", words);
  const char *name = option_string(option, allowed, mistakes);
  if (!name)
    return false;
  for (size_t i = 0; i < words->count; i++) {
    if (strcasecmp(words->list[i].name, name) == 0) {
      *ret_value = words->list[i].value;
      return true;
    }
  }
  print_words(allowed, sizeof(allowed), "", words);
  mistakes_add(mistakes, "%s " OPTION_VALUE ": no such %s; use %s", option->key,
               name, words->what, allowed);
  return false;
}
