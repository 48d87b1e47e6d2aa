/* SPDX-License-Identifier: MIT */

/* Whose a thing in the kernel is that outlives its process. A process number
 * would mean nothing in other PID namespaces, so there is a random token, and a
 * socket whose abstract name (unix(7)) has it: such names belong to the network
 * namespace, as devices do, and end with the process. Both last as long as they
 * are held: what could not be removed then is nobody's, even of this process.
 *
 * Where the socket cannot be made the token is 0: what bears it may stay behind
 * for good, which is better than to lose what is somebody's. */
#ifndef PLUGIN_OWNER_H
#define PLUGIN_OWNER_H

#include <stdbool.h>
#include <stdint.h>

/* To be called before a thing is made, since others may look at any time, and
 * once it has gone. Returns 0 or -errno. */
int owner_hold(void);
void owner_release(void);

/* This process's, while it is held; 0: it has no socket. */
uint64_t owner_token(void);

/* 30 random bits, which are there without a socket as well. */
uint32_t owner_bits(void);

/* Whether its process has ended; what cannot be told is taken for living. */
bool owner_is_dead(uint64_t token);

#endif
