/* SPDX-License-Identifier: MIT */

/* Takes the place of the C library's look-up of names, also for libpcap: it
 * knows some ports and protocols wherever a test runs, and keeps what would
 * have been asked of others. */
#ifndef TESTS_RESOLVER_H
#define TESTS_RESOLVER_H

/* The last name of a host, a network or a station that was looked up; "": none
 * was. */
extern char resolver_asked[256];

#endif
