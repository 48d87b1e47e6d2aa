/* SPDX-License-Identifier: MIT */

/* Interfaces by the thousand: veths, as containers have them. */
#ifndef TESTS_BENCH_VETHS_H
#define TESTS_BENCH_VETHS_H

#include <stddef.h>

/* None of their peers. */
#define VETHS_REGEX "/^veth/"

/* The first of them. */
enum { VETHS_FEW = 100 };
#define VETHS_FEW_REGEX "/^veth[0-9]{1,2}$/"

/* Makes "veth<number>", which is up, and its peer in another network namespace.
 * It is there when this returns. */
void veths_make_one(unsigned number, int peers_namespace);

/* Those from `first` on. */
void veths_make(unsigned first, unsigned count, int peers_namespace);

/* The number in such a name. */
unsigned veths_number(const char *name);

/* Of this namespace's links, those to which an XDP program is attached. */
size_t veths_with_xdp(void);

#endif
