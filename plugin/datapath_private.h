/* SPDX-License-Identifier: MIT */

/* What the files that know libbpf share: datapath.c, port.c and observer.c. */
#ifndef PLUGIN_DATAPATH_PRIVATE_H
#define PLUGIN_DATAPATH_PRIVATE_H

#include <bpf/libbpf.h>

#include "plugin/counts.h"
#include "plugin/datapath.h"

/* Where a program finds the counters, by ifindex. */
struct directory {
  struct bpf_map *array;  /* below IFINDEX_MAX */
  struct bpf_map *beyond; /* a hash table */
};

/* What the elements of a port look like. */
struct shape {
  size_t cells;        /* of an element */
  size_t element_size; /* octets */
  int nobody; /* elements of no interface, which stand for none in an array */
  __u32 nobody_id;
};

struct observer;

struct datapath {
  struct entries *object;
  struct bpf_program *programs[ENTRY_COUNT]; /* NULL: not loaded */
  struct directory directories[ENTRY_COUNT];
  struct shape shape;
  struct layout layout;
  const struct counters *counters;
  size_t cells_of_total; /* the first of them, which add up to the total */
  size_t cpus;           /* elements of a port */
  bool *online;          /* by CPU, when the programs were loaded */

  /* Of observer.c, once somebody else's program is to be observed. */
  struct observe *observe; /* NULL: not loaded */
  int observe_refusal;     /* why it never can be, -errno; 0: it may */
  struct shape observed_shape;
  struct observer *observers;
};

/* The map of one port: an array of elements, one per CPU. Returns a descriptor
 * or -errno. */
int datapath_create_elements(const struct datapath *datapath,
                             const struct shape *shape);

/* The size of an element, in whole lines of the cache, whose cells and what is
 * behind them end at `end`. */
size_t datapath_element_size(size_t end);

/* Sets the shape's nobody, for which the rest of it is to be there. Returns 0
 * or -errno. */
int datapath_create_nobody(const struct datapath *datapath,
                           struct shape *shape);

/* Has a map of maps of the datapath's, not loaded yet, take such elements.
 * Returns 0 or -errno. */
int datapath_set_shape(struct bpf_object *object, const struct shape *shape);

/* Takes over libbpf's lines, which go to a closed stderr once collectd is a
 * daemon. The hook belongs to the process: it is to be put back, by
 * libbpf_set_print(). */
libbpf_print_fn_t datapath_listen(void);

/* On PREEMPT_RT the softirq that counts can be preempted by another one. */
bool datapath_is_preempt_rt(void);

#endif
