// SPDX-License-Identifier: MIT

#include "tests/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/ether.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct service {
  const char *name;
  unsigned port;
  bool is_tcp, is_udp;
};

/* As in Debian's /etc/services. */
static const struct service services[] = {
    {"ftp-data", 20, true, false}, {"ftp", 21, true, false},
    {"ssh", 22, true, false},      {"domain", 53, true, true},
    {"http", 80, true, false},     {"ntp", 123, false, true},
    {"https", 443, true, true},    {"syslog", 514, false, true}};

struct protocol {
  const char *name;
  int number;
};

static const struct protocol protocols[] = {
    {"ip", 0},        {"icmp", 1},       {"igmp", 2},   {"tcp", 6},
    {"udp", 17},      {"gre", 47},       {"esp", 50},   {"ah", 51},
    {"ipv6", 41},     {"ipv6-icmp", 58}, {"vrrp", 112}, {"sctp", 132},
    {"ipv6-frag", 44}};

char resolver_asked[256];

static int ask(const char *name) {
  snprintf(resolver_asked, sizeof(resolver_asked), "%s", name);
  return 0;
}

static int port_of(const char *name, int socktype) {
  for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++)
    if (strcmp(services[i].name, name) == 0 &&
        (socktype == SOCK_STREAM ? services[i].is_tcp : services[i].is_udp))
      return (int)services[i].port;
  return -1;
}

/* One that freeaddrinfo() of the C library frees. */
static int answer(const struct sockaddr *address, socklen_t length,
                  struct addrinfo **ret_list) {
  struct addrinfo *info =
      calloc(1, sizeof(*info) + sizeof(struct sockaddr_in6));

  if (!info)
    return EAI_MEMORY;
  info->ai_family = address->sa_family;
  info->ai_addrlen = length;
  info->ai_addr = (struct sockaddr *)(info + 1);
  memcpy(info->ai_addr, address, length);
  *ret_list = info;
  return 0;
}

int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **ret_list) {
  struct sockaddr_in address4 = {.sin_family = AF_INET};
  struct sockaddr_in6 address6 = {.sin6_family = AF_INET6};

  if (node && inet_pton(AF_INET6, node, &address6.sin6_addr) == 1)
    return answer((struct sockaddr *)&address6, sizeof(address6), ret_list);
  if (node) {
    if (!(hints->ai_flags & AI_NUMERICHOST))
      ask(node);
    return EAI_NONAME;
  }
  int port = port_of(service, hints->ai_socktype);
  if (port < 0)
    return EAI_SERVICE;
  address4.sin_port = htons((unsigned short)port);
  return answer((struct sockaddr *)&address4, sizeof(address4), ret_list);
}

int getprotobyname_r(const char *name, struct protoent *result, char *buffer,
                     size_t size, struct protoent **ret_result) {
  (void)buffer;
  (void)size;
  *ret_result = NULL;
  for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
    if (strcmp(protocols[i].name, name) != 0)
      continue;
    *result = (struct protoent){.p_proto = protocols[i].number};
    *ret_result = result;
  }
  return 0;
}

int getnetbyname_r(const char *name, struct netent *result, char *buffer,
                   size_t size, struct netent **ret_result, int *ret_error) {
  (void)result;
  (void)buffer;
  (void)size;
  *ret_result = NULL;
  *ret_error = HOST_NOT_FOUND;
  return ask(name);
}

int ether_hostton(const char *name, struct ether_addr *address) {
  (void)address;
  ask(name);
  return -1;
}

struct hostent *gethostbyname(const char *name) {
  ask(name);
  return NULL;
}
