/* SPDX-License-Identifier: MIT */

/* What libpcap itself says of a frame. */
#ifndef TESTS_REFERENCE_H
#define TESTS_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/counters.h"
#include "plugin/classic.h"

/* An expression that libpcap compiled. */
struct reference;

/* NULL where libpcap refuses it for this link. */
struct reference *reference_open(const char *text, enum link link);

/* Takes NULL. */
void reference_close(struct reference *reference);

/* pcap_offline_filter() on a frame of which the first `there` octets are there.
 */
bool reference_matches(const struct reference *reference, const uint8_t *octets,
                       size_t length, size_t there);

/* The same with a valid program. */
bool reference_program_matches(const struct classic *program,
                               const uint8_t *octets, size_t length,
                               size_t there);

#endif
