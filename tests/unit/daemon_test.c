// SPDX-License-Identifier: GPL-2.0
/*
 * Parts of the daemon that can be tried without one: its configuration, paths as peers see them,
 * time and text. Statics are reached by including the files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../user/daemon/cgroup.c"
#include "../../user/daemon/config.c"
#include "../../user/daemon/config_json.c"
#include "../../user/daemon/inventory.c"
#include "base/text.h"

static char err[512];

static int load(struct em_config *c, const char *yaml, const char *option, const char *value)
{
	char file[] = "/tmp/earmark-config.XXXXXX";
	char *argv[] = { "earmarkd", "--config", file, (char *)option, (char *)value, NULL };
	int fd = mkstemp(file), r;

	assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
	close(fd);
	r = em_config_load(c, value ? 5 : option ? 4 : 3, argv, err, sizeof(err));
	unlink(file);
	return r;
}

static void configuration(void **state)
{
	static const char yaml[] = "period: 2s\nrecorder: daemon\nkeep: 65536\nledger: /l\n"
				   "alert:\n  for: 1m30s\n  command: /bin/true\n"
				   "  webhook:\n    url: https://h/x\n    secret_file: /k\n"
				   "  alertmanager: {url: \"http://[::1]:9093\"}\n"
				   "metrics: 127.0.0.1:9765\nrules: /r.yaml\n"
				   "gpus:\n  - name: pci/0\n    weight: 5\n";
	struct em_config c;

	(void)state;
	assert_int_equal(load(&c, yaml, NULL, NULL), 0);
	assert_int_equal(c.period, 2 * EM_NS_PER_S);
	assert_int_equal(c.keep, 65536);
	assert_int_equal(c.recorder, EM_CHOICE_DAEMON);
	assert_string_equal(c.ledger, "/l");
	assert_string_equal(c.socket, EM_API_SOCKET);
	assert_int_equal(c.alert.for_ns, 90 * EM_NS_PER_S);
	assert_int_equal(c.alert.keep_firing_ns, 6 * 3600 * EM_NS_PER_S);
	assert_string_equal(c.alert.command, "/bin/true");
	assert_string_equal(c.alert.webhook, "https://h/x");
	assert_string_equal(c.alert.webhook_secret, "/k");
	assert_string_equal(c.alert.alertmanager, "http://[::1]:9093");
	assert_string_equal(c.alert.spool, "/l/spool");
	assert_string_equal(c.rules, "/r.yaml");
	assert_string_equal(c.metrics, "127.0.0.1:9765");
	assert_int_equal(c.n_gpus, 1);
	assert_int_equal(c.gpus[0].weight, 5);
	em_config_clear(&c);
	/* the command line goes first, an empty file is a file */
	assert_int_equal(load(&c, yaml, "--period", "500ms"), 0);
	assert_int_equal(c.period, 500 * EM_NS_PER_MS);
	em_config_clear(&c);
	assert_int_equal(load(&c, "nvml: off\n", NULL, NULL), 0);
	assert_string_equal(c.nvml, "off");
	em_config_clear(&c);
	assert_int_equal(load(&c, "nvml: auto\n", NULL, NULL), 0);
	assert_null(c.nvml);
	em_config_clear(&c);
	assert_int_equal(load(&c, "# nothing\n", NULL, NULL), 0);
	assert_int_equal(c.period, 0);
	assert_null(c.alert.webhook);
	assert_null(c.metrics); /* nothing is served unasked */
	em_config_clear(&c);
}

static void bad_configuration(void **state)
{
	static const struct {
		const char *yaml, *option, *value, *says;
	} bad[] = {
		{ "period: 10x\n", NULL, NULL, "10x" },
		{ "period: 1ms\n", NULL, NULL, "100ms" },
		{ "recorder: me\n", NULL, NULL, "auto, kernel or daemon" },
		{ "keep: -1\n", NULL, NULL, "number" },
		{ "leger: /x\n", NULL, NULL, "leger" },
		{ "alert:\n  command: mail\n", NULL, NULL, "absolute" },
		{ "alert:\n  webhook: {url: \"ftp://h\"}\n", NULL, NULL, "https://" },
		{ "alert:\n  webhook: {url: \"http://h\", secret_file: k}\n", NULL, NULL,
		  "absolute" },
		{ "period: [\n", NULL, NULL, "/tmp/" },
		{ "gpus:\n  - weight: 3\n", NULL, NULL, "name" },
		{ "nvml: lib.so\n", NULL, NULL, "auto, off or the absolute path" },
		{ "", "--nonsense", NULL, "--nonsense" },
		{ "", "--period", NULL, "needs a value" },
		{ "", "extra", NULL, "extra" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct em_config c = { 0 };

		*err = '\0';
		assert_int_equal(load(&c, bad[i].yaml, bad[i].option, bad[i].value), -EINVAL);
		if (!strstr(err, bad[i].says) || strchr(err, '\n'))
			fail_msg("\"%s\" does not say \"%s\"", err, bad[i].says);
	}
}

static void mounts_of_a_peer(void **state)
{
	char one[] =
		"30 24 0:26 /user.slice /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw";
	char two[] = "31 24 0:26 / /mnt/a\\040b rw - cgroup2 none rw";
	char three[] = "32 24 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu";
	char *root, *point;

	(void)state;
	assert_true(mount_parse(one, &root, &point));
	assert_string_equal(root, "/user.slice");
	assert_string_equal(point, "/sys/fs/cgroup");
	assert_true(mount_parse(two, &root, &point));
	assert_string_equal(point, "/mnt/a b");
	assert_false(mount_parse(three, &root, &point));
}

static void paths(void **state)
{
	char *joined;

	(void)state;
	assert_true(em_cgroup_below("/a/b", "/a"));
	assert_true(em_cgroup_below("/a", "/a"));
	assert_true(em_cgroup_below("/a", "/"));
	assert_false(em_cgroup_below("/ab", "/a"));
	assert_false(em_cgroup_below("/", "/a"));
	assert_true(has_dots("/a/../b"));
	assert_true(has_dots("/.."));
	assert_true(has_dots("/a/."));
	assert_false(has_dots("/a/.b"));
	assert_false(has_dots("/a/..b/c..d"));
	joined = join("/a/", "/b/");
	assert_string_equal(joined, "/a/b");
	free(joined);
	joined = join("/", "");
	assert_string_equal(joined, "/");
	free(joined);
}

static void uevents(void **state)
{
	static const char drm[] = "add@/devices/x\0ACTION=add\0SUBSYSTEM=drm";
	static const char net[] = "add@/devices/x\0ACTION=add\0SUBSYSTEM=net\0X=SUBSYSTEM=drm";

	(void)state;
	assert_true(concerns_us(drm, sizeof(drm)));
	assert_false(concerns_us(net, sizeof(net)));
	assert_true(is_node("renderD128"));
	assert_true(is_node("card0"));
	assert_false(is_node("card0-HDMI-A-1"));
	assert_false(is_node("card"));
	assert_false(is_node("version"));
}

static void instants(void **state)
{
	static const struct {
		const char *text, *means;
	} good[] = {
		{ "2026-11-24T09:08:57Z", "2026-11-24T09:08:57.000000Z" },
		{ "2026-11-24 09:08:57.1234567+02:00", "2026-11-24T07:08:57.123456Z" },
		{ "2026-11-24", "2026-11-24T00:00:00.000000Z" },
		{ "2024-02-29T23:59", "2024-02-29T23:59:00.000000Z" },
		{ "@86400", "1970-01-02T00:00:00.000000Z" },
		{ "1h ago", "1969-12-31T23:00:00.000000Z" },
		{ "now", "1970-01-01T00:00:00.000000Z" },
	};
	static const char *const bad[] = { "",
					   "2026-02-29",
					   "2026-13-01",
					   "yesterday",
					   "2026-11-24T25:00Z",
					   "2026-11-24Tx",
					   "@",
					   "@-1",
					   "2026-11-24T09:08:57Zx",
					   "99999-01-01",
					   "1x ago",
					   " ago" };
	char out[EM_TIME_LEN];
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(em_time_parse(good[i].text, 0, &ns), 0);
		assert_string_equal(em_time_format(out, ns, 6), good[i].means);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (em_time_parse(bad[i], 0, &ns) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
		const char *back;
	} good[] = {
		{ "90s", 90 * EM_NS_PER_S, "1m30s" },
		{ "1500ms", 1500 * EM_NS_PER_MS, "1.5s" },
		{ "2w", 14 * 86400 * EM_NS_PER_S, "14d" },
		{ "0s", 0, "0s" },
		{ "1h30m", 5400 * EM_NS_PER_S, "1h30m" },
		{ "5ns", 5, "5ns" },
	};
	static const char *const bad[] = { "", "x", "5", "5q", "-5s", "5s5", "1 h" };
	char out[EM_DURATION_LEN];
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(em_duration_parse(good[i].text, &ns), 0);
		assert_true(ns == good[i].ns);
		assert_string_equal(em_duration_format(out, ns), good[i].back);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(em_duration_parse(bad[i], &ns), -EINVAL);
	assert_int_equal(em_duration_parse("999999999999d", &ns), -ERANGE);
}

static void strangers_text(void **state)
{
	char out[64], tiny[8];

	(void)state;
	assert_string_equal(em_text_safe(out, sizeof(out), "a\tb\\\x1b[2J\xff\xc2\x9b…"),
			    "a\\x09b\\\\\\x1b[2J\\xff\\xc2\\x9b…");
	assert_string_equal(em_text_safe(tiny, sizeof(tiny), "abcdefgh"), "abcd…");
	assert_string_equal(em_text_safe(tiny, sizeof(tiny), "abcdefg"), "abcdefg");
	assert_true(em_text_label("für α", 63));
	assert_false(em_text_label("a\nb", 63));
	assert_false(em_text_label("\xe2\x80\xae", 63)); /* turns the line around */
	assert_false(em_text_label("\xc0\x80", 63));
	assert_false(em_text_label("\xed\xa0\x80", 63));
	assert_false(em_text_label("abcd", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configuration),    cmocka_unit_test(bad_configuration),
		cmocka_unit_test(mounts_of_a_peer), cmocka_unit_test(paths),
		cmocka_unit_test(uevents),          cmocka_unit_test(instants),
		cmocka_unit_test(durations),        cmocka_unit_test(strangers_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
