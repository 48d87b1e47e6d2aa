/* SPDX-License-Identifier: MIT */

/* Ports that are detached, but still published. To take one back the kernel
 * takes as long as for many: they wait for each other. */
#ifndef PLUGIN_RETIRED_H
#define PLUGIN_RETIRED_H

#include "plugin/port.h"

/* All zeros is empty. */
struct retired {
  struct port **ports;
  size_t count;
};

/* Takes over the port. */
void retired_add(struct retired *retired, struct port *port);

/* Unpublishes and frees all ports; `retired` is empty then. */
void retired_free(struct retired *retired);

#endif
