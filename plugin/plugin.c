// SPDX-License-Identifier: MIT

/* The adapter: the only file that knows collectd. It hands collectd's
 * configuration, reads and shutdown on, and log lines and values back. */
#include "collectd.h"

#include "plugin.h"
#include "utils/common/common.h" /* sstrncpy */

#include "plugin/config.h"
#include "plugin/datapath.h"
#include "plugin/interfaces.h"
#include "plugin/log.h"
#include "plugin/metrics.h"
#include "plugin/notices.h"

static struct config config;
static struct datapath *datapath;
static struct interfaces *interfaces;

void log_write(int severity, const char *format, ...) {
  char line[1024];
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  plugin_log(severity, "xdp: %s", line);
}

void notify_dispatch(enum notice_severity severity, const struct timespec *time,
                     const char *interface, const char *text) {
  static const int severities[] = {
      [NOTICE_FAILURE] = NOTIF_FAILURE,
      [NOTICE_WARNING] = NOTIF_WARNING,
      [NOTICE_OKAY] = NOTIF_OKAY,
  };
  notification_t notification = {.severity = severities[severity],
                                 .time = TIMESPEC_TO_CDTIME_T(time)};

  sstrncpy(notification.message, text, sizeof(notification.message));
  sstrncpy(notification.host, hostname_g, sizeof(notification.host));
  sstrncpy(notification.plugin, "xdp", sizeof(notification.plugin));
  sstrncpy(notification.plugin_instance, interface,
           sizeof(notification.plugin_instance));
  sstrncpy(notification.type, "gauge", sizeof(notification.type));
  sstrncpy(notification.type_instance, "attached",
           sizeof(notification.type_instance));
  plugin_dispatch_notification(&notification);
}

static void free_options(struct option *options, size_t count) {
  for (size_t i = 0; options && i < count; i++) {
    free_options(options[i].children, options[i].children_count);
    free(options[i].values);
  }
  free(options);
}

static struct option_value copy_value(const oconfig_value_t *value) {
  switch (value->type) {
  case OCONFIG_TYPE_STRING:
    return (struct option_value){OPTION_STRING, .string = value->value.string};
  case OCONFIG_TYPE_BOOLEAN:
    return (struct option_value){OPTION_BOOLEAN,
                                 .boolean = value->value.boolean};
  default:
    return (struct option_value){.type = OPTION_NUMBER,
                                 .number = value->value.number};
  }
}

/* The strings stay collectd's, whose parser makes no difference between an
 * option and a block without options in it. Returns NULL when out of memory. */
static struct option *copy_options(const oconfig_item_t *items, size_t count) {
  struct option *options = calloc(count + 1, sizeof(*options));

  for (size_t i = 0; options && i < count; i++) {
    struct option *option = &options[i];
    option->key = items[i].key;
    option->values_count = items[i].values_num;
    option->values = calloc(items[i].values_num + 1, sizeof(*option->values));
    option->children = copy_options(items[i].children, items[i].children_num);
    if (!option->values || !option->children) {
      free_options(options, count);
      return NULL;
    }
    option->children_count = items[i].children_num;
    for (int j = 0; j < items[i].values_num; j++)
      option->values[j] = copy_value(&items[i].values[j]);
  }
  return options;
}

/* Called for each <Plugin xdp> block. collectd exits where this fails, which
 * would take all other plugins along: mistakes wait for on_init(). */
static int on_config(oconfig_item_t *block) {
  struct option *options = copy_options(block, 1);

  if (!options || config_add(&config, options) != 0) {
    log_write(LOG_ERR, "configuration: out of memory");
    config.mistakes.count++;
  }
  free_options(options, 1);
  return 0;
}

static int on_shutdown(void) {
  interfaces = interfaces_stop(interfaces);
  datapath = datapath_close(datapath);
  config_free(&config);
  return 0;
}

/* Any other value than 0 turns this plugin off and leaves the others on. */
static int on_init(void) {
  char why[512];

  if (config_complete(&config) != 0) {
    log_write(LOG_ERR, "turned off by its configuration, see above");
    return -1;
  }
  if (datapath_open(selection_groups(&config.selection), &config.counters,
                    selection_entries(&config.selection), &datapath, why,
                    sizeof(why)) != 0) {
    log_write(LOG_ERR, "turned off, cannot load its BPF programs: %s", why);
    return -1;
  }
  int error = interfaces_start(&config.selection, &config.counters, datapath,
                               &interfaces);
  if (error) {
    log_write(LOG_ERR,
              "turned off, cannot start its thread: %s; raise TasksMax= or the "
              "memory limit of collectd's systemd unit",
              strerror(-error));
    datapath = datapath_close(datapath);
    return -1;
  }
  return 0;
}

/* What the values of one interface have in common. */
struct dispatch {
  const char *interface;
  cdtime_t time;
};

static void on_metric(void *context, const struct metric *metric) {
  const struct dispatch *d = context;
  value_list_t list = VALUE_LIST_INIT;
  value_t value = {.derive = (derive_t)metric->value};

  if (strcmp(metric->type, "gauge") == 0)
    value.gauge = metric->value;
  list.values = &value;
  list.values_len = 1;
  list.time = d->time;
  sstrncpy(list.plugin, "xdp", sizeof(list.plugin));
  sstrncpy(list.plugin_instance, d->interface, sizeof(list.plugin_instance));
  sstrncpy(list.type, metric->type, sizeof(list.type));
  sstrncpy(list.type_instance, metric->type_instance,
           sizeof(list.type_instance));
  plugin_dispatch_values(&list);
}

static bool is_inactive(const struct interface_report *report) {
  __u64 packets = 0;

  for (enum direction i = 0; i < DIRECTION_COUNT; i++)
    if (report->sides[i].counts)
      packets += report->sides[i].counts->total.packets;
  return report->is_attached && !packets;
}

static void on_interface(void *context, struct interface_report *report) {
  struct dispatch d = {report->name, *(cdtime_t *)context};
  unsigned modes[DIRECTION_COUNT];

  if (!config.report_inactive && is_inactive(report))
    return;
  for (enum direction i = 0; i < DIRECTION_COUNT; i++) {
    struct side_report *side = &report->sides[i];
    modes[i] = side->mode;
    if (side->counts)
      metrics_emit(side->groups, side->counters, i, side->counts,
                   &side->dscp_seen, on_metric, &d);
  }
  metrics_emit_state(report->is_attached, modes, on_metric, &d);
}

/* collectd -T reads although init failed. */
static int on_read(void) {
  cdtime_t now = cdtime();

  if (interfaces)
    interfaces_read(interfaces, on_interface, &now);
  return 0;
}

__attribute__((visibility("default"))) void module_register(void) {
  config = CONFIG_DEFAULT;
  plugin_register_complex_config("xdp", on_config);
  plugin_register_init("xdp", on_init);
  plugin_register_read("xdp", on_read);
  plugin_register_shutdown("xdp", on_shutdown);
}
