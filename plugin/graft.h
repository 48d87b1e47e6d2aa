/* SPDX-License-Identifier: MIT */

/* Puts the users' filters into programs of a BPF object, in the place of
 * match() of bpf/match.bpf.h, once libbpf has relocated them. */
#ifndef PLUGIN_GRAFT_H
#define PLUGIN_GRAFT_H

#include <bpf/libbpf.h>

#include "plugin/counter.h"

struct graft;

/* Begins, before the object is opened: libbpf knows sections "collectd/..."
 * from then on. Without counters programs stay as they are. Returns 0 and sets
 * *ret_graft, or -errno. One at a time in a process. */
int graft_begin(const struct counters *counters, struct graft **ret_graft);

/* Gives a program the filters of an entry. Returns 0, or -errno as
 * counters_translate(). */
int graft_add(struct graft *graft, const struct bpf_program *program,
              enum entry entry, char *why, size_t why_size);

/* Ends, when the object is loaded, or given up. Takes NULL, returns NULL. */
struct graft *graft_end(struct graft *graft);

#endif
