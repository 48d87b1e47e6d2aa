// SPDX-License-Identifier: MIT

/* Somebody else's XDP program, held by a link: it counts the frames that it
 * sees in its .bss. SIGHUP has another program, with counters of its own, take
 * its place, SIGUSR1 has it loaded before; SIGTERM ends it. Attaching and
 * detaching a link sends no message. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/foreign.skel.h"

static const char usage[] =
    "usage: holder INTERFACE[,INTERFACE...] native|generic [DROPS|PROGRAM]\n"
    "Each so many frames one is dropped; without DROPS all pass. Or it is\n"
    "another program of foreign.bpf.c, \"verdicts\", \"tail\", ..., or\n"
    "\"plain\", which has no BTF.\n";

enum { LINKS_MAX = 8 };

static const char *program_name = "foreign";
static unsigned long drops;
static bool is_plain;

static void choose(const char *word) {
  static char name[64];
  char *end;

  drops = strtoul(word, &end, 10);
  if (!*end)
    return;
  is_plain = strcmp(word, "plain") == 0;
  if (is_plain)
    return;
  snprintf(name, sizeof(name), "foreign_%s", word);
  program_name = name;
}

/* A program without BTF. */
static int load_plain(void) {
  const struct bpf_insn pass[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
      {.code = BPF_JMP | BPF_EXIT}};

  return bpf_prog_load(BPF_PROG_TYPE_XDP, "plain", "GPL", pass, 2, NULL);
}

static struct bpf_program *program_of(const struct foreign *object) {
  return bpf_object__find_program_by_name(object->obj, program_name);
}

static int fd_of(const struct foreign *object) {
  return is_plain ? load_plain() : bpf_program__fd(program_of(object));
}

/* The one that was asked for, and where it jumps. */
static bool load_into(struct foreign *object) {
  struct bpf_program *program, *target = object->progs.foreign_verdicts;
  bool jumps = program_of(object) == object->progs.foreign_tail;
  const __u32 first = 0;

  if (!program_of(object))
    return false;
  bpf_object__for_each_program(program, object->obj) bpf_program__set_autoload(
      program, program == program_of(object) || (jumps && program == target));
  object->bss->foreign_drops = drops;
  if (foreign__load(object) != 0)
    return false;
  int fd = bpf_program__fd(target);
  return !jumps || bpf_map_update_elem(bpf_map__fd(object->maps.foreign_jumps),
                                       &first, &fd, BPF_ANY) == 0;
}

static struct foreign *load(void) {
  struct foreign *object = foreign__open();

  if (!object || load_into(object))
    return object;
  foreign__destroy(object);
  return NULL;
}

static int attach(const struct foreign *object, const char *interface,
                  const char *mode) {
  LIBBPF_OPTS(bpf_link_create_opts, options,
              .flags = strcmp(mode, "native") == 0 ? XDP_FLAGS_DRV_MODE
                                                   : XDP_FLAGS_SKB_MODE);

  return bpf_link_create(fd_of(object), if_nametoindex(interface), BPF_XDP,
                         &options);
}

/* To all of "eth0,eth1"; returns their number, 0 where one fails. */
static size_t attach_all(const struct foreign *object, char *interfaces,
                         const char *mode, int links[LINKS_MAX]) {
  size_t count = 0;

  for (char *name = strtok(interfaces, ","); name && count < LINKS_MAX;
       name = strtok(NULL, ",")) {
    links[count] = attach(object, name, mode);
    if (links[count++] < 0)
      return 0;
  }
  return count;
}

static bool exchange(const struct foreign *object, const int *links,
                     size_t count) {
  for (size_t i = 0; i < count; i++)
    if (bpf_link_update(links[i], fd_of(object), NULL) != 0)
      return false;
  return true;
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
  int links[LINKS_MAX];
  sigset_t signals;
  int signal;

  if (argc < 3 || argc > 4) {
    fputs(usage, stderr);
    return EXIT_FAILURE;
  }
  if (argc == 4)
    choose(argv[3]);
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGUSR1);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  struct foreign *object = load();
  size_t count = object ? attach_all(object, argv[1], argv[2], links) : 0;
  if (!count)
    return fail(argv[1]);
  say("attached");
  struct foreign *next = NULL;
  while (sigwait(&signals, &signal) == 0 && signal != SIGTERM) {
    if (!next)
      next = load();
    if (!next)
      return fail(argv[1]);
    if (signal == SIGUSR1) {
      say("loaded");
      continue;
    }
    if (!exchange(next, links, count))
      return fail(argv[1]);
    foreign__destroy(object);
    object = next;
    next = NULL;
    say("exchanged");
  }
  foreign__destroy(next);
  foreign__destroy(object);
  return EXIT_SUCCESS;
}
