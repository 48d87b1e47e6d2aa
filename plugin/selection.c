// SPDX-License-Identifier: MIT

#include "plugin/selection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/places.h"

const struct rule *selection_rule(const struct selection *selection,
                                  const char *text) {
  for (size_t i = 0; i < selection->count; i++)
    if (strcmp(pattern_text(selection->rules[i].pattern), text) == 0)
      return &selection->rules[i];
  return NULL;
}

static void remove_rule(struct selection *selection, size_t index) {
  struct rule *rule = &selection->rules[index];

  pattern_close(rule->pattern);
  selection->count--;
  memmove(rule, rule + 1, (selection->count - index) * sizeof(*rule));
}

static int append_rule(struct selection *selection, const struct rule *rule) {
  struct rule *rules = reallocarray(selection->rules, selection->count + 1,
                                    sizeof(*selection->rules));

  if (!rules) {
    pattern_close(rule->pattern);
    return -ENOMEM;
  }
  selection->rules = rules;
  rules[selection->count++] = *rule;
  return 0;
}

/* A line that gives way is removed: the block has a place of its own among the
 * blocks. */
int selection_add(struct selection *selection, struct pattern *pattern,
                  const struct overrides *overrides) {
  const struct rule *same = selection_rule(selection, pattern_text(pattern));
  struct rule rule = {.pattern = pattern, .is_block = overrides != NULL};

  if (same && (same->is_block || !overrides)) {
    pattern_close(pattern);
    return 0;
  }
  if (same)
    remove_rule(selection, same - selection->rules);
  if (overrides)
    rule.overrides = *overrides;
  return append_rule(selection, &rule);
}

void selection_resolve(struct selection *selection,
                       const struct settings *global) {
  selection->settings = *global;
  for (size_t i = 0; i < selection->count; i++) {
    struct rule *rule = &selection->rules[i];
    rule->settings = settings_override(global, &rule->overrides);
  }
}

static const struct rule *first_match(const struct selection *selection,
                                      bool is_block, const char *name) {
  for (size_t i = 0; i < selection->count; i++) {
    const struct rule *rule = &selection->rules[i];
    if (rule->is_block == is_block && pattern_matches(rule->pattern, name))
      return rule;
  }
  return NULL;
}

const struct rule *selection_shadow(const struct selection *selection,
                                    const struct rule *rule) {
  const struct rule *first;

  if (!rule->is_block || pattern_is_regex(rule->pattern))
    return NULL;
  first = first_match(selection, true, pattern_text(rule->pattern));
  return first == rule ? NULL : first;
}

/* Whether the global settings are those of any interface. */
static bool needs_global(const struct selection *selection) {
  if (selection->ignores_lines)
    return true;
  for (size_t i = 0; i < selection->count; i++)
    if (!selection->rules[i].is_block)
      return true;
  return false;
}

bool selection_has_any(const struct selection *selection) {
  return selection->count || selection->ignores_lines;
}

const struct settings *selection_find(const struct selection *selection,
                                      const char *name) {
  const struct rule *block = first_match(selection, true, name);

  if (block)
    return &block->settings;
  bool is_listed = first_match(selection, false, name) != NULL;
  return is_listed != selection->ignores_lines ? &selection->settings : NULL;
}

const char *selection_next_name(const struct selection *selection,
                                size_t *position) {
  while (*position < selection->count) {
    const struct rule *rule = &selection->rules[(*position)++];
    if (!pattern_is_regex(rule->pattern) &&
        (rule->is_block || !selection->ignores_lines))
      return pattern_text(rule->pattern);
  }
  return NULL;
}

void selection_see(struct selection *selection, const char *name) {
  for (size_t i = 0; i < selection->count; i++) {
    struct rule *rule = &selection->rules[i];
    rule->is_seen = rule->is_seen || pattern_matches(rule->pattern, name);
  }
}

const char *selection_next_unseen(const struct selection *selection,
                                  size_t *position) {
  while (*position < selection->count) {
    const struct rule *rule = &selection->rules[(*position)++];
    if (pattern_is_regex(rule->pattern) && !rule->is_seen)
      return pattern_text(rule->pattern);
  }
  return NULL;
}

__u32 selection_groups(const struct selection *selection) {
  __u32 groups = needs_global(selection) ? selection->settings.groups : 0;

  for (size_t i = 0; i < selection->count; i++)
    if (selection->rules[i].is_block)
      groups |= selection->rules[i].settings.groups;
  return groups;
}

unsigned selection_entries(const struct selection *selection) {
  unsigned entries =
      needs_global(selection) ? places_entries(&selection->settings) : 0;

  for (size_t i = 0; i < selection->count; i++)
    if (selection->rules[i].is_block)
      entries |= places_entries(&selection->rules[i].settings);
  return entries;
}

void selection_free(struct selection *selection) {
  for (size_t i = 0; i < selection->count; i++)
    pattern_close(selection->rules[i].pattern);
  free(selection->rules);
  *selection = (struct selection){0};
}
