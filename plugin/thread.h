/* SPDX-License-Identifier: MIT */

#ifndef PLUGIN_THREAD_H
#define PLUGIN_THREAD_H

#include <pthread.h>

/* With all signals blocked: they are the daemon's. Returns 0 or -errno. */
int thread_start(pthread_t *ret_thread, void *(*run)(void *context),
                 void *context);

#endif
