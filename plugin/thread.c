// SPDX-License-Identifier: MIT

#include "plugin/thread.h"

#include <signal.h>

int thread_start(pthread_t *ret_thread, void *(*run)(void *context),
                 void *context) {
  sigset_t all, previous;

  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  int error = pthread_create(ret_thread, NULL, run, context);
  pthread_sigmask(SIG_SETMASK, &previous, NULL);
  return -error;
}
