// SPDX-License-Identifier: MIT

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/config.h"
#include "plugin/log.h"

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

#define STRING(text)                                                           \
  { .type = OPTION_STRING, .string = (text) }
#define BOOLEAN(value)                                                         \
  { .type = OPTION_BOOLEAN, .boolean = (value) }
#define NUMBER(value)                                                          \
  { .type = OPTION_NUMBER, .number = (value) }

/* One option of the given key and values. */
#define OPTION(name, ...)                                                      \
  (struct option) {                                                            \
    .key = (name), .values = (struct option_value[]){__VA_ARGS__},             \
    .values_count = sizeof((struct option_value[]){__VA_ARGS__}) /             \
                    sizeof(struct option_value)                                \
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

static void add(struct option option) {
  struct option block = {
      .key = "Plugin", .children = &option, .children_count = 1};

  assert_int_equal(config_add(&config, &block), 0);
}

/* That the option is a mistake, of which this is said. */
static void refuse(struct option option, const char *line) {
  unsigned mistakes = config.mistakes;

  lines = 0;
  add(option);
  assert_string_equal(logged, line);
  assert_int_equal(logged_severity, LOG_ERR);
  assert_int_equal(lines, 1);
  assert_int_equal(config.mistakes, mistakes + 1);
  assert_int_equal(config_check(&config), -EINVAL);
}

static void test_defaults(void **state) {
  (void)state;
  assert_int_equal(config.mode, MODE_AUTO);
  assert_int_equal(config.directions, DIRECTION_BIT(DIRECTION_RX));
  assert_int_equal(config.groups, GROUP_BIT(GROUP_PROTOCOL));
  assert_true(config.report_inactive);
}

static void test_interfaces_add_up_over_blocks(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("eth0")));
  add(OPTION("INTERFACE", STRING("fifteen-octets.")));
  assert_int_equal(config.interfaces_count, 2);
  assert_string_equal(config.interfaces[0], "eth0");
  assert_string_equal(config.interfaces[1], "fifteen-octets.");
  assert_int_equal(config_check(&config), 0);
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
  assert_int_equal(config.interfaces_count, 1);
  assert_int_equal(config.mode, MODE_TC);
  assert_int_equal(config.directions,
                   DIRECTION_BIT(DIRECTION_RX) | DIRECTION_BIT(DIRECTION_TX));
}

static void test_interface_twice_is_a_warning(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("eth0")));
  add(OPTION("Interface", STRING("eth0")));
  assert_int_equal(config.interfaces_count, 1);
  assert_int_equal(logged_severity, LOG_WARNING);
  assert_string_equal(logged, "configuration: Interface \"eth0\" is listed "
                              "twice; once is enough");
  assert_int_equal(config_check(&config), 0);
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
         "configuration: Interface: takes the name of one interface");
  refuse(OPTION("Interface", NUMBER(5)),
         "configuration: Interface 5: takes the name of one interface");
  refuse(OPTION("Interface", BOOLEAN(true)),
         "configuration: Interface true: takes the name of one interface");
  refuse(OPTION("Interface", STRING("eth0"), STRING("eth1")),
         "configuration: Interface \"eth0\" \"eth1\": takes the name of one "
         "interface");
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
  assert_int_equal(config.directions, DIRECTION_BIT(DIRECTION_RX));
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
  refuse(
      OPTION("Interfaces", STRING("eth0")),
      "configuration: Interfaces: no such option; known are Interface, Mode, "
      "Direction, Report, ReportInactive");
}

static void test_block_for_an_option(void **state) {
  struct option inner = OPTION("Mode", STRING("native"));
  struct option block = OPTION("Interface", STRING("eth0"));

  (void)state;
  block.children = &inner;
  block.children_count = 1;
  refuse(block, "configuration: Interface is an option, not a block");
}

static void test_modes(void **state) {
  (void)state;
  add(OPTION("Mode", STRING("native")));
  assert_int_equal(config.mode, MODE_NATIVE);
  add(OPTION("Mode", STRING("Generic")));
  assert_int_equal(config.mode, MODE_GENERIC);
  add(OPTION("Mode", STRING("auto")));
  assert_int_equal(config.mode, MODE_AUTO);
  add(OPTION("mode", STRING("TC")));
  assert_int_equal(config.mode, MODE_TC);
  assert_int_equal(lines, 0);
}

static void test_mode_names(void **state) {
  (void)state;
  assert_string_equal(config_mode_name(MODE_AUTO), "auto");
  assert_string_equal(config_mode_name(MODE_NATIVE), "native");
  assert_string_equal(config_mode_name(MODE_GENERIC), "generic");
  assert_string_equal(config_mode_name(MODE_TC), "tc");
}

/* It leaves the mode as it was. */
static void test_unknown_mode(void **state) {
  (void)state;
  add(OPTION("Mode", STRING("tc")));
  refuse(OPTION("Mode", STRING("offload")),
         "configuration: Mode \"offload\": no such mode; use \"auto\", "
         "\"native\", \"generic\" or \"tc\"");
  assert_int_equal(config.mode, MODE_TC);
}

/* Unlike those of Report they do not add up: the last one holds. */
static void test_directions(void **state) {
  (void)state;
  add(OPTION("Direction", STRING("tx")));
  assert_int_equal(config.directions, DIRECTION_BIT(DIRECTION_TX));
  add(OPTION("DIRECTION", STRING("Both")));
  assert_int_equal(config.directions,
                   DIRECTION_BIT(DIRECTION_RX) | DIRECTION_BIT(DIRECTION_TX));
  add(OPTION("Direction", STRING("RX")));
  assert_int_equal(config.directions, DIRECTION_BIT(DIRECTION_RX));
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
  assert_int_equal(config.directions, DIRECTION_BIT(DIRECTION_TX));
}

static void test_free_leaves_the_defaults(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("eth0")));
  add(OPTION("Direction", STRING("both")));
  config_free(&config);
  assert_int_equal(config.interfaces_count, 0);
  assert_int_equal(config.directions, DIRECTION_BIT(DIRECTION_RX));
}

static void test_report_replaces_the_default_and_adds_up(void **state) {
  (void)state;
  add(OPTION("Report", STRING("cast"), STRING("Size")));
  assert_int_equal(config.groups,
                   GROUP_BIT(GROUP_CAST) | GROUP_BIT(GROUP_SIZE));
  add(OPTION("Report", STRING("cpu")));
  assert_int_equal(config.groups, GROUP_BIT(GROUP_CAST) |
                                      GROUP_BIT(GROUP_SIZE) |
                                      GROUP_BIT(GROUP_CPU));
  add(OPTION("Report", STRING("ALL")));
  assert_int_equal(config.groups, GROUPS_ALL);
}

static void test_report_total_is_the_total_alone(void **state) {
  (void)state;
  add(OPTION("Report", STRING("total")));
  assert_int_equal(config.groups, GROUP_BIT(GROUP_TOTAL));
}

static void test_unknown_group(void **state) {
  (void)state;
  refuse(OPTION("Report", STRING("protocols")),
         "configuration: Report \"protocols\": no such group; known are "
         "\"total\", \"protocol\", \"cast\", \"size\", \"vlan\", \"tcp\", "
         "\"dscp\", \"queue\", \"cpu\", \"all\"");
}

/* The others of its line hold. */
static void test_unknown_group_among_others(void **state) {
  (void)state;
  add(OPTION("Report", STRING("size"), STRING("sizes"), STRING("tcp")));
  assert_int_equal(config.mistakes, 1);
  assert_int_equal(config.groups, GROUP_BIT(GROUP_SIZE) | GROUP_BIT(GROUP_TCP));
}

static void assert_report_inactive(struct option option, bool expected) {
  config.report_inactive = !expected;
  add(option);
  assert_int_equal(config.report_inactive, expected);
  assert_int_equal(config.mistakes, 0);
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
  assert_int_equal(config_check(&config), -EINVAL);
  assert_string_equal(logged,
                      "configuration: no interface is selected; add a line "
                      "Interface \"eth0\" to <Plugin xdp>");
}

/* Not said where a mistake explains it. */
static void test_no_interface_after_a_mistake(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("a/b")));
  lines = 0;
  assert_int_equal(config_check(&config), -EINVAL);
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
      TEST(test_modes),
      TEST(test_mode_names),
      TEST(test_unknown_mode),
      TEST(test_directions),
      TEST(test_unknown_direction),
      TEST(test_free_leaves_the_defaults),
      TEST(test_report_replaces_the_default_and_adds_up),
      TEST(test_report_total_is_the_total_alone),
      TEST(test_unknown_group),
      TEST(test_unknown_group_among_others),
      TEST(test_report_inactive),
      TEST(test_no_interface),
      TEST(test_no_interface_after_a_mistake),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
