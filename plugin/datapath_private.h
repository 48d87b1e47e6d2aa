/* SPDX-License-Identifier: MIT */

/* What datapath.c and port.c, the files that know libbpf, share. */
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

struct datapath {
  struct entries *object;
  struct bpf_program *programs[ENTRY_COUNT]; /* NULL: not loaded */
  struct directory directories[ENTRY_COUNT];
  int nobody; /* elements of no interface, which stand for none in an array */
  __u32 nobody_id;
  struct layout layout;
  size_t cells;          /* of an element */
  size_t cells_of_total; /* the first of them, which add up to the total */
  size_t element_size;   /* octets */
  size_t cpus;           /* elements of a port */
  bool *online;          /* by CPU, when the programs were loaded */
};

/* The map of one port: an array of elements, one per CPU. Returns a descriptor
 * or -errno. */
int datapath_create_elements(const struct datapath *datapath);

#endif
