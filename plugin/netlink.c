// SPDX-License-Identifier: MIT

#include "plugin/netlink.h"

#include <errno.h>

/* As libmnl advises for dumps. */
enum { ANSWER_MAX = 32768 };

static int receive(struct mnl_socket *socket, mnl_cb_t on_answer,
                   void *context) {
  char buffer[ANSWER_MAX];
  int status = MNL_CB_OK;

  while (status == MNL_CB_OK) {
    ssize_t length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
    if (length < 0 && errno == EINTR)
      continue;
    if (length < 0)
      return -errno;
    status = mnl_cb_run(buffer, length, 0, mnl_socket_get_portid(socket),
                        on_answer, context);
  }
  return status == MNL_CB_ERROR ? -errno : 0;
}

int netlink_request(struct nlmsghdr *request, mnl_cb_t on_answer,
                    void *context) {
  struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
  int error = 0;

  if (!socket)
    return -errno;
  request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
  if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
      mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
    error = -errno;
  if (!error)
    error = receive(socket, on_answer, context);
  mnl_socket_close(socket);
  return error;
}
