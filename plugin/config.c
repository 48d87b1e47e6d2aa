// SPDX-License-Identifier: MIT

#include "plugin/config.h"

#include <errno.h>
#include <strings.h>

#include "plugin/log.h"

/* The options of an <Interface> block. */
static void read_block(const struct option *block, struct overrides *overrides,
                       struct mistakes *mistakes) {
  mistakes->block = block;
  for (size_t i = 0; i < block->children_count; i++) {
    const struct option *option = &block->children[i];
    if (!settings_add(overrides, option, mistakes))
      mistakes_add(mistakes,
                   "%.64s: no such option; known are " SETTINGS_OPTIONS,
                   option->key);
  }
  mistakes->block = NULL;
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

  read_block(option, &overrides, &config->mistakes);
  if (!text)
    return 0;
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
  if (!settings_add(&config->global, option, &config->mistakes) &&
      !add_switch(config, option))
    mistakes_add(&config->mistakes,
                 "%.64s: no such option; known are Interface, "
                 "IgnoreSelected, " SETTINGS_OPTIONS ", ReportInactive",
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
  *config = CONFIG_DEFAULT;
}
