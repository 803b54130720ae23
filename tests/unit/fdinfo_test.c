// SPDX-License-Identifier: GPL-2.0
/* What DRM drivers say in fdinfo, as they print it, and what nobody should. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "kernel/fdinfo.h"

#define FILE_LINES "pos:\t0\nflags:\t02100002\nmnt_id:\t26\nino:\t685\n"

static const char i915[] =
	FILE_LINES "drm-driver:\ti915\ndrm-client-id:\t7\ndrm-pdev:\t0000:00:02.0\n"
		   "drm-total-system0:\t12032 KiB\ndrm-shared-system0:\t0\ndrm-active-system0:\t0\n"
		   "drm-resident-system0:\t12028 KiB\ndrm-purgeable-system0:\t0\n"
		   "drm-engine-render:\t25662044495 ns\ndrm-engine-copy:\t0 ns\n"
		   "drm-engine-video:\t120 ns\ndrm-engine-capacity-video:\t2\n"
		   "drm-engine-video-enhance:\t0 ns\n";

/* Documentation/gpu/xe/xe-drm-usage-stats.rst */
static const char xe[] = FILE_LINES
	"drm-driver:     xe\ndrm-client-id:  3\ndrm-pdev:       0000:03:00.0\n"
	"drm-total-system:       0\ndrm-shared-system:      0\ndrm-resident-system:    0\n"
	"drm-total-gtt:  192 KiB\ndrm-resident-gtt:       192 KiB\n"
	"drm-total-vram0:        23992 KiB\ndrm-shared-vram0:       16 MiB\n"
	"drm-resident-vram0:     23992 KiB\ndrm-resident-stolen:    0\n"
	"drm-cycles-rcs: 28257900\ndrm-total-cycles-rcs:   7655183225\n"
	"drm-cycles-bcs: 0\ndrm-total-cycles-bcs:   7655183225\n"
	"drm-cycles-vcs: 0\ndrm-total-cycles-vcs:   7655183225\n"
	"drm-engine-capacity-vcs:        2\ndrm-cycles-ccs: 0\n"
	"drm-total-cycles-ccs:   7655183225\ndrm-engine-capacity-ccs:        4\n";

static const char amdgpu[] = FILE_LINES
	"drm-driver:\tamdgpu\ndrm-client-id:\t41\ndrm-pdev:\t0000:0b:00.0\npasid:\t32774\n"
	"drm-memory-vram:\t196792 KiB\ndrm-memory-gtt: \t9468 KiB\ndrm-memory-cpu: \t0 KiB\n"
	"amd-memory-visible-vram:\t100 KiB\namd-evicted-vram:\t0 KiB\n"
	"drm-engine-gfx:\t3561987445 ns\ndrm-engine-compute:\t12 ns\n";

static const char panfrost[] = FILE_LINES
	"drm-driver:\tpanfrost\ndrm-client-id:\t5\n"
	"drm-engine-fragment:\t1846584880 ns\ndrm-cycles-fragment:\t1424359409\n"
	"drm-maxfreq-fragment:\t799999987 Hz\ndrm-curfreq-fragment:\t799999987 Hz\n"
	"drm-engine-vertex-tiler:\t71932239 ns\ndrm-cycles-vertex-tiler:\t52617357\n"
	"drm-total-memory:\t290 MiB\ndrm-shared-memory:\t0 MiB\ndrm-resident-memory:\t10208 KiB\n";

static const char msm[] =
	FILE_LINES "drm-driver:\tmsm\ndrm-client-id:\t9\ndrm-engine-gpu:\t1000000 ns\n"
		   "drm-cycles-gpu:\t500000\ndrm-maxfreq-gpu:\t800000000 Hz\n";

static const char v3d[] =
	FILE_LINES "drm-driver:\tv3d\ndrm-client-id:\t44\ndrm-pdev:\t1002000000.v3d\n"
		   "drm-engine-bin: \t5 ns\nv3d-jobs-bin: \t3 jobs\n"
		   "drm-engine-render: \t7 ns\nv3d-jobs-render: \t2 jobs\n"
		   "drm-engine-csd: \t0 ns\nv3d-jobs-csd: \t0 jobs\n";

static struct em_fdinfo info;

static int parse(const char *text)
{
	_cleanup_free_ char *copy = strdup(text);

	assert_non_null(copy);
	return em_fdinfo_parse(&info, copy);
}

static const struct em_fdinfo_engine *engine(const char *name)
{
	for (unsigned int i = 0; i < info.n; i++) {
		if (!strcmp(info.engines[i].name, name))
			return &info.engines[i];
	}
	fail_msg("no engine %s", name);
	return NULL;
}

static void test_i915(void **state)
{
	(void)state;
	assert_int_equal(parse(i915), 0);
	assert_string_equal(info.driver, "i915");
	assert_string_equal(info.pdev, "0000:00:02.0");
	assert_true(info.has_client);
	assert_int_equal(info.client, 7);
	assert_int_equal(info.n, 4);
	assert_int_equal(engine("render")->ns, 25662044495ull);
	assert_int_equal(engine("video")->ns, 120);
	assert_int_equal(engine("video")->capacity, 2);
	assert_int_equal(engine("video-enhance")->capacity, 1);
	assert_int_equal(em_fdinfo_capacity(&info), 5);
	assert_int_equal(info.resident, 12028 * 1024);
	assert_true(em_fdinfo_worked(&info));
}

static void test_xe(void **state)
{
	(void)state;
	assert_int_equal(parse(xe), 0);
	assert_int_equal(info.n, 4);
	assert_false(engine("rcs")->has_ns);
	assert_true(engine("rcs")->has_cycles);
	assert_int_equal(engine("rcs")->cycles, 28257900);
	assert_int_equal(engine("rcs")->total_cycles, 7655183225ull);
	assert_int_equal(engine("ccs")->capacity, 4);
	assert_int_equal(info.resident, (192 + 23992) * 1024);
	assert_true(em_fdinfo_worked(&info));
}

static void test_others(void **state)
{
	(void)state;
	assert_int_equal(parse(amdgpu), 0);
	assert_int_equal(info.n, 2);
	assert_int_equal(engine("gfx")->ns, 3561987445ull);
	assert_int_equal(info.resident, (196792 + 9468) * 1024);
	assert_int_equal(parse(panfrost), 0);
	assert_int_equal(info.n, 2);
	assert_true(engine("fragment")->has_ns);
	assert_false(engine("fragment")->has_cycles);
	assert_int_equal(info.resident, 10208 * 1024);
	assert_int_equal(parse(msm), 0);
	assert_int_equal(info.n, 1);
	assert_false(info.has_memory);
	assert_int_equal(parse(v3d), 0);
	assert_int_equal(info.n, 3);
	assert_int_equal(engine("render")->ns, 7);
}

static void test_nothing_said(void **state)
{
	(void)state;
	assert_int_equal(parse(""), -ENODATA);
	assert_int_equal(parse(FILE_LINES), -ENODATA);
	assert_int_equal(parse("drm-driver:\tnouveau\ndrm-client-id:\t1\n"), -ENODATA);
	assert_int_equal(parse("drm-driver:\tx\ndrm-engine-gfx:\t0 ns\n"), 0);
	assert_false(em_fdinfo_worked(&info));
	assert_false(info.has_client);
}

/* Each is left out; what stands beside it is not. */
static void test_values_that_are_none(void **state)
{
	static const char *const bad[] = {
		"drm-engine-bad:\t-5 ns",
		"drm-engine-bad:\t+5 ns",
		"drm-engine-bad:\t0x10 ns",
		"drm-engine-bad:\t99999999999999999999999 ns",
		"drm-engine-bad:\t5 us",
		"drm-engine-bad:\t5",
		"drm-engine-bad:\t5 ns ns",
		"drm-engine-bad:\tns",
		"drm-engine-bad:",
		"drm-engine-bad",
		"drm-engine-:\t5 ns",
		"drm-engine-capacity-bad:\t0",
		"drm-engine-capacity-bad:\t4000000000",
		"drm-engine-capacity-bad:\t3",
		"drm-cycles-bad:\t5",
		"drm-total-cycles-bad:\t5",
		"drm-cycles-bad:\t5\ndrm-total-cycles-bad:\t0",
		"xdrm-engine-bad:\t5 ns",
		"drm-engine-an-engine-whose-name-is-longer-than-any-that-there-is:\t5 ns",
		"\x1b[31m:\xff\xfe",
		":::::",
		"drm-client-id:\tnone",
		"drm-resident-a:\t18446744073709551615 MiB",
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "%s\ndrm-engine-good:\t3 ns\n", bad[i]);
		assert_int_equal(parse(text), 0);
		assert_int_equal(info.n, 1);
		assert_int_equal(engine("good")->ns, 3);
		assert_false(info.has_client);
		assert_false(info.has_memory);
	}
}

static void test_too_many_engines(void **state)
{
	char text[8192] = "";
	size_t at = 0;

	(void)state;
	for (int i = 0; i < EM_FDINFO_ENGINES + 9; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "drm-engine-e%d:\t1 ns\n", i);
	assert_int_equal(parse(text), 0);
	assert_int_equal(info.n, EM_FDINFO_ENGINES);
	assert_int_equal(info.left_out, 9);
}

static void test_sums_of_memory_do_not_wrap(void **state)
{
	(void)state;
	assert_int_equal(parse("drm-engine-a:\t1 ns\ndrm-memory-x:\t18446744073709551615\n"
			       "drm-memory-y:\t18446744073709551615\n"),
			 0);
	assert_true(info.resident == ~0ull);
}

/* Every prefix of every text, and every byte of it spoilt: nothing is read outside of it. */
static void test_spoilt(void **state)
{
	static const char *const texts[] = { i915, xe, amdgpu, panfrost, msm, v3d };

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(texts); t++) {
		for (size_t n = 0; n < strlen(texts[t]); n++) {
			_cleanup_free_ char *copy = strndup(texts[t], n);
			_cleanup_free_ char *spoilt = strdup(texts[t]);

			em_fdinfo_parse(&info, copy);
			spoilt[n] ^= 0x15;
			em_fdinfo_parse(&info, spoilt);
			assert_true(info.n <= EM_FDINFO_ENGINES);
		}
	}
}

static void test_files(void **state)
{
	_cleanup_close_ int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(em_fdinfo_read(&info, (__u32)getpid(), (__u32)fd), -ENODATA);
	assert_int_equal(em_fdinfo_works((__u32)getpid(), (__u32)fd), -ENODATA);
	assert_int_equal(em_fdinfo_read(&info, (__u32)getpid(), 1 << 20), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_i915),
		cmocka_unit_test(test_xe),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_nothing_said),
		cmocka_unit_test(test_values_that_are_none),
		cmocka_unit_test(test_too_many_engines),
		cmocka_unit_test(test_sums_of_memory_do_not_wrap),
		cmocka_unit_test(test_spoilt),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
