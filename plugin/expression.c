// SPDX-License-Identifier: MIT

/* Names are found as scanner.l and grammar.y of libpcap 1.10 find them. What
 * counts is never to take for something else what these take for a name.
 *
 * A name (ID) is looked up as the qualifiers say that hold for it: those before
 * it ("tcp port"), or those of what "and", "or", "not" and parentheses connect
 * it with ("port ftp or http"). Only after a qualifier, a connective or "("
 * does the grammar take a name at all; elsewhere it is a syntax error, or
 * belongs to the keyword before it ("llc ui"). */
#include "plugin/expression.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

enum token {
  TOKEN_END,
  TOKEN_NAME,
  TOKEN_ADDRESS,    /* or a number */
  TOKEN_HOST,       /* a qualifier after which a name is looked up */
  TOKEN_FILE,       /* one after which it is in a file */
  TOKEN_CONNECTIVE, /* and, or, not */
  TOKEN_OPEN,
  TOKEN_CLOSE,
  TOKEN_RELATION, /* after which nothing is qualified */
  TOKEN_KEYWORD,  /* likewise */
  TOKEN_MASK,     /* within an address */
  TOKEN_OTHER
};

struct keyword {
  const char *text;
  enum token token;
};

/* Keywords of scanner.l. Those that it has for numbers, as tcp-syn, stand in
 * arithmetic, where no name is looked up. */
static const struct keyword keywords[] = {{"host", TOKEN_HOST},
                                          {"net", TOKEN_HOST},
                                          {"gateway", TOKEN_HOST},
                                          {"src", TOKEN_HOST},
                                          {"dst", TOKEN_HOST},
                                          {"addr1", TOKEN_HOST},
                                          {"addr2", TOKEN_HOST},
                                          {"addr3", TOKEN_HOST},
                                          {"addr4", TOKEN_HOST},
                                          {"address1", TOKEN_HOST},
                                          {"address2", TOKEN_HOST},
                                          {"address3", TOKEN_HOST},
                                          {"address4", TOKEN_HOST},
                                          {"ra", TOKEN_HOST},
                                          {"ta", TOKEN_HOST},
                                          {"port", TOKEN_FILE},
                                          {"portrange", TOKEN_FILE},
                                          {"proto", TOKEN_FILE},
                                          {"protochain", TOKEN_FILE},
                                          {"and", TOKEN_CONNECTIVE},
                                          {"or", TOKEN_CONNECTIVE},
                                          {"not", TOKEN_CONNECTIVE},
                                          {"mask", TOKEN_MASK},
                                          {"link", TOKEN_KEYWORD},
                                          {"ether", TOKEN_KEYWORD},
                                          {"ppp", TOKEN_KEYWORD},
                                          {"slip", TOKEN_KEYWORD},
                                          {"fddi", TOKEN_KEYWORD},
                                          {"tr", TOKEN_KEYWORD},
                                          {"wlan", TOKEN_KEYWORD},
                                          {"arp", TOKEN_KEYWORD},
                                          {"rarp", TOKEN_KEYWORD},
                                          {"ip", TOKEN_KEYWORD},
                                          {"sctp", TOKEN_KEYWORD},
                                          {"tcp", TOKEN_KEYWORD},
                                          {"udp", TOKEN_KEYWORD},
                                          {"icmp", TOKEN_KEYWORD},
                                          {"igmp", TOKEN_KEYWORD},
                                          {"igrp", TOKEN_KEYWORD},
                                          {"pim", TOKEN_KEYWORD},
                                          {"vrrp", TOKEN_KEYWORD},
                                          {"carp", TOKEN_KEYWORD},
                                          {"radio", TOKEN_KEYWORD},
                                          {"ip6", TOKEN_KEYWORD},
                                          {"icmp6", TOKEN_KEYWORD},
                                          {"ah", TOKEN_KEYWORD},
                                          {"esp", TOKEN_KEYWORD},
                                          {"atalk", TOKEN_KEYWORD},
                                          {"aarp", TOKEN_KEYWORD},
                                          {"decnet", TOKEN_KEYWORD},
                                          {"lat", TOKEN_KEYWORD},
                                          {"sca", TOKEN_KEYWORD},
                                          {"moprc", TOKEN_KEYWORD},
                                          {"mopdl", TOKEN_KEYWORD},
                                          {"iso", TOKEN_KEYWORD},
                                          {"esis", TOKEN_KEYWORD},
                                          {"es-is", TOKEN_KEYWORD},
                                          {"isis", TOKEN_KEYWORD},
                                          {"is-is", TOKEN_KEYWORD},
                                          {"l1", TOKEN_KEYWORD},
                                          {"l2", TOKEN_KEYWORD},
                                          {"iih", TOKEN_KEYWORD},
                                          {"lsp", TOKEN_KEYWORD},
                                          {"snp", TOKEN_KEYWORD},
                                          {"csnp", TOKEN_KEYWORD},
                                          {"psnp", TOKEN_KEYWORD},
                                          {"clnp", TOKEN_KEYWORD},
                                          {"stp", TOKEN_KEYWORD},
                                          {"ipx", TOKEN_KEYWORD},
                                          {"netbeui", TOKEN_KEYWORD},
                                          {"type", TOKEN_KEYWORD},
                                          {"subtype", TOKEN_KEYWORD},
                                          {"direction", TOKEN_KEYWORD},
                                          {"dir", TOKEN_KEYWORD},
                                          {"less", TOKEN_KEYWORD},
                                          {"greater", TOKEN_KEYWORD},
                                          {"byte", TOKEN_KEYWORD},
                                          {"broadcast", TOKEN_KEYWORD},
                                          {"multicast", TOKEN_KEYWORD},
                                          {"len", TOKEN_KEYWORD},
                                          {"length", TOKEN_KEYWORD},
                                          {"inbound", TOKEN_KEYWORD},
                                          {"outbound", TOKEN_KEYWORD},
                                          {"ifindex", TOKEN_KEYWORD},
                                          {"vlan", TOKEN_KEYWORD},
                                          {"mpls", TOKEN_KEYWORD},
                                          {"pppoed", TOKEN_KEYWORD},
                                          {"pppoes", TOKEN_KEYWORD},
                                          {"geneve", TOKEN_KEYWORD},
                                          {"lane", TOKEN_KEYWORD},
                                          {"llc", TOKEN_KEYWORD},
                                          {"metac", TOKEN_KEYWORD},
                                          {"bcc", TOKEN_KEYWORD},
                                          {"oam", TOKEN_KEYWORD},
                                          {"oamf4", TOKEN_KEYWORD},
                                          {"oamf4ec", TOKEN_KEYWORD},
                                          {"oamf4sc", TOKEN_KEYWORD},
                                          {"sc", TOKEN_KEYWORD},
                                          {"ilmic", TOKEN_KEYWORD},
                                          {"vpi", TOKEN_KEYWORD},
                                          {"vci", TOKEN_KEYWORD},
                                          {"connectmsg", TOKEN_KEYWORD},
                                          {"metaconnect", TOKEN_KEYWORD},
                                          {"on", TOKEN_KEYWORD},
                                          {"ifname", TOKEN_KEYWORD},
                                          {"rset", TOKEN_KEYWORD},
                                          {"ruleset", TOKEN_KEYWORD},
                                          {"rnr", TOKEN_KEYWORD},
                                          {"rulenum", TOKEN_KEYWORD},
                                          {"srnr", TOKEN_KEYWORD},
                                          {"subrulenum", TOKEN_KEYWORD},
                                          {"reason", TOKEN_KEYWORD},
                                          {"action", TOKEN_KEYWORD},
                                          {"fisu", TOKEN_KEYWORD},
                                          {"lssu", TOKEN_KEYWORD},
                                          {"lsu", TOKEN_KEYWORD},
                                          {"msu", TOKEN_KEYWORD},
                                          {"hfisu", TOKEN_KEYWORD},
                                          {"hlssu", TOKEN_KEYWORD},
                                          {"hmsu", TOKEN_KEYWORD},
                                          {"sio", TOKEN_KEYWORD},
                                          {"opc", TOKEN_KEYWORD},
                                          {"dpc", TOKEN_KEYWORD},
                                          {"sls", TOKEN_KEYWORD},
                                          {"hsio", TOKEN_KEYWORD},
                                          {"hopc", TOKEN_KEYWORD},
                                          {"hdpc", TOKEN_KEYWORD},
                                          {"hsls", TOKEN_KEYWORD}};

static bool is_alnum(char c) { return isascii(c) && isalnum((unsigned char)c); }

static bool is_digit(char c) { return isascii(c) && isdigit((unsigned char)c); }

static bool is_hex(char c) { return isascii(c) && isxdigit((unsigned char)c); }

/* [A-Za-z0-9]([-_.A-Za-z0-9]*[.A-Za-z0-9])? */
static size_t name_length(const char *text) {
  size_t length = 0, end = 0;

  if (!is_alnum(*text))
    return 0;
  for (;
       is_alnum(text[length]) || (text[length] && strchr("-_.", text[length]));
       length++)
    if (is_alnum(text[length]) || text[length] == '.')
      end = length + 1;
  return end;
}

/* [0-9]+|(0X|0x)[0-9A-Fa-f]+ */
static size_t number_length(const char *text) {
  size_t length = 0;

  if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X') && is_hex(text[2])) {
    for (length = 3; is_hex(text[length]); length++)
      ;
    return length;
  }
  while (is_digit(text[length]))
    length++;
  return length;
}

/* Up to four numbers with dots between them. */
static size_t dotted_length(const char *text) {
  size_t length = number_length(text);

  for (int i = 0; length && i < 3 && text[length] == '.'; i++) {
    size_t more = number_length(text + length + 1);
    if (!more)
      break;
    length += 1 + more;
  }
  return length;
}

/* Groups of `min` to `max` hexadecimal digits with a separator between them; 0
 * where there are not as many. */
static size_t groups_length(const char *text, int count, int min, int max,
                            char separator) {
  size_t length = 0;

  for (int i = 0; i < count; i++) {
    int digits = 0;
    if (i && separator && text[length++] != separator)
      return 0;
    for (; digits < max && is_hex(text[length]); digits++)
      length++;
    if (digits < min)
      return 0;
  }
  return length;
}

static size_t more(size_t a, size_t b) { return a > b ? a : b; }

static size_t station_length(const char *text) {
  size_t length = more(groups_length(text, 6, 1, 2, ':'),
                       groups_length(text, 6, 1, 2, '-'));

  length = more(length, groups_length(text, 6, 1, 2, '.'));
  length = more(length, groups_length(text, 3, 4, 4, '.'));
  return more(length, groups_length(text, 3, 4, 4, '\0'));
}

/* The longest beginning that is an address of IPv6. What begins with one is no
 * name to scanner.l, which may take less of it. */
static size_t ipv6_length(const char *text) {
  char address[INET6_ADDRSTRLEN];
  unsigned char octets[16];
  size_t length = 0;

  while (length < sizeof(address) - 1 &&
         (is_hex(text[length]) || (text[length] && strchr(":.", text[length]))))
    length++;
  if (!memchr(text, ':', length))
    return 0;
  for (; length > 1; length--) {
    memcpy(address, text, length);
    address[length] = '\0';
    if (inet_pton(AF_INET6, address, octets) == 1)
      return length;
  }
  return 0;
}

static enum token word(const char *text, size_t length) {
  for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
    if (strlen(keywords[i].text) == length &&
        memcmp(text, keywords[i].text, length) == 0)
      return keywords[i].token;
  return TOKEN_NAME;
}

/* What scanner.l takes for the wrong address of a station. */
static size_t bogus_length(const char *text) {
  size_t length = 0;

  for (int count = 0;; count++) {
    int digits = is_hex(text[length]) ? 1 + is_hex(text[length + 1]) : 0;
    if (!digits || text[length + digits] != ':')
      return count > 1 ? length : 0;
    length += digits;
    length += strspn(text + length, ":");
  }
}

/* What begins with a letter, a digit or a colon: the longest wins, and of those
 * alike an address before a name. */
static enum token word_or_address(const char *text, size_t *ret_length) {
  size_t name = name_length(text);
  size_t address = more(more(dotted_length(text), station_length(text)),
                        more(ipv6_length(text), bogus_length(text)));

  *ret_length = more(name, address);
  if (name > address)
    return word(text, name);
  return address ? TOKEN_ADDRESS : TOKEN_OTHER;
}

static enum token sign(const char *text, size_t *ret_length) {
  bool is_double = text[0] == text[1];

  *ret_length = 1;
  switch (text[0]) {
  case '&':
  case '|':
    *ret_length += is_double;
    return is_double ? TOKEN_CONNECTIVE : TOKEN_OTHER;
  case '!':
    *ret_length += text[1] == '=';
    return text[1] == '=' ? TOKEN_RELATION : TOKEN_CONNECTIVE;
  case '<':
  case '>':
    *ret_length += is_double || text[1] == '=';
    return is_double ? TOKEN_OTHER : TOKEN_RELATION;
  case '=':
    *ret_length += is_double;
    return TOKEN_RELATION;
  case '(':
    return TOKEN_OPEN;
  case ')':
    return TOKEN_CLOSE;
  default:
    return TOKEN_OTHER;
  }
}

static enum token next_token(const char **text, size_t *ret_length) {
  *text += strspn(*text, " \r\n\t");
  const char *at = *text;
  enum token token = TOKEN_NAME;

  if (!*at)
    return TOKEN_END;
  if (*at == '\\' && at[1] && !strchr(" !()\n\t", at[1]))
    *ret_length = 1 + strcspn(at + 1, " !()\n\t");
  else if (is_alnum(*at) || *at == ':')
    token = word_or_address(at, ret_length);
  else
    return sign(at, ret_length);
  if (!*ret_length)
    *ret_length = 1;
  return token;
}

/* Which names the qualifiers that hold now are for. */
enum names { NAMES_NONE, NAMES_FILE, NAMES_HOST };

struct scan {
  enum names names;
  bool takes_name;                     /* after the token before */
  unsigned char outer[EXPRESSION_MAX]; /* names, behind each parenthesis */
  size_t depth;
};

static void qualify(struct scan *scan, enum token token) {
  if (token == TOKEN_HOST)
    scan->names = NAMES_HOST;
  else if (token == TOKEN_FILE)
    scan->names = NAMES_FILE;
  else if (token == TOKEN_RELATION || token == TOKEN_KEYWORD)
    scan->names = NAMES_NONE;
  else if (token == TOKEN_OPEN)
    scan->outer[scan->depth++] = scan->names;
  else if (token == TOKEN_CLOSE && scan->depth)
    scan->names = scan->outer[--scan->depth];
  scan->takes_name = token == TOKEN_HOST || token == TOKEN_FILE ||
                     token == TOKEN_CONNECTIVE || token == TOKEN_OPEN;
}

bool expression_find_name(const char *text, const char **ret_name,
                          size_t *ret_length) {
  struct scan scan = {.depth = 0};
  enum token token;

  while ((token = next_token(&text, ret_length)) != TOKEN_END) {
    if (token == TOKEN_NAME && scan.takes_name && scan.names == NAMES_HOST) {
      *ret_name = text;
      return true;
    }
    qualify(&scan, token);
    text += *ret_length;
  }
  return false;
}

static bool is_of_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

bool expression_has_word(const char *text, const char *word) {
  size_t length = strlen(word);

  for (const char *at = text; (at = strstr(at, word)); at += length)
    if ((at == text || !is_of_word(at[-1])) && !is_of_word(at[length]))
      return true;
  return false;
}
