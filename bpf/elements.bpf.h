/* SPDX-License-Identifier: MIT OR GPL-2.0-only */

/* ifindex -> the element of an interface that the CPU counts in. */
#ifndef BPF_ELEMENTS_BPF_H
#define BPF_ELEMENTS_BPF_H

#include <linux/bpf.h>

#include "bpf/packet.bpf.h"

/* ifindex -> the elements of an interface, one per possible CPU. The inner
 * maps' shape follows the layout and is set before the object is loaded. */
struct interfaces {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, IFINDEX_MAX);
  __type(key, __u32);
  __type(value, __u32);
};

/* The same for what is beyond the array. */
struct interfaces_beyond {
  __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
  __uint(max_entries, INTERFACES_BEYOND_MAX);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u32);
  __type(value, __u32);
};

/* Not inline: where one call would look up in maps of both directories, the
 * kernel would not put the lookup in an array in its place. */
static __noinline struct element *element_beyond(void *beyond, __u32 ifindex,
                                                 __u32 cpu) {
  void *elements = bpf_map_lookup_elem(beyond, &ifindex);

  return elements ? bpf_map_lookup_elem(elements, &cpu) : NULL;
}

static __always_inline struct element *element_of(void *interfaces,
                                                  void *beyond, __u32 ifindex) {
  __u32 cpu = bpf_get_smp_processor_id();
  void *elements = bpf_map_lookup_elem(interfaces, &ifindex);

  if (likely(elements))
    return bpf_map_lookup_elem(elements, &cpu);
  return ifindex < IFINDEX_MAX ? NULL : element_beyond(beyond, ifindex, cpu);
}

#endif
