// SPDX-License-Identifier: MIT

#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Frames are not kept to be merged. */
static int bring_up(struct ifreq *request) {
  struct ethtool_value off = {.cmd = ETHTOOL_SGRO};
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  request->ifr_data = (char *)&off;
  int status = ioctl(control, SIOCETHTOOL, request);
  request->ifr_flags = IFF_UP;
  if (status == 0)
    status = ioctl(control, SIOCSIFFLAGS, request);
  int error = status == 0 ? 0 : -errno;
  close(control);
  return error;
}

int tap_open(unsigned *ret_ifindex) {
  struct ifreq request = {.ifr_flags =
                              IFF_TAP | IFF_NO_PI | IFF_NAPI | IFF_NAPI_FRAGS};

  if (unshare(CLONE_NEWNET) != 0)
    return -errno;
  int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  if (tap < 0)
    return -errno;
  snprintf(request.ifr_name, sizeof(request.ifr_name), "judged");
  int error = ioctl(tap, TUNSETIFF, &request) == 0 ? 0 : -errno;
  if (!error)
    error = bring_up(&request);
  if (error) {
    close(tap);
    return error;
  }
  *ret_ifindex = if_nametoindex("judged");
  return tap;
}

int tap_receive(int tap, const uint8_t *octets, size_t length, size_t linear) {
  enum { PARTS = 16 };
  struct iovec parts[PARTS] = {{(void *)octets, linear}};
  size_t count = 1;

  for (size_t at = linear; at < length && count < PARTS;) {
    size_t size = length - at < 700 ? length - at : 700;
    parts[count++] = (struct iovec){(void *)(octets + at), size};
    at += size;
  }
  return writev(tap, parts, (int)count) < 0 ? -errno : 0;
}
