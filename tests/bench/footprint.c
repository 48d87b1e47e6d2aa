// SPDX-License-Identifier: MIT

#include "tests/bench/footprint.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "plugin/datapath_private.h"
#include "tests/bench/bench.h"

static double resident(void) {
  FILE *status = fopen("/proc/self/status", "re");
  double kib = 0;
  char line[128];

  while (status && fgets(line, sizeof(line), status))
    if (sscanf(line, "VmRSS: %lf kB", &kib) == 1)
      break;
  if (status)
    fclose(status);
  return kib * 1024;
}

/* 0 where the descriptor is not a map's. Since Linux 6.4 it is what the map
 * takes indeed; before, about that. */
static double map_memory(const char *fd) {
  char path[64], line[128];
  double octets = 0;
  int type = -1;

  snprintf(path, sizeof(path), "/proc/self/fdinfo/%.16s", fd);
  FILE *info = fopen(path, "re");
  while (info && fgets(line, sizeof(line), info))
    if (sscanf(line, "map_type: %d", &type) != 1)
      sscanf(line, "memlock: %lf", &octets);
  if (info)
    fclose(info);
  return type < 0 ? 0 : octets;
}

static double all_maps(void) {
  DIR *list = opendir("/proc/self/fdinfo");
  const struct dirent *entry;
  double octets = 0;

  if (!list)
    die("/proc/self/fdinfo", -errno);
  while ((entry = readdir(list)))
    octets += map_memory(entry->d_name);
  closedir(list);
  return octets;
}

struct footprint footprint_now(void) {
  return (struct footprint){resident(), all_maps()};
}

double footprint_of_port(const struct datapath *datapath) {
  int fd = datapath_create_elements(datapath, &datapath->shape);
  char number[16];

  if (fd < 0)
    die("map", fd);
  snprintf(number, sizeof(number), "%d", fd);
  double octets = map_memory(number);
  close(fd);
  return octets;
}
