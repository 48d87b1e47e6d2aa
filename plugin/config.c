// SPDX-License-Identifier: MIT

#include "plugin/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugin/groups.h"
#include "plugin/log.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

#define MODES "\"auto\", \"native\", \"generic\" or \"tc\""
#define DIRECTIONS "\"rx\", \"tx\" or \"both\""

static const char *const mode_names[] = {
    [MODE_AUTO] = "auto",
    [MODE_NATIVE] = "native",
    [MODE_GENERIC] = "generic",
    [MODE_TC] = "tc",
};

const char *config_mode_name(enum mode mode) { return mode_names[mode]; }

/* As much of a value as a message has room for. */
#define VALUE "\"%.64s\""

/* Logs what is wrong with an option and counts it. */
static void mistake(struct config *config, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void mistake(struct config *config, const char *format, ...) {
  char text[512];
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  log_write(LOG_ERR, "configuration: %s", text);
  config->mistakes++;
}

static int print_value(char *text, size_t size,
                       const struct option_value *value) {
  switch (value->type) {
  case OPTION_STRING:
    return snprintf(text, size, " " VALUE, value->string);
  case OPTION_NUMBER:
    return snprintf(text, size, " %g", value->number);
  default:
    return snprintf(text, size, " %s", value->boolean ? "true" : "false");
  }
}

/* A mistake in the number or the type of an option's values. */
static void bad_values(struct config *config, const struct option *option,
                       const char *allowed) {
  char values[256] = "";
  size_t length = 0;

  for (size_t i = 0; i < option->values_count && length < sizeof(values); i++)
    length += print_value(values + length, sizeof(values) - length,
                          &option->values[i]);
  mistake(config, "%s%s: takes %s", option->key, values, allowed);
}

/* The option's only value, or NULL after a mistake. */
static const char *only_string(struct config *config,
                               const struct option *option,
                               const char *allowed) {
  if (option->values_count == 1 && option->values->type == OPTION_STRING)
    return option->values->string;
  bad_values(config, option, allowed);
  return NULL;
}

/* What dev_valid_name() of the kernel's net/core/dev.c takes. */
static bool is_interface_name(const char *name) {
  return *name && strlen(name) < IF_NAMESIZE && strcmp(name, ".") != 0 &&
         strcmp(name, "..") != 0 && !strpbrk(name, "/: \t\n\v\f\r");
}

static bool has_interface(const struct config *config, const char *name) {
  for (size_t i = 0; i < config->interfaces_count; i++)
    if (strcmp(config->interfaces[i], name) == 0)
      return true;
  return false;
}

static int add_interface(struct config *config, const struct option *option) {
  const char *name = only_string(config, option, "the name of one interface");

  if (!name)
    return 0;
  if (!is_interface_name(name)) {
    mistake(config,
            "Interface " VALUE
            ": not the name of an interface; a name has 1 to "
            "%d octets, none of them '/', ':' or white space",
            name, IF_NAMESIZE - 1);
    return 0;
  }
  if (has_interface(config, name)) {
    log_write(LOG_WARNING,
              "configuration: Interface \"%s\" is listed twice; once is enough",
              name);
    return 0;
  }

  void *grown = reallocarray(config->interfaces, config->interfaces_count + 1,
                             sizeof(*config->interfaces));
  if (!grown)
    return -ENOMEM;
  config->interfaces = grown;
  memcpy(config->interfaces[config->interfaces_count++], name,
         strlen(name) + 1);
  return 0;
}

static int set_mode(struct config *config, const struct option *option) {
  const char *name = only_string(config, option, "one of " MODES);

  if (!name)
    return 0;
  for (size_t i = 0; i < COUNT_OF(mode_names); i++) {
    if (strcasecmp(mode_names[i], name) == 0) {
      config->mode = i;
      return 0;
    }
  }
  mistake(config, "Mode " VALUE ": no such mode; use " MODES, name);
  return 0;
}

static int set_direction(struct config *config, const struct option *option) {
  static const struct {
    const char *name;
    unsigned directions;
  } words[] = {
      {"rx", DIRECTION_BIT(DIRECTION_RX)},
      {"tx", DIRECTION_BIT(DIRECTION_TX)},
      {"both", DIRECTION_BIT(DIRECTION_RX) | DIRECTION_BIT(DIRECTION_TX)},
  };
  const char *name = only_string(config, option, "one of " DIRECTIONS);

  if (!name)
    return 0;
  for (size_t i = 0; i < COUNT_OF(words); i++) {
    if (strcasecmp(words[i].name, name) == 0) {
      config->directions = words[i].directions;
      return 0;
    }
  }
  mistake(config, "Direction " VALUE ": no such direction; use " DIRECTIONS,
          name);
  return 0;
}

/* The set that a word of Report stands for, 0 if none. */
static __u32 groups_of(const char *name) {
  if (strcasecmp(name, "all") == 0)
    return GROUPS_ALL;
  for (enum group g = 0; g < GROUP_COUNT; g++)
    if (strcasecmp(groups_name(g), name) == 0)
      return GROUP_BIT(g);
  return 0;
}

static void unknown_group(struct config *config, const char *name) {
  char known[128] = "";
  size_t length = 0;

  for (enum group g = 0; g < GROUP_COUNT; g++)
    length += snprintf(known + length, sizeof(known) - length, "\"%s\", ",
                       groups_name(g));
  mistake(config, "Report " VALUE ": no such group; known are %s\"all\"", name,
          known);
}

static int add_report(struct config *config, const struct option *option) {
  if (!option->values_count)
    bad_values(config, option, "groups, as in \"protocol\" \"cast\"");

  for (size_t i = 0; i < option->values_count; i++) {
    const struct option_value *value = &option->values[i];
    if (value->type != OPTION_STRING) {
      bad_values(config, option, "groups, as in \"protocol\" \"cast\"");
      return 0;
    }
    __u32 groups = groups_of(value->string);
    if (!groups) {
      unknown_group(config, value->string);
      continue;
    }
    config->groups = (config->has_report ? config->groups : 0) | groups;
    config->has_report = true;
  }
  return 0;
}

/* As collectd's own options: the strings stand for a boolean as well. */
static bool parse_boolean(const struct option_value *value, bool *ret) {
  static const char *const words[] = {"false", "no",  "off",
                                      "true",  "yes", "on"};

  if (value->type == OPTION_BOOLEAN) {
    *ret = value->boolean;
    return true;
  }
  for (size_t i = 0; value->type == OPTION_STRING && i < COUNT_OF(words); i++) {
    if (strcasecmp(words[i], value->string) == 0) {
      *ret = i >= COUNT_OF(words) / 2;
      return true;
    }
  }
  return false;
}

static int set_report_inactive(struct config *config,
                               const struct option *option) {
  if (option->values_count != 1 ||
      !parse_boolean(option->values, &config->report_inactive))
    bad_values(config, option, "true or false");
  return 0;
}

static const struct {
  const char *key;
  int (*add)(struct config *config, const struct option *option);
} options[] = {
    {"Interface", add_interface},
    {"Mode", set_mode},
    {"Direction", set_direction},
    {"Report", add_report},
    {"ReportInactive", set_report_inactive},
};

static int add_option(struct config *config, const struct option *option) {
  for (size_t i = 0; i < COUNT_OF(options); i++) {
    if (strcasecmp(options[i].key, option->key) != 0)
      continue;
    if (option->children_count) {
      mistake(config, "%s is an option, not a block", option->key);
      return 0;
    }
    return options[i].add(config, option);
  }

  char known[256] = "";
  size_t length = 0;
  for (size_t i = 0; i < COUNT_OF(options); i++)
    length += snprintf(known + length, sizeof(known) - length, "%s%s",
                       i ? ", " : "", options[i].key);
  mistake(config, "%.64s: no such option; known are %s", option->key, known);
  return 0;
}

int config_add(struct config *config, const struct option *block) {
  for (size_t i = 0; i < block->children_count; i++) {
    int error = add_option(config, &block->children[i]);
    if (error)
      return error;
  }
  return 0;
}

int config_check(const struct config *config) {
  if (config->mistakes)
    return -EINVAL;
  if (!config->interfaces_count) {
    log_write(LOG_ERR, "configuration: no interface is selected; add a line "
                       "Interface \"eth0\" to <Plugin xdp>");
    return -EINVAL;
  }
  return 0;
}

void config_free(struct config *config) {
  free(config->interfaces);
  *config = CONFIG_DEFAULT;
}
