// SPDX-License-Identifier: MIT

#include "plugin/names.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
  return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

static struct name make(const char *text) {
  struct name name = {0};

  memcpy(name.text, text, strnlen(text, sizeof(name.text) - 1));
  return name;
}

struct name *names_find(const struct names *names, const char *text) {
  struct name key = make(text);
  struct name **node = tfind(&key, &names->tree, compare);

  return node ? *node : NULL;
}

/* The first free place, or a new one at the end; NULL: out of memory. */
static struct name **find_place(struct names *names) {
  for (size_t i = 0; i < names->count; i++)
    if (!names->list[i])
      return &names->list[i];
  struct name **grown =
      reallocarray(names->list, names->count + 1, sizeof(*grown));
  if (!grown)
    return NULL;
  names->list = grown;
  grown[names->count] = NULL;
  return &grown[names->count++];
}

static void free_name(struct names *names, struct name *name) {
  tdelete(name, &names->tree, compare);
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    series_clear(&name->series[d]);
  free(name);
}

static struct name *add(struct names *names, const char *text) {
  struct name **place = find_place(names);
  struct name *name = place ? malloc(sizeof(*name)) : NULL;

  if (!name)
    return NULL;
  *name = make(text);
  if (!tsearch(name, &names->tree, compare)) {
    free(name);
    return NULL;
  }
  *place = name;
  return name;
}

struct name *names_obtain(struct names *names, const char *text) {
  struct name *name = names_find(names, text);

  return name ? name : add(names, text);
}

void names_sweep(struct names *names, __u64 before) {
  for (size_t i = 0; i < names->count; i++) {
    struct name *name = names->list[i];
    if (!name || name->interface || name->is_configured ||
        name->gone_at > before)
      continue;
    free_name(names, name);
    names->list[i] = NULL;
  }
}

void names_clear(struct names *names) {
  for (size_t i = 0; i < names->count; i++)
    if (names->list[i])
      free_name(names, names->list[i]);
  free(names->list);
  *names = (struct names){0};
}
