/* SPDX-License-Identifier: MIT */

/* Sets of CPUs as the kernel lists them in /sys/devices/system/cpu. */
#ifndef PLUGIN_CPUS_H
#define PLUGIN_CPUS_H

#include <stdbool.h>
#include <stddef.h>

/* Elements that a map needs to be indexed by CPU: the highest number of a CPU
 * that may ever be there, plus 1. Unlike the count of such CPUs it is right
 * where their numbers have gaps. Returns -errno on failure. */
int cpus_possible(void);

/* Sets online[i] for each CPU i < count. Returns 0 or -errno. */
int cpus_online(bool *online, size_t count);

/* Calls visit() for each CPU of a list such as "0-3,8"; returns -EINVAL where
 * it is none. */
int cpus_parse(const char *list, void (*visit)(void *context, size_t cpu),
               void *context);

#endif
