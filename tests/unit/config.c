// SPDX-License-Identifier: MIT

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/config.h"
#include "plugin/log.h"
#include "tests/unit/options.h"

/* The port: what was logged last, and how often. */
static char logged[1024];
static int logged_severity;
static unsigned lines;

void log_write(int severity, const char *format, ...) {
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(logged, sizeof(logged), format, arguments);
  va_end(arguments);
  logged_severity = severity;
  lines++;
}

static struct config config;

static int set_up(void **state) {
  (void)state;
  config = CONFIG_DEFAULT;
  lines = 0;
  logged[0] = '\0';
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  config_free(&config);
  return 0;
}

/* What holds where no block says otherwise. */
static struct settings global(void) {
  return settings_override(&SETTINGS_DEFAULT, &config.global);
}

/* The exact names that are selected. */
static const char *names(void) {
  static char text[256];
  const char *name;

  text[0] = '\0';
  for (size_t i = 0; (name = selection_next_name(&config.selection, &i));)
    sprintf(text + strlen(text), "%s ", name);
  return text;
}

/* Of an interface, after the last block; NULL: not selected. */
static const struct settings *find(const char *name) {
  assert_int_equal(config_complete(&config), 0);
  return selection_find(&config.selection, name);
}

static void assert_settings(const char *name, enum mode mode,
                            unsigned directions, enum busy busy, __u32 groups) {
  const struct settings *settings = find(name);

  assert_non_null(settings);
  assert_int_equal(settings->mode, mode);
  assert_int_equal(settings->directions, directions);
  assert_int_equal(settings->busy, busy);
  assert_int_equal(settings->groups, groups);
}

#define RX DIRECTION_BIT(DIRECTION_RX)
#define TX DIRECTION_BIT(DIRECTION_TX)
#define PROTOCOL GROUP_BIT(GROUP_PROTOCOL)
#define CAST GROUP_BIT(GROUP_CAST)
#define SIZE GROUP_BIT(GROUP_SIZE)

static void add(struct option option) {
  struct option block = {
      .key = "Plugin", .children = &option, .children_count = 1};

  assert_int_equal(config_add(&config, &block), 0);
}

/* That the option is a mistake, of which this is said. */
static void refuse(struct option option, const char *line) {
  unsigned mistakes = config.mistakes.count;

  lines = 0;
  add(option);
  assert_string_equal(logged, line);
  assert_int_equal(logged_severity, LOG_ERR);
  assert_int_equal(lines, 1);
  assert_int_equal(config.mistakes.count, mistakes + 1);
  assert_int_equal(config_complete(&config), -EINVAL);
}

static void test_defaults(void **state) {
  (void)state;
  assert_int_equal(global().mode, MODE_AUTO);
  assert_int_equal(global().directions, DIRECTION_BIT(DIRECTION_RX));
  assert_int_equal(global().groups, GROUP_BIT(GROUP_PROTOCOL));
  assert_true(config.report_inactive);
}

static void test_interfaces_add_up_over_blocks(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("eth0")));
  add(OPTION("INTERFACE", STRING("fifteen-octets.")));
  assert_string_equal(names(), "eth0 fifteen-octets. ");
  assert_int_equal(config_complete(&config), 0);
  assert_int_equal(lines, 0);
}

static void test_all_options_of_a_block(void **state) {
  struct option options[] = {
      OPTION("Interface", STRING("eth0")),
      OPTION("Mode", STRING("tc")),
      OPTION("Direction", STRING("both")),
  };
  struct option block = {
      .key = "Plugin", .children = options, .children_count = 3};

  (void)state;
  assert_int_equal(config_add(&config, &block), 0);
  assert_string_equal(names(), "eth0 ");
  assert_int_equal(global().mode, MODE_TC);
  assert_int_equal(global().directions,
                   DIRECTION_BIT(DIRECTION_RX) | DIRECTION_BIT(DIRECTION_TX));
}

static void test_interface_twice_is_a_warning(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("eth0")));
  add(OPTION("Interface", STRING("eth0")));
  assert_string_equal(names(), "eth0 ");
  assert_int_equal(logged_severity, LOG_WARNING);
  assert_string_equal(logged, "configuration: Interface \"eth0\" is listed "
                              "twice; once is enough");
  assert_int_equal(config_complete(&config), 0);
}

#define NOT_A_NAME                                                             \
  ": not the name of an interface; a name has 1 to 15 octets, none of them "   \
  "'/', ':' or white space"

static void test_bad_interfaces(void **state) {
  (void)state;
  refuse(OPTION("Interface", STRING("sixteen-octets.."), ),
         "configuration: Interface \"sixteen-octets..\"" NOT_A_NAME);
  refuse(OPTION("Interface", STRING("")),
         "configuration: Interface \"\"" NOT_A_NAME);
  refuse(OPTION("Interface", STRING(".")),
         "configuration: Interface \".\"" NOT_A_NAME);
  refuse(OPTION("Interface", STRING("..")),
         "configuration: Interface \"..\"" NOT_A_NAME);
  refuse(OPTION("Interface", STRING("a/b")),
         "configuration: Interface \"a/b\"" NOT_A_NAME);
  refuse(OPTION("Interface", STRING("a b")),
         "configuration: Interface \"a b\"" NOT_A_NAME);
  refuse(OPTION("Interface", STRING("eth0:1")),
         "configuration: Interface \"eth0:1\"" NOT_A_NAME);
}

static void test_wrong_types(void **state) {
  (void)state;
  refuse((struct option){.key = "Interface"},
         "configuration: Interface: takes the name of one interface, or one "
         "/regex/");
  refuse(OPTION("Interface", NUMBER(5)),
         "configuration: Interface 5: takes the name of one interface, or one "
         "/regex/");
  refuse(OPTION("Interface", BOOLEAN(true)),
         "configuration: Interface true: takes the name of one interface, or "
         "one /regex/");
  refuse(OPTION("Interface", STRING("eth0"), STRING("eth1")),
         "configuration: Interface \"eth0\" \"eth1\": takes the name of one "
         "interface, or one /regex/");
  refuse(OPTION("Mode", NUMBER(1.5)),
         "configuration: Mode 1.5: takes one of \"auto\", \"native\", "
         "\"generic\" or \"tc\"");
  refuse(OPTION("Report", STRING("cast"), NUMBER(7)),
         "configuration: Report \"cast\" 7: takes groups, as in \"protocol\" "
         "\"cast\"");
  refuse((struct option){.key = "Report"},
         "configuration: Report: takes groups, as in \"protocol\" \"cast\"");
  refuse(OPTION("ReportInactive", NUMBER(1)),
         "configuration: ReportInactive 1: takes true or false");
  refuse(OPTION("ReportInactive", BOOLEAN(true), BOOLEAN(false)),
         "configuration: ReportInactive true false: takes true or false");
  refuse(OPTION("ReportInactive", STRING("perhaps")),
         "configuration: ReportInactive \"perhaps\": takes true or false");
}

static void test_wrong_types_of_a_direction(void **state) {
  (void)state;
  refuse(OPTION("Direction", NUMBER(2)),
         "configuration: Direction 2: takes one of \"rx\", \"tx\" or "
         "\"both\"");
  refuse(OPTION("Direction", STRING("rx"), STRING("tx")),
         "configuration: Direction \"rx\" \"tx\": takes one of \"rx\", \"tx\" "
         "or \"both\"");
  refuse((struct option){.key = "Direction"},
         "configuration: Direction: takes one of \"rx\", \"tx\" or \"both\"");
  assert_int_equal(global().directions, DIRECTION_BIT(DIRECTION_RX));
}

/* What is wrong is said, however long the value. */
static void test_long_values(void **state) {
  char value[1000], start[80];

  (void)state;
  memset(value, 'x', sizeof(value) - 1);
  value[sizeof(value) - 1] = '\0';
  snprintf(start, sizeof(start), "%.64s", value);
  add(OPTION("Interface", STRING(value)));
  assert_non_null(strstr(logged, start));
  assert_non_null(strstr(logged, NOT_A_NAME));
  add(OPTION("Mode", STRING(value), STRING(value), STRING(value), STRING(value),
             STRING(value)));
  assert_non_null(strstr(logged, ": takes one of \"auto\""));
  add(OPTION(value, STRING(value)));
  assert_non_null(strstr(logged, ": no such option; known are Interface"));
}

static void test_unknown_option(void **state) {
  (void)state;
  refuse(OPTION("Interfaces", STRING("eth0")),
         "configuration: Interfaces: no such option; known are Interface, "
         "IgnoreSelected, Mode, Direction, Busy, Report, ReportInactive, "
         "Counter");
}

static void test_block_for_an_option(void **state) {
  static const char *const keys[] = {"Mode",           "Direction",
                                     "Busy",           "Report",
                                     "IgnoreSelected", "ReportInactive"};
  char line[80];

  (void)state;
  for (size_t i = 0; i < 6; i++) {
    snprintf(line, sizeof(line), "configuration: %s is an option, not a block",
             keys[i]);
    refuse(BLOCK(keys[i], STRING("eth0"), OPTION("Mode", STRING("tc"))), line);
  }
}

static void test_unknown_block(void **state) {
  (void)state;
  refuse(BLOCK("Interfaces", STRING("eth0"), OPTION("Mode", STRING("tc"))),
         "configuration: Interfaces: no such option; known are Interface, "
         "IgnoreSelected, Mode, Direction, Busy, Report, ReportInactive, "
         "Counter");
}

static void test_busy(void **state) {
  (void)state;
  assert_int_equal(global().busy, BUSY_OBSERVE);
  add(OPTION("Busy", STRING("skip")));
  assert_int_equal(global().busy, BUSY_SKIP);
  add(OPTION("BUSY", STRING("Observe")));
  assert_int_equal(global().busy, BUSY_OBSERVE);
  add(OPTION("busy", STRING("TC")));
  assert_int_equal(global().busy, BUSY_TC);
  assert_int_equal(lines, 0);
}

/* It leaves what was given before. */
static void test_unknown_busy(void **state) {
  (void)state;
  add(OPTION("Busy", STRING("skip")));
  refuse(OPTION("Busy", STRING("replace")),
         "configuration: Busy \"replace\": no such choice; use \"observe\", "
         "\"tc\" or \"skip\"");
  refuse(OPTION("Busy", BOOLEAN(true)),
         "configuration: Busy true: takes one of \"observe\", \"tc\" or "
         "\"skip\"");
  assert_int_equal(global().busy, BUSY_SKIP);
}

static void test_bad_regexes(void **state) {
  (void)state;
  refuse(OPTION("Interface", STRING("/^veth(a/")),
         "configuration: Interface \"/^veth(a/\": not a regex (POSIX "
         "extended): Unmatched ( or \\(, at octet 6, \"(a\"");
  refuse(OPTION("Interface", STRING("/(eth[9-0])|lo/")),
         "configuration: Interface \"/(eth[9-0])|lo/\": not a regex (POSIX "
         "extended): Invalid range end, at octet 8, \"0])|lo\"");
  refuse(OPTION("Interface", STRING("/eth[0-9/")),
         "configuration: Interface \"/eth[0-9/\": not a regex (POSIX "
         "extended): Unmatched [, [^, [:, [., or [=, at octet 4, \"[0-9\"");
  refuse(OPTION("Interface", STRING("/*/")),
         "configuration: Interface \"/*/\": not a regex (POSIX extended): "
         "Invalid preceding regular expression, at octet 1, \"*\"");
  refuse(OPTION("Interface", STRING("/eth0\\/")),
         "configuration: Interface \"/eth0\\/\": not a regex (POSIX extended): "
         "Trailing backslash, at octet 5, \"\\\"");
  refuse(OPTION("Interface", STRING("//")),
         "configuration: Interface \"//\": the regex is empty; for every "
         "interface use IgnoreSelected true");
  refuse(OPTION("Interface", STRING("/^veth")),
         "configuration: Interface \"/^veth\": a regex stands between two "
         "slashes, the second is missing");
  refuse(OPTION("Interface", STRING("/")),
         "configuration: Interface \"/\": a regex stands between two slashes, "
         "the second is missing");
  refuse(BLOCK("Interface", STRING("/(/"), OPTION("Mode", STRING("tc"))),
         "configuration: Interface \"/(/\": not a regex (POSIX extended): "
         "Unmatched ( or \\(, at octet 1, \"(\"");
}

static void test_a_regex_selects(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("/^eth/")));
  add(OPTION("Interface", STRING("eth0")));
  assert_string_equal(names(), "eth0 ");
  assert_non_null(find("eth0"));
  assert_non_null(find("eth1"));
  assert_null(find("veth0"));
  assert_int_equal(lines, 0);
}

static void test_a_block_overrides(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("eth0")));
  add(BLOCK("Interface", STRING("/^veth/"), OPTION("Mode", STRING("tc")),
            OPTION("Direction", STRING("tx")), OPTION("Busy", STRING("skip")),
            OPTION("Report", STRING("cast"))));
  assert_settings("eth0", MODE_AUTO, RX, BUSY_OBSERVE, PROTOCOL);
  assert_settings("veth0", MODE_TC, TX, BUSY_SKIP, CAST);
  assert_int_equal(lines, 0);
}

/* Its own Reports add up. */
static void test_a_block_replaces_report(void **state) {
  (void)state;
  add(OPTION("Report", STRING("vlan"), STRING("tcp")));
  add(BLOCK("INTERFACE", STRING("eth0"), OPTION("report", STRING("cast")),
            OPTION("Report", STRING("size"))));
  assert_settings("eth0", MODE_AUTO, RX, BUSY_OBSERVE, CAST | SIZE);
}

/* Each option, alone in a block, leaves the others to the global ones, which
 * stand before it, behind it and in another <Plugin xdp>. */
static void test_a_block_has_the_rest_from_the_global_options(void **state) {
  (void)state;
  add(OPTION("Mode", STRING("generic")));
  add(OPTION("Report", STRING("size")));
  add(BLOCK("Interface", STRING("mode"), OPTION("Mode", STRING("auto"))));
  add(BLOCK("Interface", STRING("direction"),
            OPTION("Direction", STRING("rx"))));
  add(BLOCK("Interface", STRING("busy"), OPTION("Busy", STRING("observe"))));
  add(BLOCK("Interface", STRING("report"),
            OPTION("Report", STRING("protocol"))));
  add(OPTION("Direction", STRING("both")));
  add(OPTION("Busy", STRING("tc")));
  add(OPTION("Report", STRING("cast")));
  assert_settings("mode", MODE_AUTO, RX | TX, BUSY_TC, SIZE | CAST);
  assert_settings("direction", MODE_GENERIC, RX, BUSY_TC, SIZE | CAST);
  assert_settings("busy", MODE_GENERIC, RX | TX, BUSY_OBSERVE, SIZE | CAST);
  assert_settings("report", MODE_GENERIC, RX | TX, BUSY_TC, PROTOCOL);
  assert_int_equal(lines, 0);
}

static void test_mistakes_in_a_block(void **state) {
  (void)state;
  refuse(
      BLOCK("Interface", STRING("/^veth/"), OPTION("Mode", STRING("turbo"))),
      "configuration: <Interface \"/^veth/\">: Mode \"turbo\": no such mode; "
      "use \"auto\", \"native\", \"generic\" or \"tc\"");
  refuse(BLOCK("Interface", STRING("eth0"), OPTION("Direction", NUMBER(1))),
         "configuration: <Interface \"eth0\">: Direction 1: takes one of "
         "\"rx\", \"tx\" or \"both\"");
  refuse(BLOCK("Interface", STRING("eth1"), OPTION("Report", STRING("colour"))),
         "configuration: <Interface \"eth1\">: Report \"colour\": no such "
         "group; known are \"total\", \"protocol\", \"cast\", \"size\", "
         "\"vlan\", \"tcp\", \"dscp\", \"queue\", \"cpu\", \"verdict\", "
         "\"all\"");
  refuse(BLOCK("Interface", STRING("eth2"), OPTION("Busy", STRING("wait"))),
         "configuration: <Interface \"eth2\">: Busy \"wait\": no such choice; "
         "use \"observe\", \"tc\" or \"skip\"");
  refuse(BLOCK("Interface", STRING("eth3"),
               BLOCK("Mode", STRING("tc"), OPTION("Busy", STRING("tc")))),
         "configuration: <Interface \"eth3\">: Mode is an option, not a block");
}

/* What is global, or another block, has no place there. */
static void test_unknown_options_in_a_block(void **state) {
  static const char *const keys[] = {"ReportInactive", "IgnoreSelected",
                                     "Interface", "Modes"};
  char line[160];

  (void)state;
  for (size_t i = 0; i < 4; i++) {
    char name[] = "eth0";
    name[3] += i;
    snprintf(line, sizeof(line),
             "configuration: <Interface \"%s\">: %s: no such option; known are "
             "Mode, Direction, Busy, Report, Counter",
             name, keys[i]);
    refuse(BLOCK("Interface", STRING(name), OPTION(keys[i], BOOLEAN(true))),
           line);
  }
}

/* What is in it is looked at all the same; what follows is not in it. */
static void test_a_block_without_a_name(void **state) {
  struct option block =
      BLOCK("Interface", NUMBER(5), OPTION("Mode", STRING("turbo")));

  (void)state;
  add(block);
  assert_int_equal(config.mistakes.count, 2);
  assert_string_equal(logged, "configuration: <Interface>: Mode \"turbo\": no "
                              "such mode; use \"auto\", \"native\", "
                              "\"generic\" or \"tc\"");
  block.values_count = 0;
  add(block);
  assert_int_equal(config.mistakes.count, 4);
  refuse(OPTION("Mode", STRING("turbo")),
         "configuration: Mode \"turbo\": no such mode; use \"auto\", "
         "\"native\", \"generic\" or \"tc\"");
}

static void test_many_mistakes(void **state) {
  (void)state;
  add(BLOCK("Interface", STRING("a b"), OPTION("Mode", STRING("turbo")),
            OPTION("Report", STRING("x"), STRING("y")),
            OPTION("Counter", STRING("dns"))));
  add(OPTION("Interface", STRING("/(/")));
  add(OPTION("IgnoreSelected", NUMBER(1)));
  assert_int_equal(config.mistakes.count, 7);
  assert_int_equal(lines, 7);
  assert_int_equal(config_complete(&config), -EINVAL);
  assert_int_equal(lines, 7);
}

/* collectd makes no difference between these. */
static void test_an_empty_block_is_a_line(void **state) {
  struct option block = OPTION("Interface", STRING("eth0"));

  (void)state;
  block.children = (struct option[]){{0}};
  add(block);
  assert_settings("eth0", MODE_AUTO, RX, BUSY_OBSERVE, PROTOCOL);
  add(OPTION("IgnoreSelected", BOOLEAN(true)));
  assert_null(find("eth0"));
}

static void warn(struct option option, const char *line) {
  lines = 0;
  add(option);
  assert_string_equal(logged, line);
  assert_int_equal(logged_severity, LOG_WARNING);
  assert_int_equal(lines, 1);
  assert_int_equal(config.mistakes.count, 0);
}

static void test_listed_twice(void **state) {
  const struct option tc =
      BLOCK("Interface", STRING("eth0"), OPTION("Mode", STRING("tc")));
  const struct option generic =
      BLOCK("Interface", STRING("eth0"), OPTION("Mode", STRING("generic")));

  (void)state;
  add(OPTION("Interface", STRING("eth0")));
  warn(tc, "configuration: Interface \"eth0\" is listed twice; its block "
           "holds");
  warn(generic, "configuration: Interface \"eth0\" is listed twice; the first "
                "block holds");
  logged[0] = '\0';
  warn(OPTION("Interface", STRING("eth0")),
       "configuration: Interface \"eth0\" is listed twice; its block holds");
  assert_string_equal(names(), "eth0 ");
  assert_settings("eth0", MODE_TC, RX, BUSY_OBSERVE, PROTOCOL);
}

static void test_a_regex_listed_twice(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("/^eth/")));
  warn(OPTION("Interface", STRING("/^eth/")),
       "configuration: Interface \"/^eth/\" is listed twice; once is enough");
  warn(BLOCK("Interface", STRING("/^eth/"), OPTION("Mode", STRING("tc"))),
       "configuration: Interface \"/^eth/\" is listed twice; its block holds");
  assert_settings("eth0", MODE_TC, RX, BUSY_OBSERVE, PROTOCOL);
}

/* Which is known when the last block is. */
static void test_a_block_that_comes_too_late(void **state) {
  (void)state;
  add(BLOCK("Interface", STRING("/^eth/"), OPTION("Mode", STRING("tc"))));
  add(BLOCK("Interface", STRING("eth0"), OPTION("Mode", STRING("generic"))));
  assert_int_equal(lines, 0);
  assert_int_equal(config_complete(&config), 0);
  assert_string_equal(logged,
                      "configuration: <Interface \"eth0\">: <Interface "
                      "\"/^eth/\"> before it matches as well and holds; put "
                      "this one before it");
  assert_int_equal(logged_severity, LOG_WARNING);
  assert_int_equal(lines, 1);
  assert_settings("eth0", MODE_TC, RX, BUSY_OBSERVE, PROTOCOL);
}

static void test_ignore_selected(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("eth0")));
  add(OPTION("Interface", STRING("/^veth/")));
  add(BLOCK("Interface", STRING("veth7"), OPTION("Mode", STRING("tc"))));
  add(OPTION("IgnoreSelected", BOOLEAN(true)));
  assert_null(find("eth0"));
  assert_null(find("veth0"));
  assert_settings("eth1", MODE_AUTO, RX, BUSY_OBSERVE, PROTOCOL);
  assert_settings("veth7", MODE_TC, RX, BUSY_OBSERVE, PROTOCOL);
  assert_string_equal(names(), "veth7 ");
  add(OPTION("IGNORESELECTED", STRING("no")));
  assert_non_null(find("eth0"));
  assert_null(find("eth1"));
  assert_int_equal(lines, 0);
}

static void test_ignore_selected_alone(void **state) {
  (void)state;
  add(OPTION("IgnoreSelected", STRING("true")));
  assert_settings("eth0", MODE_AUTO, RX, BUSY_OBSERVE, PROTOCOL);
  assert_int_equal(lines, 0);
}

static void test_ignore_selected_takes_a_boolean(void **state) {
  (void)state;
  refuse(OPTION("IgnoreSelected", STRING("eth0")),
         "configuration: IgnoreSelected \"eth0\": takes true or false");
}

/* What may stand in a name, and in a regex besides. */
static void test_odd_names(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("eth0.100")));
  add(OPTION("Interface", STRING("a\"b'c")));
  add(OPTION("Interface", STRING("\xc3\xbc-\xe2\x82\xac")));
  add(OPTION("Interface", STRING("/a b:c/d*$/")));
  assert_int_equal(lines, 0);
  assert_string_equal(names(), "eth0.100 a\"b'c \xc3\xbc-\xe2\x82\xac ");
  assert_non_null(find("a b:c/dd"));
  assert_null(find("eth0_100"));
}

static void test_modes(void **state) {
  (void)state;
  add(OPTION("Mode", STRING("native")));
  assert_int_equal(global().mode, MODE_NATIVE);
  add(OPTION("Mode", STRING("Generic")));
  assert_int_equal(global().mode, MODE_GENERIC);
  add(OPTION("Mode", STRING("auto")));
  assert_int_equal(global().mode, MODE_AUTO);
  add(OPTION("mode", STRING("TC")));
  assert_int_equal(global().mode, MODE_TC);
  assert_int_equal(lines, 0);
}

static void test_mode_names(void **state) {
  (void)state;
  assert_string_equal(settings_mode_name(MODE_AUTO), "auto");
  assert_string_equal(settings_mode_name(MODE_NATIVE), "native");
  assert_string_equal(settings_mode_name(MODE_GENERIC), "generic");
  assert_string_equal(settings_mode_name(MODE_TC), "tc");
}

/* It leaves the mode as it was. */
static void test_unknown_mode(void **state) {
  (void)state;
  add(OPTION("Mode", STRING("tc")));
  refuse(OPTION("Mode", STRING("offload")),
         "configuration: Mode \"offload\": no such mode; use \"auto\", "
         "\"native\", \"generic\" or \"tc\"");
  assert_int_equal(global().mode, MODE_TC);
}

/* Unlike those of Report they do not add up: the last one holds. */
static void test_directions(void **state) {
  (void)state;
  add(OPTION("Direction", STRING("tx")));
  assert_int_equal(global().directions, DIRECTION_BIT(DIRECTION_TX));
  add(OPTION("DIRECTION", STRING("Both")));
  assert_int_equal(global().directions,
                   DIRECTION_BIT(DIRECTION_RX) | DIRECTION_BIT(DIRECTION_TX));
  add(OPTION("Direction", STRING("RX")));
  assert_int_equal(global().directions, DIRECTION_BIT(DIRECTION_RX));
  assert_int_equal(lines, 0);
}

/* It leaves the direction as it was. */
static void test_unknown_direction(void **state) {
  (void)state;
  add(OPTION("Direction", STRING("tx")));
  refuse(OPTION("Direction", STRING("in")),
         "configuration: Direction \"in\": no such direction; use \"rx\", "
         "\"tx\" or \"both\"");
  refuse(OPTION("Direction", STRING("")),
         "configuration: Direction \"\": no such direction; use \"rx\", "
         "\"tx\" or \"both\"");
  assert_int_equal(global().directions, DIRECTION_BIT(DIRECTION_TX));
}

static void test_free_leaves_the_defaults(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("eth0")));
  add(OPTION("Direction", STRING("both")));
  config_free(&config);
  assert_string_equal(names(), "");
  assert_int_equal(global().directions, DIRECTION_BIT(DIRECTION_RX));
}

static void test_report_replaces_the_default_and_adds_up(void **state) {
  (void)state;
  add(OPTION("Report", STRING("cast"), STRING("Size")));
  assert_int_equal(global().groups,
                   GROUP_BIT(GROUP_CAST) | GROUP_BIT(GROUP_SIZE));
  add(OPTION("Report", STRING("cpu")));
  assert_int_equal(global().groups, GROUP_BIT(GROUP_CAST) |
                                        GROUP_BIT(GROUP_SIZE) |
                                        GROUP_BIT(GROUP_CPU));
  add(OPTION("Report", STRING("verdict")));
  assert_int_equal(global().groups,
                   GROUP_BIT(GROUP_CAST) | GROUP_BIT(GROUP_SIZE) |
                       GROUP_BIT(GROUP_CPU) | GROUP_BIT(GROUP_VERDICT));
  add(OPTION("Report", STRING("ALL")));
  assert_int_equal(global().groups, GROUPS_ALL);
}

static void test_report_total_is_the_total_alone(void **state) {
  (void)state;
  add(OPTION("Report", STRING("total")));
  assert_int_equal(global().groups, GROUP_BIT(GROUP_TOTAL));
}

static void test_unknown_group(void **state) {
  (void)state;
  refuse(OPTION("Report", STRING("protocols")),
         "configuration: Report \"protocols\": no such group; known are "
         "\"total\", \"protocol\", \"cast\", \"size\", \"vlan\", \"tcp\", "
         "\"dscp\", \"queue\", \"cpu\", \"verdict\", \"all\"");
}

/* Users' own counters are told where there are some: it would be a Report of
 * nothing. */
static void test_counter_is_no_group(void **state) {
  (void)state;
  refuse(OPTION("Report", STRING("counter")),
         "configuration: Report \"counter\": no such group; known are "
         "\"total\", \"protocol\", \"cast\", \"size\", \"vlan\", \"tcp\", "
         "\"dscp\", \"queue\", \"cpu\", \"verdict\", \"all\"");
  assert_int_equal(global().groups, PROTOCOL);
}

/* The others of its line hold. */
static void test_unknown_group_among_others(void **state) {
  (void)state;
  add(OPTION("Report", STRING("size"), STRING("sizes"), STRING("tcp")));
  assert_int_equal(config.mistakes.count, 1);
  assert_int_equal(global().groups,
                   GROUP_BIT(GROUP_SIZE) | GROUP_BIT(GROUP_TCP));
}

static void assert_report_inactive(struct option option, bool expected) {
  config.report_inactive = !expected;
  add(option);
  assert_int_equal(config.report_inactive, expected);
  assert_int_equal(config.mistakes.count, 0);
}

static void test_report_inactive(void **state) {
  static const char *const yes[] = {"true", "yes", "On"};
  static const char *const no[] = {"false", "no", "OFF"};

  (void)state;
  assert_report_inactive(OPTION("ReportInactive", BOOLEAN(false)), false);
  assert_report_inactive(OPTION("ReportInactive", BOOLEAN(true)), true);
  for (size_t i = 0; i < 3; i++) {
    assert_report_inactive(OPTION("ReportInactive", STRING(yes[i])), true);
    assert_report_inactive(OPTION("ReportInactive", STRING(no[i])), false);
  }
}

static void test_no_interface(void **state) {
  (void)state;
  assert_int_equal(config_complete(&config), -EINVAL);
  assert_string_equal(logged,
                      "configuration: no interface is selected; add a line "
                      "Interface \"eth0\" to <Plugin xdp>");
}

/* Not said where a mistake explains it. */
static void test_no_interface_after_a_mistake(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("a/b")));
  lines = 0;
  assert_int_equal(config_complete(&config), -EINVAL);
  assert_int_equal(lines, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_defaults),
      TEST(test_interfaces_add_up_over_blocks),
      TEST(test_all_options_of_a_block),
      TEST(test_interface_twice_is_a_warning),
      TEST(test_bad_interfaces),
      TEST(test_wrong_types),
      TEST(test_wrong_types_of_a_direction),
      TEST(test_long_values),
      TEST(test_unknown_option),
      TEST(test_block_for_an_option),
      TEST(test_unknown_block),
      TEST(test_busy),
      TEST(test_unknown_busy),
      TEST(test_bad_regexes),
      TEST(test_a_regex_selects),
      TEST(test_a_block_overrides),
      TEST(test_a_block_replaces_report),
      TEST(test_a_block_has_the_rest_from_the_global_options),
      TEST(test_mistakes_in_a_block),
      TEST(test_unknown_options_in_a_block),
      TEST(test_a_block_without_a_name),
      TEST(test_many_mistakes),
      TEST(test_an_empty_block_is_a_line),
      TEST(test_listed_twice),
      TEST(test_a_regex_listed_twice),
      TEST(test_a_block_that_comes_too_late),
      TEST(test_ignore_selected),
      TEST(test_ignore_selected_alone),
      TEST(test_ignore_selected_takes_a_boolean),
      TEST(test_odd_names),
      TEST(test_modes),
      TEST(test_mode_names),
      TEST(test_unknown_mode),
      TEST(test_directions),
      TEST(test_unknown_direction),
      TEST(test_free_leaves_the_defaults),
      TEST(test_report_replaces_the_default_and_adds_up),
      TEST(test_report_total_is_the_total_alone),
      TEST(test_unknown_group),
      TEST(test_counter_is_no_group),
      TEST(test_unknown_group_among_others),
      TEST(test_report_inactive),
      TEST(test_no_interface),
      TEST(test_no_interface_after_a_mistake),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
