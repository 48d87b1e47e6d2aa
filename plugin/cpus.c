// SPDX-License-Identifier: MIT

#include "plugin/cpus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CPU_DIRECTORY "/sys/devices/system/cpu/"

enum { CPU_LIMIT = 1 << 16 }; /* far above the kernel's NR_CPUS */

int cpus_parse(const char *list, void (*visit)(void *context, size_t cpu),
               void *context) {
  do {
    char *end;
    unsigned long first = strtoul(list, &end, 10), last = first;
    if (end == list)
      return -EINVAL;
    if (*end == '-') {
      list = end + 1;
      last = strtoul(list, &end, 10);
      if (end == list)
        return -EINVAL;
    }
    if (last < first || last >= CPU_LIMIT)
      return -EINVAL;
    for (; first <= last; first++)
      visit(context, first);
    list = end + 1;
    if (*end != ',')
      return *end && *end != '\n' ? -EINVAL : 0;
  } while (true);
}

static int read_list(const char *path, void (*visit)(void *context, size_t cpu),
                     void *context) {
  char list[4096];
  FILE *file = fopen(path, "re");

  if (!file)
    return -errno;
  if (!fgets(list, sizeof(list), file))
    list[0] = '\0';
  fclose(file);
  return cpus_parse(list, visit, context);
}

static void visit_possible(void *context, size_t cpu) {
  int *count = context;

  if ((int)cpu >= *count)
    *count = cpu + 1;
}

int cpus_possible(void) {
  int count = 0;
  int error = read_list(CPU_DIRECTORY "possible", visit_possible, &count);

  return error ? error : count;
}

struct online {
  bool *online;
  size_t count;
};

static void visit_online(void *context, size_t cpu) {
  struct online *o = context;

  if (cpu < o->count)
    o->online[cpu] = true;
}

int cpus_online(bool *online, size_t count) {
  struct online o = {online, count};

  return read_list(CPU_DIRECTORY "online", visit_online, &o);
}
