// SPDX-License-Identifier: MIT

#include "plugin/settings.h"

#include <stdio.h>
#include <strings.h>

enum {
  GIVEN_MODE = 1 << 0,
  GIVEN_DIRECTION = 1 << 1,
  GIVEN_BUSY = 1 << 2,
  GIVEN_REPORT = 1 << 3
};

static const struct words modes = {
    "mode",
    4,
    {
        [MODE_AUTO] = {"auto", MODE_AUTO},
        [MODE_NATIVE] = {"native", MODE_NATIVE},
        [MODE_GENERIC] = {"generic", MODE_GENERIC},
        [MODE_TC] = {"tc", MODE_TC},
    }};

static const struct words directions = {
    "direction",
    3,
    {
        {"rx", DIRECTION_BIT(DIRECTION_RX)},
        {"tx", DIRECTION_BIT(DIRECTION_TX)},
        {"both", DIRECTION_BIT(DIRECTION_RX) | DIRECTION_BIT(DIRECTION_TX)},
    }};

static const struct words busies = {
    "choice",
    3,
    {{"observe", BUSY_OBSERVE}, {"tc", BUSY_TC}, {"skip", BUSY_SKIP}}};

const char *settings_mode_name(enum mode mode) { return modes.list[mode].name; }

static void set_mode(struct overrides *overrides, const struct option *option,
                     struct mistakes *mistakes) {
  unsigned mode;

  if (!option_word(option, &modes, &mode, mistakes))
    return;
  overrides->settings.mode = mode;
  overrides->given |= GIVEN_MODE;
}

static void set_direction(struct overrides *overrides,
                          const struct option *option,
                          struct mistakes *mistakes) {
  if (option_word(option, &directions, &overrides->settings.directions,
                  mistakes))
    overrides->given |= GIVEN_DIRECTION;
}

static void set_busy(struct overrides *overrides, const struct option *option,
                     struct mistakes *mistakes) {
  unsigned busy;

  if (!option_word(option, &busies, &busy, mistakes))
    return;
  overrides->settings.busy = busy;
  overrides->given |= GIVEN_BUSY;
}

/* Users' own counters are told wherever they are configured. */
static bool is_chosen(enum group group) { return group != GROUP_COUNTER; }

/* The set that a word of Report stands for, 0 if none. */
static __u32 groups_of(const char *name) {
  if (strcasecmp(name, "all") == 0)
    return GROUPS_ALL;
  for (enum group g = 0; g < GROUP_COUNT; g++)
    if (is_chosen(g) && strcasecmp(groups_name(g), name) == 0)
      return GROUP_BIT(g);
  return 0;
}

static void refuse_group(const char *name, struct mistakes *mistakes) {
  char known[128] = "";
  size_t length = 0;

  for (enum group g = 0; g < GROUP_COUNT; g++)
    if (is_chosen(g))
      length += snprintf(known + length, sizeof(known) - length, "\"%s\", ",
                         groups_name(g));
  mistakes_add(mistakes,
               "Report " OPTION_VALUE ": no such group; known are %s\"all\"",
               name, known);
}

static void add_groups(struct overrides *overrides, __u32 groups) {
  bool is_first = !(overrides->given & GIVEN_REPORT);

  overrides->settings.groups =
      (is_first ? 0 : overrides->settings.groups) | groups;
  overrides->given |= GIVEN_REPORT;
}

static void add_report(struct overrides *overrides, const struct option *option,
                       struct mistakes *mistakes) {
  static const char allowed[] = "groups, as in \"protocol\" \"cast\"";

  if (!option->values_count)
    option_refuse_values(option, allowed, mistakes);

  for (size_t i = 0; i < option->values_count; i++) {
    const struct option_value *value = &option->values[i];
    if (value->type != OPTION_STRING) {
      option_refuse_values(option, allowed, mistakes);
      return;
    }
    __u32 groups = groups_of(value->string);
    if (groups)
      add_groups(overrides, groups);
    else
      refuse_group(value->string, mistakes);
  }
}

static const struct {
  const char *key;
  void (*add)(struct overrides *overrides, const struct option *option,
              struct mistakes *mistakes);
} options[] = {
    {"Mode", set_mode},
    {"Direction", set_direction},
    {"Busy", set_busy},
    {"Report", add_report},
};

bool settings_add(struct overrides *overrides, const struct option *option,
                  struct mistakes *mistakes) {
  for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
    if (strcasecmp(options[i].key, option->key) != 0)
      continue;
    if (option_is_no_block(option, mistakes))
      options[i].add(overrides, option, mistakes);
    return true;
  }
  return false;
}

struct settings settings_override(const struct settings *base,
                                  const struct overrides *overrides) {
  const struct settings *own = &overrides->settings;
  unsigned given = overrides->given;

  return (struct settings){
      .mode = given & GIVEN_MODE ? own->mode : base->mode,
      .directions =
          given & GIVEN_DIRECTION ? own->directions : base->directions,
      .busy = given & GIVEN_BUSY ? own->busy : base->busy,
      .groups = given & GIVEN_REPORT ? own->groups : base->groups,
      .counters = base->counters | own->counters,
  };
}
