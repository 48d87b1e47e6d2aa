/* SPDX-License-Identifier: MIT */

/* Random programs of classic BPF, which are valid by construction. */
#ifndef TESTS_PROGRAMS_H
#define TESTS_PROGRAMS_H

#include <stddef.h>

#include "plugin/classic.h"

#define PROGRAM_MAX 80

/* A random number below the limit. */
typedef size_t (*programs_below)(size_t limit);

/* Makes the next program of at most PROGRAM_MAX instructions, which does not
 * depend on what C leaves undefined in libpcap: it reads no memory before it
 * has written it, and shifts by constants less than 32. */
void programs_next(programs_below below, struct sock_filter *insns,
                   struct classic *ret_program);

#endif
