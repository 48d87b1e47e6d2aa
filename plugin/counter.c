// SPDX-License-Identifier: MIT

#include "plugin/counter.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What collectd's identifiers and the files of its backends take. */
static bool is_name(const char *name) {
  for (const char *c = name; *c; c++)
    if (!isgraph((unsigned char)*c) || *c == '/')
      return false;
  return *name;
}

int counter_check_name(const char *name, char *why, size_t why_size) {
  if (!*name)
    snprintf(why, why_size, "a counter needs a name, as in <Counter \"dns\">");
  else if (strlen(name) > COUNTER_NAME_MAX)
    snprintf(why, why_size, "the name has %zu octets, %d is the limit",
             strlen(name), COUNTER_NAME_MAX);
  else if (!is_name(name))
    snprintf(
        why, why_size,
        "a name has letters, digits and punctuation of ASCII, but no slash "
        "and no blank");
  else
    return 0;
  return -EINVAL;
}

static bool find(const struct counters *counters, const char *name,
                 const char *text, unsigned *ret_index) {
  for (size_t i = 0; i < counters->count; i++) {
    const struct counter *counter = &counters->list[i];
    if (strcmp(counter->name, name) != 0 ||
        strcmp(filter_text(counter->filter), text) != 0)
      continue;
    *ret_index = i;
    return true;
  }
  return false;
}

static int append(struct counters *counters, const char *name,
                  struct filter *filter, unsigned *ret_index) {
  char *copy = strdup(name);

  if (!copy) {
    filter_close(filter);
    return -ENOMEM;
  }
  *ret_index = counters->count;
  counters->list[counters->count++] = (struct counter){copy, filter};
  return 0;
}

int counters_add(struct counters *counters, const char *name, const char *text,
                 unsigned *ret_index, char *why, size_t why_size) {
  struct filter *filter;

  if (find(counters, name, text, ret_index))
    return 0;
  if (counters->count == COUNTERS_MAX) {
    snprintf(why, why_size, "there are %d counters already, which is the limit",
             COUNTERS_MAX);
    return -EINVAL;
  }
  int error = filter_open(text, &filter, why, why_size);
  return error ? error : append(counters, name, filter, ret_index);
}

void counters_clear(struct counters *counters) {
  for (size_t i = 0; i < counters->count; i++) {
    free(counters->list[i].name);
    filter_close(counters->list[i].filter);
  }
  counters->count = 0;
}

/* --- where ---------------------------------------------------------------- */

static bool is_xdp(enum entry entry) {
  return entry != ENTRY_TC_RX && entry != ENTRY_TC_TX;
}

const char *counter_why_not(const struct counter *counter,
                            const struct counter_place *place) {
  const struct filter *filter = counter->filter;

  if (place->link == LINK_OTHER)
    return "its frames begin neither with Ethernet nor with IP";
  if (!filter_program(filter, place->link))
    return filter_why_not(filter, place->link);
  if (place->entry == ENTRY_OBSERVE &&
      filter_reach(filter, place->link) > MEMORY_SIZE)
    return "it reads beyond the first 256 octets, which are all that is looked "
           "at beside another XDP program";
  if (place->strips_tags && is_xdp(place->entry) && filter_reads_tags(filter))
    return "VLAN tags are taken off before XDP; use Mode \"tc\"";
  return "";
}

__u64 counters_available(const struct counters *counters, __u64 wanted,
                         const struct counter_place *place) {
  __u64 available = 0;

  for (size_t i = 0; i < counters->count; i++)
    if (wanted & COUNTER_BIT(i) && !*counter_why_not(&counters->list[i], place))
      available |= COUNTER_BIT(i);
  return available;
}

bool counters_read_tags(const struct counters *counters, __u64 set) {
  for (size_t i = 0; i < counters->count; i++)
    if (set & COUNTER_BIT(i) && filter_reads_tags(counters->list[i].filter))
      return true;
  return false;
}

/* --- what programs run ---------------------------------------------------- */

static const enum style styles[ENTRY_COUNT] = {
    [ENTRY_NATIVE] = STYLE_XDP,  [ENTRY_NATIVE_FRAGS] = STYLE_XDP_FRAGS,
    [ENTRY_GENERIC] = STYLE_XDP, [ENTRY_TC_RX] = STYLE_SKB,
    [ENTRY_TC_TX] = STYLE_SKB,   [ENTRY_OBSERVE] = STYLE_MEMORY,
};

/* Drivers with XDP have Ethernet. */
static bool has_link(enum entry entry, enum link link) {
  return link == LINK_ETHERNET ||
         (entry != ENTRY_NATIVE && entry != ENTRY_NATIVE_FRAGS);
}

/* What cannot be counted there matches nothing. */
static struct block_filter choose(const struct filter *filter,
                                  enum entry entry) {
  struct block_filter chosen = {{NULL}};

  for (enum link l = 0; l < LINK_OTHER; l++)
    if (has_link(entry, l) &&
        (entry != ENTRY_OBSERVE || filter_reach(filter, l) <= MEMORY_SIZE))
      chosen.programs[l] = filter_program(filter, l);
  return chosen;
}

int counters_translate(const struct counters *counters, enum entry entry,
                       struct block *ret_block, char *why, size_t why_size) {
  struct block_filter filters[COUNTERS_MAX];
  size_t index = 0;
  char limit[256];

  for (size_t i = 0; i < counters->count; i++)
    filters[i] = choose(counters->list[i].filter, entry);
  int error = block_open(filters, counters->count, styles[entry], ret_block,
                         &index, limit, sizeof(limit));
  if (error == -E2BIG)
    snprintf(why, why_size, "Counter \"%.64s\": %s", counters->list[index].name,
             limit);
  else if (error)
    snprintf(why, why_size, "filters: %s", strerror(-error));
  return error;
}
