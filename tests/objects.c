// SPDX-License-Identifier: MIT

/* usage: objects PID
 *
 * Prints the BPF objects that a process has, "prog 12", "map 3" or "link 4",
 * one a line: those that it has descriptors of, and the maps in its maps. */
#include <bpf/bpf.h>
#include <errno.h>
#include <glob.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_inner(int map, const __u32 *key) {
  __u32 inner;

  if (bpf_map_lookup_elem(map, key, &inner) == 0)
    printf("map %u\n", inner);
}

static int print_all_inner(__u32 id) {
  struct bpf_map_info info = {0};
  __u32 size = sizeof(info), *previous = NULL, key;

  int map = bpf_map_get_fd_by_id(id);
  if (map < 0)
    return map;
  int error = bpf_obj_get_info_by_fd(map, &info, &size);
  if (!error && info.type == BPF_MAP_TYPE_ARRAY_OF_MAPS)
    for (key = 0; key < info.max_entries; key++)
      print_inner(map, &key);
  if (!error && info.type == BPF_MAP_TYPE_HASH_OF_MAPS)
    for (; bpf_map_get_next_key(map, previous, &key) == 0; previous = &key)
      print_inner(map, &key);
  close(map);
  return error;
}

/* Of a file as /proc/PID/fdinfo has it, see proc(5). */
static int print_object(const char *path) {
  char line[256];
  __u32 id;
  int error = 0;

  FILE *file = fopen(path, "r");
  if (!file)
    return 0; /* closed meanwhile */
  while (!error && fgets(line, sizeof(line), file)) {
    if (sscanf(line, "prog_id: %u", &id) == 1)
      printf("prog %u\n", id);
    if (sscanf(line, "link_id: %u", &id) == 1)
      printf("link %u\n", id);
    if (sscanf(line, "map_id: %u", &id) == 1) {
      printf("map %u\n", id);
      error = print_all_inner(id);
    }
  }
  fclose(file);
  return error;
}

int main(int argc, char **argv) {
  glob_t files;
  char pattern[64];
  int error = 0;

  if (argc != 2) {
    fputs("usage: objects PID\n", stderr);
    return EXIT_FAILURE;
  }
  snprintf(pattern, sizeof(pattern), "/proc/%s/fdinfo/*", argv[1]);
  if (glob(pattern, 0, NULL, &files) != 0) {
    fprintf(stderr, "objects: no process %s\n", argv[1]);
    return EXIT_FAILURE;
  }
  for (size_t i = 0; !error && i < files.gl_pathc; i++)
    error = print_object(files.gl_pathv[i]);
  globfree(&files);
  if (error)
    fprintf(stderr, "objects: %s\n", strerror(-error));
  return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
