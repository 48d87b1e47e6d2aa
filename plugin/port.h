/* SPDX-License-Identifier: MIT */

/* One direction of one interface: its counters, and what keeps a program
 * attached. Its way: new, published, attached; detached, unpublished, freed. */
#ifndef PLUGIN_PORT_H
#define PLUGIN_PORT_H

#include <stdbool.h>

#include "plugin/datapath.h"

struct port;

/* Makes counters for an interface whose frames begin with `link`, with the
 * users' own (a set of COUNTER_BIT) that it is to have. Returns 0 and
 * sets *ret_port, or -errno: -EOPNOTSUPP where the program is not loaded,
 * -EALREADY where the frames are counted already. */
int port_new(struct datapath *datapath, enum entry entry, unsigned ifindex,
             enum link link, __u64 counters, struct port **ret_port);

/* The same for an interface that has somebody else's XDP program, by its id: of
 * what that one sees. Its errors are those of observer_open(), too. */
int port_new_beside(struct datapath *datapath, __u32 program, unsigned ifindex,
                    enum link link, __u64 counters, struct port **ret_port);

/* Has it have other ones of the users' counters. Returns 0 or -errno. */
int port_want(struct port *port, __u64 counters);

/* Has such a port, which is attached, observe another program from now on.
 * Returns 0, or -errno: then it still observes the one before. */
int port_follow(struct port *port, __u32 program);

/* Has the programs find the counters of these ports; to be done before they are
 * attached. The kernel takes as long for many as for one, tens of milliseconds.
 * Returns 0, or -errno where none of them is published. */
int ports_publish(struct port *const *ports, size_t count);

/* Undoes it, so that the counters stand still; as slow. Ports may be there that
 * were not published. */
void ports_unpublish(struct port *const *ports, size_t count);

/* Has the frames of a member of a bond, which XDP in the driver sees as the
 * member's, counted by the published port of the bond, or no more. Returns 0 or
 * -errno. */
int port_add_member(struct port *port, unsigned ifindex);
void port_remove_member(struct port *port, unsigned ifindex);

/* How a program is attached. */
enum attachment {
  ATTACHED_BY_LINK,
  ATTACHED_BY_FILTER, /* of clsact, where the kernel has no tcx */
  ATTACHED_BEHIND     /* the same, behind filters of others */
};

/* Attaches the program. Replaces nobody: where one is attached to XDP it
 * returns -EBUSY or -EEXIST. May take as long as the card's reset. Returns 0
 * and sets *ret_attachment, or -errno. */
int port_attach(struct port *port, enum attachment *ret_attachment);

/* Gives the descriptor up that ports_publish() and port_add_member() need: to
 * be done once they have been. */
void port_seal(struct port *port);

/* Whether it is still there: it goes with the interface, or somebody may detach
 * it. */
bool port_is_attached(const struct port *port);

/* Takes the program off the interface. */
void port_detach(struct port *port);

/* Detaches. What is still published stays so for as long as the datapath, which
 * is to be closed then. Takes NULL, returns NULL. */
struct port *port_free(struct port *port);

/* The same, but a program that a link keeps attached stays so until the process
 * ends. */
void port_leave(struct port *port);

/* Sums up what was counted since port_new(), without a system call. */
void port_read(const struct port *port, struct counts *counts);

#endif
