/* SPDX-License-Identifier: MIT */

/* The expression of a filter, in the language of pcap-filter(7), compiled for
 * each link by libpcap, which only filter.c knows. What it matches, and the
 * words about what is wrong with it, are libpcap's. */
#ifndef PLUGIN_FILTER_H
#define PLUGIN_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/counters.h"
#include "plugin/classic.h"

struct filter;

/* Compiles a text. Returns 0 and sets *ret_filter where it is right for one
 * link at least; -ENOMEM; or -EINVAL, and says in `why` what is wrong and what
 * to write. Nothing is asked of a name server: names of hosts are refused;
 * those of ports and protocols are taken from the system's files. */
int filter_open(const char *text, struct filter **ret_filter, char *why,
                size_t why_size);

/* Takes NULL, returns NULL. */
struct filter *filter_close(struct filter *filter);

/* As it was written. */
const char *filter_text(const struct filter *filter);

/* Its program for frames of that link, LINK_ETHERNET or LINK_IP, which it
 * keeps; NULL where it is not right for these, and filter_why_not() tells why.
 * Goes into a struct block_filter (plugin/block.h), or not, as where the
 * frame's first octets are all there is (filter_reach()). */
const struct classic *filter_program(const struct filter *filter,
                                     enum link link);

/* What filter_program() is NULL for, in words; "" where it is not. */
const char *filter_why_not(const struct filter *filter, enum link link);

/* Whether it looks for VLAN tags by name (`vlan`). */
bool filter_reads_tags(const struct filter *filter);

/* Octets of a frame, from its beginning, that have to be there so that none
 * that the filter reads at a constant offset is missing. Where fewer are to be
 * had, as with STYLE_MEMORY, it may miss frames. What it reads behind a header
 * of variable length may be farther away. */
__u64 filter_reach(const struct filter *filter, enum link link);

#endif
