// SPDX-License-Identifier: MIT

#include "plugin/links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MIN = 64 };

/* A VLAN may be told before what it stands on: an entry is there for the count
 * of its VLANs as well. */
struct links_entry {
  struct link_state state; /* first: links_next() comes back from it */
  bool exists;
  unsigned vlans;
  struct links_entry *next;
};

bool link_state_equals(const struct link_state *a, const struct link_state *b) {
  return a->ifindex == b->ifindex && strcmp(a->name, b->name) == 0 &&
         strcmp(a->kind, b->kind) == 0 && a->type == b->type &&
         a->mtu == b->mtu && a->flags == b->flags && a->master == b->master &&
         a->lower == b->lower && a->rx_queues == b->rx_queues &&
         a->tx_queues == b->tx_queues && a->xdp.program == b->xdp.program &&
         a->xdp.is_generic == b->xdp.is_generic;
}

/* The kernel gives numbers one after the other, or every second one where the
 * other ends of veths are here too: they spread well as they are. */
static size_t bucket_of(const struct links *links, unsigned ifindex) {
  return ifindex & (links->buckets_count - 1);
}

static struct links_entry *find_entry(const struct links *links,
                                      unsigned ifindex) {
  if (!links->buckets_count)
    return NULL;
  struct links_entry *entry = links->buckets[bucket_of(links, ifindex)];
  while (entry && entry->state.ifindex != ifindex)
    entry = entry->next;
  return entry;
}

static void insert(struct links *links, struct links_entry *entry) {
  size_t bucket = bucket_of(links, entry->state.ifindex);

  entry->next = links->buckets[bucket];
  links->buckets[bucket] = entry;
}

/* Where memory is out, what is there goes on, with longer chains. */
static int grow(struct links *links) {
  struct links old = *links;
  size_t count = old.buckets_count ? 2 * old.buckets_count : BUCKETS_MIN;
  struct links_entry **buckets = calloc(count, sizeof(*buckets));

  if (!buckets)
    return old.buckets_count ? 0 : -ENOMEM;
  links->buckets = buckets;
  links->buckets_count = count;
  for (size_t i = 0; i < old.buckets_count; i++) {
    while (old.buckets[i]) {
      struct links_entry *entry = old.buckets[i];
      old.buckets[i] = entry->next;
      insert(links, entry);
    }
  }
  free(old.buckets);
  return 0;
}

/* Finds the entry or makes one. */
static struct links_entry *obtain(struct links *links, unsigned ifindex) {
  struct links_entry *entry = find_entry(links, ifindex);

  if (entry)
    return entry;
  if (links->entries_count >= links->buckets_count && grow(links) != 0)
    return NULL;
  entry = calloc(1, sizeof(*entry));
  if (!entry)
    return NULL;
  entry->state.ifindex = ifindex;
  insert(links, entry);
  links->entries_count++;
  return entry;
}

static void free_unless_needed(struct links *links, struct links_entry *entry) {
  if (!entry || entry->exists || entry->vlans)
    return;
  struct links_entry **place =
      &links->buckets[bucket_of(links, entry->state.ifindex)];
  while (*place != entry)
    place = &(*place)->next;
  *place = entry->next;
  links->entries_count--;
  free(entry);
}

static bool is_vlan(const struct link_state *state) {
  return state->lower && strcmp(state->kind, "vlan") == 0;
}

/* The link does not exist any longer, or not as it did. */
static void forget(struct links *links, struct links_entry *entry) {
  if (!entry->exists)
    return;
  entry->exists = false;
  if (!is_vlan(&entry->state))
    return;
  struct links_entry *lower = find_entry(links, entry->state.lower);
  lower->vlans--;
  if (lower != entry)
    free_unless_needed(links, lower);
}

int links_put(struct links *links, const struct link_state *state) {
  struct links_entry *entry = obtain(links, state->ifindex);
  struct links_entry *lower = NULL;

  if (!entry)
    return -ENOMEM;
  if (is_vlan(state)) {
    lower = obtain(links, state->lower);
    if (!lower) {
      free_unless_needed(links, entry);
      return -ENOMEM;
    }
    lower->vlans++;
  }
  forget(links, entry);
  entry->state = *state;
  entry->exists = true;
  return 0;
}

void links_remove(struct links *links, unsigned ifindex) {
  struct links_entry *entry = find_entry(links, ifindex);

  if (!entry)
    return;
  forget(links, entry);
  free_unless_needed(links, entry);
}

const struct link_state *links_find(const struct links *links,
                                    unsigned ifindex) {
  const struct links_entry *entry = find_entry(links, ifindex);

  return entry && entry->exists ? &entry->state : NULL;
}

const struct link_state *links_next(const struct links *links,
                                    const struct link_state *previous) {
  const struct links_entry *entry = (const void *)previous;
  size_t bucket = 0;

  if (entry) {
    bucket = bucket_of(links, previous->ifindex) + 1;
    entry = entry->next;
  }
  for (;;) {
    while (entry && !entry->exists)
      entry = entry->next;
    if (entry)
      return &entry->state;
    if (bucket == links->buckets_count)
      return NULL;
    entry = links->buckets[bucket++];
  }
}

bool links_has_vlan(const struct links *links, unsigned ifindex) {
  const struct links_entry *entry = find_entry(links, ifindex);

  return entry && entry->vlans;
}

void links_clear(struct links *links) {
  for (size_t i = 0; i < links->buckets_count; i++) {
    while (links->buckets[i]) {
      struct links_entry *entry = links->buckets[i];
      links->buckets[i] = entry->next;
      free(entry);
    }
  }
  free(links->buckets);
  *links = (struct links){0};
}
