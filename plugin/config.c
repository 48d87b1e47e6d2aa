// SPDX-License-Identifier: MIT

#include "plugin/config.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "plugin/log.h"

/* --- <Counter> --------------------------------------------------------------
 */

/* The only Filter of a <Counter> block, or NULL after a mistake. */
static const char *filter_of(const struct option *block,
                             struct mistakes *mistakes) {
  const char *text = NULL;
  bool is_wrong = false;

  for (size_t i = 0; i < block->children_count; i++) {
    const struct option *option = &block->children[i];
    is_wrong = true;
    if (strcasecmp(option->key, "Filter") != 0)
      mistakes_add(mistakes, "%.64s: no such option; known is Filter",
                   option->key);
    else if (text)
      mistakes_add(mistakes, "Filter is given twice; join them by \"or\"");
    else if ((text = option_string(option, "an expression of pcap-filter(7)",
                                   mistakes)))
      is_wrong = false;
    if (is_wrong)
      return NULL;
  }
  if (!text)
    mistakes_add(mistakes, "Filter is missing; say what is to be counted, as "
                           "in Filter \"udp port 53\"");
  return text;
}

static bool has_name(const struct counters *counters, __u64 set,
                     const char *name) {
  for (size_t i = 0; i < counters->count; i++)
    if (set & COUNTER_BIT(i) && strcmp(counters->list[i].name, name) == 0)
      return true;
  return false;
}

/* Returns 0 or -ENOMEM. */
static int add_filter(struct config *config, const char *name, const char *text,
                      struct overrides *overrides) {
  char why[512];
  unsigned index;

  int error =
      counters_add(&config->counters, name, text, &index, why, sizeof(why));
  if (error == -EINVAL)
    mistakes_add(&config->mistakes, "Filter \"%.200s\": %s", text, why);
  if (!error)
    overrides->settings.counters |= COUNTER_BIT(index);
  return error == -ENOMEM ? error : 0;
}

static int read_counter(struct config *config, const struct option *block,
                        const char *name, struct overrides *overrides) {
  struct mistakes *mistakes = &config->mistakes;
  const char *text = filter_of(block, mistakes);
  char why[256];

  if (counter_check_name(name, why, sizeof(why)) != 0)
    mistakes_add(mistakes, "%s", why);
  else if (has_name(&config->counters, overrides->settings.counters, name))
    mistakes_add(mistakes, "there is a counter of that name already; call one "
                           "of them otherwise");
  else if (text)
    return add_filter(config, name, text, overrides);
  return 0;
}

/* Adds what a <Counter> block says to the overrides. Returns 0 or -ENOMEM. */
static int add_counter(struct config *config, const struct option *block,
                       struct overrides *overrides) {
  struct mistakes *mistakes = &config->mistakes;
  const struct option *around = mistakes->block;
  const char *name = option_string(
      block, "the name of one counter, as in <Counter \"dns\">", mistakes);

  if (!name)
    return 0;
  mistakes->block = block;
  int error = read_counter(config, block, name, overrides);
  mistakes->block = around;
  return error;
}

/* --- <Interface> ------------------------------------------------------------
 */

/* The options of an <Interface> block. Returns 0 or -ENOMEM. */
static int read_block(struct config *config, const struct option *block,
                      struct overrides *overrides) {
  struct mistakes *mistakes = &config->mistakes;
  int error = 0;

  mistakes->block = block;
  for (size_t i = 0; i < block->children_count && !error; i++) {
    const struct option *option = &block->children[i];
    if (strcasecmp(option->key, "Counter") == 0)
      error = add_counter(config, option, overrides);
    else if (!settings_add(overrides, option, mistakes))
      mistakes_add(mistakes,
                   "%.64s: no such option; known are " SETTINGS_OPTIONS
                   ", Counter",
                   option->key);
  }
  mistakes->block = NULL;
  return error;
}

static void warn_of_twice(const struct rule *before, bool is_block) {
  const char *remedy = !before->is_block && !is_block ? "once is enough"
                       : before->is_block && is_block ? "the first block holds"
                                                      : "its block holds";

  log_write(LOG_WARNING,
            "configuration: Interface " OPTION_VALUE " is listed twice; %s",
            pattern_text(before->pattern), remedy);
}

static int select_interface(struct config *config, const char *text,
                            const struct overrides *overrides) {
  struct pattern *pattern;
  char why[256];
  int error = pattern_open(text, &pattern, why, sizeof(why));

  if (error == -EINVAL) {
    mistakes_add(&config->mistakes, "Interface " OPTION_VALUE ": %s", text,
                 why);
    return 0;
  }
  if (error)
    return error;
  const struct rule *before = selection_rule(&config->selection, text);
  if (before)
    warn_of_twice(before, overrides != NULL);
  return selection_add(&config->selection, pattern, overrides);
}

/* A line, or a block. collectd hands over a block without options in it as if
 * it were a line, and then it is one: it selects, or under IgnoreSelected
 * excludes. */
static int add_interface(struct config *config, const struct option *option) {
  const char *text = option_string(
      option, "the name of one interface, or one /regex/", &config->mistakes);
  struct overrides overrides = {0};

  int error = read_block(config, option, &overrides);
  if (!text || error)
    return error;
  return select_interface(config, text,
                          option->children_count ? &overrides : NULL);
}

static void set_ignore_selected(struct config *config,
                                const struct option *option) {
  option_boolean(option, &config->selection.ignores_lines, &config->mistakes);
}

static void set_report_inactive(struct config *config,
                                const struct option *option) {
  option_boolean(option, &config->report_inactive, &config->mistakes);
}

static const struct {
  const char *key;
  void (*set)(struct config *config, const struct option *option);
} switches[] = {
    {"IgnoreSelected", set_ignore_selected},
    {"ReportInactive", set_report_inactive},
};

static bool add_switch(struct config *config, const struct option *option) {
  for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++) {
    if (strcasecmp(switches[i].key, option->key) != 0)
      continue;
    if (option_is_no_block(option, &config->mistakes))
      switches[i].set(config, option);
    return true;
  }
  return false;
}

static int add_option(struct config *config, const struct option *option) {
  if (strcasecmp(option->key, "Interface") == 0)
    return add_interface(config, option);
  if (strcasecmp(option->key, "Counter") == 0)
    return add_counter(config, option, &config->global);
  if (!settings_add(&config->global, option, &config->mistakes) &&
      !add_switch(config, option))
    mistakes_add(&config->mistakes,
                 "%.64s: no such option; known are Interface, "
                 "IgnoreSelected, " SETTINGS_OPTIONS
                 ", ReportInactive, Counter",
                 option->key);
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

/* Of an interface all have names of their own: its block's are added to the
 * global ones, wherever these stand. */
static void refuse_twins(struct config *config) {
  const struct counters *counters = &config->counters;
  __u64 global = config->global.settings.counters;

  for (size_t i = 0; i < config->selection.count; i++) {
    const struct rule *rule = &config->selection.rules[i];
    __u64 own = rule->overrides.settings.counters & ~global;
    for (size_t c = 0; c < counters->count; c++)
      if (own & COUNTER_BIT(c) &&
          has_name(counters, global, counters->list[c].name))
        mistakes_add(&config->mistakes,
                     "<Interface " OPTION_VALUE
                     ">: <Counter \"%.64s\">: there is a global counter of "
                     "that name; call one of them otherwise",
                     pattern_text(rule->pattern), counters->list[c].name);
  }
}

static void warn_of_shadows(const struct selection *selection) {
  for (size_t i = 0; i < selection->count; i++) {
    const struct rule *rule = &selection->rules[i];
    const struct rule *first = selection_shadow(selection, rule);
    if (first)
      log_write(LOG_WARNING,
                "configuration: <Interface " OPTION_VALUE
                ">: <Interface " OPTION_VALUE
                "> before it matches as well and holds; put this one before it",
                pattern_text(rule->pattern), pattern_text(first->pattern));
  }
}

int config_complete(struct config *config) {
  struct settings global =
      settings_override(&SETTINGS_DEFAULT, &config->global);

  selection_resolve(&config->selection, &global);
  warn_of_shadows(&config->selection);
  refuse_twins(config);
  if (config->mistakes.count)
    return -EINVAL;
  if (!selection_has_any(&config->selection)) {
    log_write(LOG_ERR, "configuration: no interface is selected; add a line "
                       "Interface \"eth0\" to <Plugin xdp>");
    return -EINVAL;
  }
  return 0;
}

void config_free(struct config *config) {
  selection_free(&config->selection);
  counters_clear(&config->counters);
  *config = CONFIG_DEFAULT;
}
