/* SPDX-License-Identifier: MIT */

/* A tap that receives frames of which only the beginning can be read directly,
 * as those of many cards: IFF_NAPI_FRAGS of linux/if_tun.h. */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stddef.h>
#include <stdint.h>

/* Makes one that is up, in a network namespace of this process alone. Returns a
 * descriptor, or -errno. */
int tap_open(unsigned *ret_ifindex);

/* It receives a frame whose first buffer has so many octets, 14 at least.
 * Returns 0 or -errno. */
int tap_receive(int tap, const uint8_t *octets, size_t length, size_t linear);

#endif
