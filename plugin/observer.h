/* SPDX-License-Identifier: MIT */

/* Watches somebody else's XDP program by a pair of ours (fentry and fexit),
 * which is loaded for it. Ports that observe the same program share one. */
#ifndef PLUGIN_OBSERVER_H
#define PLUGIN_OBSERVER_H

#include "plugin/datapath.h"

struct observer;

/* Loads the pair for the program of this id. Returns 0 and sets *ret_observer,
 * or -errno:
 *   -EPERM       CAP_SYS_ADMIN is missing
 *   -EOPNOTSUPP  the kernel has no BTF or no trampolines, or forbids them
 *   -ENOSYS      the kernel is one of PREEMPT_RT
 *   -E2BIG       the users' filters are too large together
 *   -ENODATA     the program has no BTF
 *   -EINVAL      the kernel does not have that program observed
 *   -ENOENT      there is no such program any more
 * The others may pass, as -ENOMEM and -EMFILE, and -ESRCH: /proc does not tell
 * the network namespace. */
int observer_open(struct datapath *datapath, __u32 program,
                  struct observer **ret_observer);

/* Attaches it, unless another port did. Returns 0 or -errno, -EBUSY where
 * somebody else's programs at that one's entry and exit exclude ours. */
int observer_attach(struct observer *observer);

/* Detaches it where no other port needs it. Takes NULL, returns NULL. */
struct observer *observer_close(struct observer *observer);

/* Closes what observers of the datapath have in common; those that there still
 * are, by port_leave(), are left to the end of the process. */
void observer_forget(struct datapath *datapath);

#endif
