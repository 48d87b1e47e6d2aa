/* SPDX-License-Identifier: MIT */

/* What this process may do, and what it lacks. */
#ifndef PLUGIN_PRIVILEGES_H
#define PLUGIN_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>

/* Lists in `text` which of the capabilities that loading and attaching need are
 * missing, "CAP_BPF, CAP_PERFMON"; "" if none. Returns whether any is. */
bool privileges_missing(char *text, size_t size);

#endif
