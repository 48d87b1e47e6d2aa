// SPDX-License-Identifier: MIT

#include "plugin/retired.h"

#include <stdlib.h>

/* Without memory it does not wait. */
void retired_add(struct retired *retired, struct port *port) {
  struct port **grown =
      reallocarray(retired->ports, retired->count + 1, sizeof(*grown));

  if (!grown) {
    ports_unpublish(&port, 1);
    port_free(port);
    return;
  }
  retired->ports = grown;
  grown[retired->count++] = port;
}

void retired_free(struct retired *retired) {
  if (retired->count)
    ports_unpublish(retired->ports, retired->count);
  for (size_t i = 0; i < retired->count; i++)
    port_free(retired->ports[i]);
  free(retired->ports);
  *retired = (struct retired){0};
}
