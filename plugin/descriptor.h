/* SPDX-License-Identifier: MIT */

/* Our descriptors, of which there may be thousands, stay out of the way: other
 * plugins use select(), which knows none from FD_SETSIZE on, see select(2). */
#ifndef PLUGIN_DESCRIPTOR_H
#define PLUGIN_DESCRIPTOR_H

/* Moves a descriptor to FD_SETSIZE or above, close-on-exec; for that the soft
 * limit is raised towards the hard one (RLIMIT_NOFILE). Where the hard one does
 * not reach so far it stays where it is, but for a reserve that is left to
 * others. Returns its number; or -EMFILE, and it is closed; or, of one that is
 * negative, that. */
int descriptor_move_up(int descriptor);

#endif
