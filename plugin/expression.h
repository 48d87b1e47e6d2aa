/* SPDX-License-Identifier: MIT */

/* The text of a filter, in the language of pcap-filter(7). */
#ifndef PLUGIN_EXPRESSION_H
#define PLUGIN_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>

/* Octets of a text. One that is longer may take libpcap many seconds. */
#define EXPRESSION_MAX 2048

/* Looks for a name that libpcap would look up as that of a host, a network or a
 * station, which may ask DNS and wait for it. Names of ports and protocols are
 * none: these are in files. Returns whether there is one; *ret_name is where it
 * begins in the text, and *ret_length its octets. Where it returns false,
 * pcap_compile() asks for none. */
bool expression_find_name(const char *text, const char **ret_name,
                          size_t *ret_length);

/* Whether it has that word, in letters of its own. */
bool expression_has_word(const char *text, const char *word);

#endif
