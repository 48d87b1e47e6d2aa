// SPDX-License-Identifier: MIT

#include "plugin/owner.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "plugin/descriptor.h"

/* This process as others know it. */
static struct {
  uint64_t token;
  int socket; /* -1: there is none */
  unsigned holders;
} self = {.socket = -1};

static socklen_t fill_address(struct sockaddr_un *address, uint64_t token) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  int length = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
                        "collectd-xdp-%016" PRIx64, token);

  return offsetof(struct sockaddr_un, sun_path) + 1 + length;
}

static int open_socket(uint64_t token) {
  struct sockaddr_un address;
  socklen_t length = fill_address(&address, token);
  int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  if (descriptor < 0)
    return -1;
  if (bind(descriptor, (struct sockaddr *)&address, length) != 0) {
    close(descriptor);
    return -1;
  }
  return descriptor_move_up(descriptor);
}

int owner_hold(void) {
  if (self.holders == 0) {
    if (getrandom(&self.token, sizeof(self.token), 0) != sizeof(self.token))
      return -EIO;
    self.socket = open_socket(self.token);
  }
  self.holders++;
  return 0;
}

void owner_release(void) {
  if (--self.holders || self.socket < 0)
    return;
  close(self.socket);
  self.socket = -1;
}

bool owner_is_dead(uint64_t token) {
  struct sockaddr_un address;
  socklen_t length = fill_address(&address, token);
  int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  if (descriptor < 0)
    return false;
  bool is_refused =
      connect(descriptor, (struct sockaddr *)&address, length) != 0 &&
      errno == ECONNREFUSED;
  close(descriptor);
  return is_refused;
}

uint64_t owner_token(void) { return self.socket < 0 ? 0 : self.token; }

uint32_t owner_bits(void) { return self.token & 0x3fffffff; }
