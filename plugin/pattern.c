// SPDX-License-Identifier: MIT

#include "plugin/pattern.h"

#include <errno.h>
#include <net/if.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS (REG_EXTENDED | REG_NOSUB)

struct pattern {
  bool is_regex;
  regex_t regex;
  char text[];
};

/* What dev_valid_name() of the kernel's net/core/dev.c takes; to its isspace()
 * the octet 0xa0 is white space as well, as it is in "à" of UTF-8. */
static bool is_interface_name(const char *name) {
  return *name && strlen(name) < IF_NAMESIZE && strcmp(name, ".") != 0 &&
         strcmp(name, "..") != 0 && !strpbrk(name, "/: \t\n\v\f\r\xa0");
}

static int check_name(const char *name, char *why, size_t why_size) {
  if (is_interface_name(name))
    return 0;
  if (name[0] == '/')
    snprintf(why, why_size,
             "a regex stands between two slashes, the second is missing");
  else
    snprintf(why, why_size,
             "not the name of an interface; a name has 1 to %d octets, none of "
             "them '/', ':' or white space",
             IF_NAMESIZE - 1);
  return -EINVAL;
}

/* regcomp() of the first octets. */
static int compile(const char *source, size_t length) {
  char *start = strndup(source, length);
  regex_t regex;

  if (!start)
    return REG_ESPACE;
  int error = regcomp(&regex, start, FLAGS);
  if (!error)
    regfree(&regex);
  free(start);
  return error;
}

/* Whether the regex is wrong as its start already is. An open "(" is it
 * whatever comes inside. glibc has an error of its own for a start that ends in
 * "[". */
static bool is_same(int error, int earlier) {
  return earlier &&
         (earlier == error || error == REG_EPAREN || earlier == REG_BADPAT);
}

/* Where it goes wrong, which regcomp() does not tell: it is the last octet of
 * the shortest start that, with all longer ones, is wrong in the same way as
 * the whole. */
static size_t find_error(const char *source, int error) {
  size_t length = strlen(source);

  while (length > 1 && is_same(error, compile(source, length - 1)))
    length--;
  return length - 1;
}

static void describe(const char *source, int error, const regex_t *regex,
                     char *why, size_t why_size) {
  size_t position = find_error(source, error);
  char reason[128];

  regerror(error, regex, reason, sizeof(reason));
  snprintf(why, why_size,
           "not a regex (POSIX extended): %s, at octet %zu, \"%.16s\"", reason,
           position + 1, source + position);
}

static int compile_regex(struct pattern *pattern, char *why, size_t why_size) {
  char *source = strndup(pattern->text + 1, strlen(pattern->text) - 2);

  if (!source)
    return -ENOMEM;
  int error = regcomp(&pattern->regex, source, FLAGS);
  if (error)
    describe(source, error, &pattern->regex, why, why_size);
  free(source);
  pattern->is_regex = !error;
  return error ? -EINVAL : 0;
}

static int open_regex(struct pattern *pattern, char *why, size_t why_size) {
  if (strcmp(pattern->text, "//") != 0)
    return compile_regex(pattern, why, why_size);
  snprintf(why, why_size,
           "the regex is empty; for every interface use IgnoreSelected true");
  return -EINVAL;
}

static bool is_between_slashes(const char *text) {
  size_t length = strlen(text);

  return length >= 2 && text[0] == '/' && text[length - 1] == '/';
}

int pattern_open(const char *text, struct pattern **ret_pattern, char *why,
                 size_t why_size) {
  size_t size = strlen(text) + 1;
  struct pattern *pattern = calloc(1, sizeof(*pattern) + size);

  if (!pattern)
    return -ENOMEM;
  memcpy(pattern->text, text, size);
  int error = is_between_slashes(text) ? open_regex(pattern, why, why_size)
                                       : check_name(text, why, why_size);
  if (error)
    pattern_close(pattern);
  else
    *ret_pattern = pattern;
  return error;
}

struct pattern *pattern_close(struct pattern *pattern) {
  if (pattern && pattern->is_regex)
    regfree(&pattern->regex);
  free(pattern);
  return NULL;
}

bool pattern_matches(const struct pattern *pattern, const char *name) {
  return pattern->is_regex ? regexec(&pattern->regex, name, 0, NULL, 0) == 0
                           : strcmp(pattern->text, name) == 0;
}

const char *pattern_text(const struct pattern *pattern) {
  return pattern->text;
}

bool pattern_is_regex(const struct pattern *pattern) {
  return pattern->is_regex;
}
