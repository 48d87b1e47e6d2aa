/* SPDX-License-Identifier: MIT */

/* What the kernel tells of a network device. */
#ifndef PLUGIN_DEVICE_H
#define PLUGIN_DEVICE_H

/* Receive queues in use (ethtool -l); 1 where the driver has no channels, also
 * where it cannot be asked. */
unsigned device_rx_queues(const char *name);

#endif
