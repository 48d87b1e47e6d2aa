/* SPDX-License-Identifier: MIT */

/* The port for what operators are told. The adapter sends it to collectd's log,
 * tests catch it. */
#ifndef PLUGIN_LOG_H
#define PLUGIN_LOG_H

#include <syslog.h> /* the severities: LOG_ERR to LOG_DEBUG */

void log_write(int severity, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
