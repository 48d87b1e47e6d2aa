/* SPDX-License-Identifier: MIT */

/* A machine as interfaces.c and its like see it: cards that come, go and take
 * other names, what comes of attaching to them, the clock. The thread makes a
 * turn where a test says so, and rests until the next one. What a port promises
 * to those who use it is asserted throughout. */
#ifndef TESTS_UNIT_INTERFACES_FAKES_H
#define TESTS_UNIT_INTERFACES_FAKES_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plugin/attach.h"
#include "plugin/interfaces.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define RX DIRECTION_BIT(DIRECTION_RX)
#define TX DIRECTION_BIT(DIRECTION_TX)

/* Far enough from 0 that an hour has passed. */
#define BOOTED_MS 10000000ULL

/* What attaching ends in. */
struct outcome {
  enum entry entry; /* where it is counted, or was tried last */
  int error;        /* 0: it is counted */
  bool is_busy;
  enum entry first;
  int first_error;
  enum attachment attachment;
  int observe_error; /* why it is not observed, which is wanted */
  bool goes;         /* the card, meanwhile */
  bool program_goes; /* somebody else's */
  bool gives_up;     /* with the error, also what is counted already */
};

extern struct fakes {
  __u64 now; /* milliseconds */

  int open_error, read_error; /* of the monitor, as long as they stand */
  bool is_overrun;            /* the next monitor_read() returns 1 */
  bool is_incomplete;         /* the monitor, as long as it stands */
  int ifindex_errno;          /* of if_indextoname(); 0: it answers */
  int xdp_error;              /* of monitor_query_xdp() */
  unsigned xdp_takes;         /* milliseconds, each time */
  int notices_error;          /* of notices_start() */
  int follow_error;           /* of port_follow() */
  int member_error;           /* of port_add_member() */
  bool strips_tags;           /* all cards do, before XDP */
  bool merges;                /* all cards do: large receive offload is on */
  unsigned allocations;       /* the n-th from now fails; 0: none does */
  bool has_no_copies;         /* strdup() fails */
  unsigned frames_of_both;   /* come while an old and a new port are attached */
  unsigned frames_until_end; /* ... while a port is detached, before its end */
  unsigned frames_of_end;    /* ... and after it */

  unsigned port_takes; /* milliseconds to free one */

  /* The thread stays there until end_slowness(). */
  bool is_sweep_slow, is_detach_slow;
  unsigned slow_card; /* its ifindex; 0: none */
  bool is_join_the_end_of_slowness;

  /* Is called by the thread whenever it has given up the lock, where a read may
   * come in. */
  void (*on_unlock)(void);

  /* Of the last turn(). */
  char tried[4096];    /* "eth0 rx, eth0 tx" */
  unsigned jobs;       /* their number */
  char logged[2048];   /* severity and words, a line each */
  char noticed[2048];  /* "FAILURE eth0: words", a line each */
  char happened[1024]; /* with ports, a line each */
  char asked[2048];    /* of ethtool: "queues eth0, driver eth0" */
  unsigned xdp_queries;

  int wait; /* milliseconds that the thread rests at most */
  bool polls_monitor;
  unsigned opened; /* monitors, so far */
  struct attach_job last_job;
  struct device last_device;
  struct device told_device; /* of attach_log() */
  sigset_t signals;
} fakes;

/* What is not said by a block of a selected interface. */
extern struct settings settings;
extern struct selection selection;
extern struct counters own_counters; /* users': none at first */
extern struct interfaces *interfaces;

/* To be called before and after each test. */
int set_up(void **state);
int tear_down(void **state);

/* Adds one of users' counters, and returns its bit. */
__u64 add_counter(const char *name, const char *text);

/* Selects one more, as a block where there are overrides. */
void add_selected(const char *text, const struct overrides *overrides);

/* --- the machine: the monitor tells of it in the next turn -----------------*/

void card_add(unsigned ifindex, const char *name);
void card_remove(unsigned ifindex);
void card_rename(unsigned ifindex, const char *name); /* "": for a moment */
void card_change(unsigned ifindex);                   /* something of it */
void card_set_flags(unsigned ifindex, unsigned flags);
void card_enslave(unsigned ifindex, unsigned master);
void card_set_kind(unsigned ifindex, const char *kind); /* before the start */
void card_set_type(unsigned ifindex, unsigned short type); /* ARPHRD_... */

/* At first one more than its ifindex. 0: it cannot be asked. */
void card_set_queues(unsigned ifindex, unsigned queues);

/* A message that says nothing new, as of channels. */
void card_announce(unsigned ifindex);

/* The same without a message, as after an overrun. */
void card_remove_unheard(unsigned ifindex);
void card_remake_unheard(unsigned ifindex);
void card_rename_unheard(unsigned ifindex, const char *name);

/* Somebody detaches our program. There is no message. */
void card_lose_program(unsigned ifindex, enum direction direction);

/* Of somebody else: its id; 0: it has gone. There is no message. */
void card_set_program(unsigned ifindex, __u32 program);

/* ... with a message, as of what is attached by netlink. */
void card_exchange_program(unsigned ifindex, __u32 program);

/* From the next attempt on. At first all are counted, rx natively. */
void card_answers(unsigned ifindex, enum direction direction,
                  struct outcome outcome);

/* Has the card refuse a direction with the error, or be counted again. */
void card_refuses(unsigned ifindex, enum direction direction, int error);
void card_accepts(unsigned ifindex, enum direction direction);

/* Whether frames of the card are counted now. */
bool card_is_counted(unsigned ifindex, enum direction direction);

/* Frames pass in both directions, of 100 octets each. */
void card_passes(unsigned ifindex, unsigned count);

/* --- the thread ------------------------------------------------------------*/

/* Starts, without waiting for anything. */
void start_only(void);

/* ... and waits until the first turn has been made. */
void start(void);

/* Has the thread make one more turn, without waiting. */
void turn_only(void);

/* ... and waits until it rests again. */
void turn(void);

/* As much time passes, then a turn. */
void turn_after(unsigned milliseconds);

/* Turns until there is nothing to be done at once. */
void settle(void);

/* Ends the thread. Nothing is left. */
void stop(void);

void wait_until_slow(void);
void end_slowness(void);

/* --- reads -----------------------------------------------------------------*/

/* A line each: "eth0: rx 1 (7) tx 0 attached", with the mode and, of what is
 * counted, the frames; or "rx 4 (7, 5 observed)" where verdicts are told, with
 * those that have one; or "rx 1 (7, counters 5)" with the set of users' own, in
 * hexadecimal digits. */
const char *read_all(void);

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
