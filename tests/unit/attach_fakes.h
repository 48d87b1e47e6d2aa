/* SPDX-License-Identifier: MIT */

/* Ports, members of bonds and the log as attach.c sees them: each entry of each
 * card refuses, in any step, as a test likes. What a port promises to those who
 * use it is asserted throughout. */
#ifndef TESTS_UNIT_ATTACH_FAKES_H
#define TESTS_UNIT_ATTACH_FAKES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plugin/attach.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* The first card; the next ifindexes are the others'. */
enum { IFINDEX = 7, CARDS = 4 };

/* What an entry of a card answers. */
struct answer {
  int create, attach; /* 0 or -errno */
  enum attachment attachment;
};

extern struct fakes {
  struct answer answers[CARDS][ENTRY_COUNT];
  struct xdp_state xdp[CARDS]; /* somebody else's programs */
  int xdp_error;               /* of monitor_query_xdp() */
  bool is_program_known;       /* when a job begins */
  int publish_error;
  int members_error; /* after the members */
  int member_error;  /* of each member */

  atomic_bool stopping;
  unsigned attached_until_stop; /* 0: never */

  unsigned xdp_queries;
  char tried[256];     /* entries for which a port was asked */
  char added[64];      /* members, by their ifindex */
  char happened[1024]; /* with published ports, a line each */
  char logged[2048];   /* severity and words, a line each */
} fakes;

/* What there is to be counted, in Mode "auto" where a test says no other. */
extern const char *card_name;
extern struct device device;
extern struct settings settings;
extern struct attach_told told;

/* What came of the last run(). */
extern struct attach_job job;

/* To be called before each test. */
int set_up(void **state);

void refuse(enum entry entry, int error); /* of the first card */
void refuse_native(int error);            /* both of its entries */

/* Somebody else's program is there: it is in the way of ours. Whether it is
 * known of before, fakes.is_program_known says. */
void occupy(__u32 program, bool is_generic);
void vacate(void);
void make_device(const char *kind, const char *driver);

/* attach_jobs(), asserting of each job that what is counted has a port which is
 * attached there, and that there are no other ports. */
void run_jobs(struct attach_job *jobs, size_t count);

/* Takes the ports of these jobs back, so that others can be run. */
void take_back(struct attach_job *jobs, size_t count);

/* One job of the first card, whose port is taken back. Return whether it is
 * counted. */
bool run(enum mode mode, enum direction direction);
bool run_rx(enum mode mode);
bool run_tx(enum mode mode);

/* The same of one that is counted already. Returns whether there is something
 * better. */
bool run_again(enum mode mode, enum entry current);

/* ... that there is nothing better, and it stays as it is. */
void assert_stays(enum mode mode, enum entry current, const char *tried);

/* What the mode would have liked best, and why not. */
void assert_first(enum entry entry, int error);

/* The same, and then attach_log(). */
bool tell_rx(enum mode mode);
bool tell_tx(enum mode mode);
bool tell_again(enum mode mode, enum entry current);

/* Has it leave what native XDP does to devices untold. */
void keep_quiet(void);

#define TEST(name) cmocka_unit_test_setup(name, set_up)

#endif
