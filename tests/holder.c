// SPDX-License-Identifier: MIT

/* Somebody else's XDP program, held by a link: it counts the frames that it
 * sees in its .bss. SIGHUP has another program, with counters of its own, take
 * its place; SIGTERM ends it. Attaching and detaching a link sends no message.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/foreign.skel.h"

static const char usage[] =
    "usage: holder INTERFACE native|generic [DROPS]\n"
    "Each so many frames one is dropped; without DROPS all pass.\n";

static struct foreign *load(const char *drops) {
  struct foreign *object = foreign__open();

  if (!object)
    return NULL;
  bpf_program__set_autoload(object->progs.foreign_tc, false);
  bpf_program__set_autoload(object->progs.foreign_drop, false);
  if (drops)
    object->bss->foreign_drops = strtoul(drops, NULL, 10);
  if (foreign__load(object) == 0)
    return object;
  foreign__destroy(object);
  return NULL;
}

static int program_of(const struct foreign *object) {
  return bpf_program__fd(object->progs.foreign);
}

static int attach(const struct foreign *object, const char *interface,
                  const char *mode) {
  LIBBPF_OPTS(bpf_link_create_opts, options,
              .flags = strcmp(mode, "native") == 0 ? XDP_FLAGS_DRV_MODE
                                                   : XDP_FLAGS_SKB_MODE);

  return bpf_link_create(program_of(object), if_nametoindex(interface), BPF_XDP,
                         &options);
}

static int fail(const char *interface) {
  fprintf(stderr, "holder: %s: %s\n", interface, strerror(errno));
  return EXIT_FAILURE;
}

static void say(const char *word) {
  puts(word);
  fflush(stdout);
}

int main(int argc, char **argv) {
  const char *drops = argc > 3 ? argv[3] : NULL;
  sigset_t signals;
  int signal;

  if (argc < 3 || argc > 4) {
    fputs(usage, stderr);
    return EXIT_FAILURE;
  }
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  struct foreign *object = load(drops);
  int link = object ? attach(object, argv[1], argv[2]) : -1;
  if (link < 0)
    return fail(argv[1]);
  say("attached");
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
    struct foreign *next = load(drops);
    if (!next || bpf_link_update(link, program_of(next), NULL) != 0)
      return fail(argv[1]);
    foreign__destroy(object);
    object = next;
    say("exchanged");
  }
  foreign__destroy(object);
  return EXIT_SUCCESS;
}
