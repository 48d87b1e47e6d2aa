/* SPDX-License-Identifier: MIT */

/* What Interface says which interfaces are meant: the exact name of one, or a
 * regex that their names match. */
#ifndef PLUGIN_PATTERN_H
#define PLUGIN_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

struct pattern;

/* Takes a name, or a POSIX extended regex between slashes. Returns 0 and sets
 * *ret_pattern, -ENOMEM, or -EINVAL and says in `why` what is wrong with it.
 */
int pattern_open(const char *text, struct pattern **ret_pattern, char *why,
                 size_t why_size);

/* Takes NULL, returns NULL. */
struct pattern *pattern_close(struct pattern *pattern);

/* A regex matches anywhere in the name, and octet by octet; upper and lower
 * case differ. May be called by several threads. */
bool pattern_matches(const struct pattern *pattern, const char *name);

/* As written in the configuration, "eth0" or "/^eth/". */
const char *pattern_text(const struct pattern *pattern);

bool pattern_is_regex(const struct pattern *pattern);

#endif
