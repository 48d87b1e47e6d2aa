/* SPDX-License-Identifier: MIT */

/* One program of classic BPF -> eBPF. */
#ifndef PLUGIN_TRANSLATE_H
#define PLUGIN_TRANSLATE_H

#include "plugin/access.h"
#include "plugin/classic.h"
#include "plugin/code.h"

/* Instructions that go to `match` where a valid program returns anything but 0,
 * else to `nomatch`. Adds to *jumps how many conditional jumps there can be on
 * one way through them, at most. Errors are kept in `code`. */
void translate_program(const struct classic *program, struct access *access,
                       struct code *code, unsigned match, unsigned nomatch,
                       size_t *jumps);

#endif
