// SPDX-License-Identifier: MIT

#include "plugin/device.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

unsigned device_rx_queues(const char *name) {
  struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
  struct ifreq request = {.ifr_data = (char *)&channels};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  if (fd < 0)
    return 1;
  memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
  int error = ioctl(fd, SIOCETHTOOL, &request);
  close(fd);
  unsigned queues = channels.rx_count + channels.combined_count;
  return error || !queues ? 1 : queues;
}
