// SPDX-License-Identifier: GPL-2.0
/* Relabelling on planted renames, honest tagging and mixed use; and the notes that probes read. */
#include <errno.h>

#include "plant.h"
#include "probe/notes.h"
#include "probe/relabel.h"

#define RUNS plant_runs(50)
#define PRINTS 120
#define JOBS 10 /* of a fingerprint, in each window */

static const struct em_range before = { 0, 28 * EM_DAY }, now = { 28 * EM_DAY, 56 * EM_DAY };

/* struct cluster - jobs of both windows; @total: used time of the later one */
struct cluster {
	struct em_use uses[2 * PRINTS * JOBS];
	size_t n;
	em_ns total, renamed;
	gsl_rng *rng;
};

static struct em_use *add_use(struct cluster *c, unsigned int print, bool later,
			      enum em_part_id part)
{
	const struct em_range *w = later ? &now : &before;
	struct em_use *u = &c->uses[c->n];

	*u = (struct em_use){ .fingerprint = print,
			      .job = (unsigned int)c->n++,
			      .first = w->start + (int64_t)(gsl_rng_uniform(c->rng) *
							    (double)(w->end - w->start)),
			      .part = part,
			      .now = later,
			      .time = (em_ns)(gsl_ran_exponential(c->rng, 20) * 3600) * EM_NS_PER_S,
			      .busy = 0.7 + gsl_ran_gaussian(c->rng, 0.1) };
	c->total += later ? u->time : 0;
	return u;
}

/*
 * A fifth alignment, half capabilities, 15 % mixed use of both, the rest untagged at first. Those
 * of mixed use run twice only, so that chance often makes them look renamed.
 */
static void honest(struct cluster *c, unsigned int seed)
{
	c->n = 0;
	c->total = c->renamed = 0;
	c->rng = plant_rng(seed);
	for (unsigned int i = 0; i < PRINTS; i++) {
		unsigned int kind = i * 20 / PRINTS; /* twentieths */

		for (int k = 0; k < 2 * JOBS; k++) {
			bool later = k >= JOBS, mixed = kind >= 14 && kind < 17;
			enum em_part_id both =
				gsl_rng_uniform(c->rng) < 0.6 ? EM_PART_C : EM_PART_A;

			if (mixed && k != JOBS - 1 && k != JOBS)
				continue;
			add_use(c, i, later,
				kind < 4    ? EM_PART_A
				: kind < 14 ? EM_PART_C
				: mixed     ? both
				: later     ? EM_PART_A
					    : EM_PART_U);
		}
	}
}

/* Renames capabilities fingerprints in the later window until @share of all its time is. */
static void rename_work(struct cluster *c, double share)
{
	for (unsigned int i = 4 * PRINTS / 20; (double)c->renamed < share * (double)c->total; i++) {
		for (size_t k = 0; k < c->n; k++) {
			if (c->uses[k].fingerprint != i || !c->uses[k].now)
				continue;
			c->uses[k].part = EM_PART_A;
			c->renamed += c->uses[k].time;
		}
	}
}

static struct em_relabel judge(struct cluster *c)
{
	struct em_relabel r;

	assert_int_equal(em_relabel_make(&r, c->uses, c->n, before, now, c->rng), 0);
	assert_true(r.now == c->total);
	gsl_rng_free(c->rng);
	return r;
}

static double beyond_chance(const struct em_relabel *r, em_ns total)
{
	return em_ratio(r->moved[EM_PART_C][EM_PART_A], total) - em_ratio(r->chance, total);
}

static void size_and_power(void **state)
{
	static struct cluster c;
	unsigned int false_ones = 0, found = 0;
	double worst = 0;

	(void)state;
	for (unsigned int i = 0; i < RUNS; i++) {
		struct em_relabel r;
		double off;

		honest(&c, 500 + i);
		r = judge(&c);
		false_ones += r.p <= 0.05;
		off = fabs(100 * beyond_chance(&r, c.total));
		worst = fmax(worst, off);
		assert_true(r.moved[EM_PART_U][EM_PART_A] > c.total / 10); /* apart */
		honest(&c, 500 + i);
		rename_work(&c, 0.05);
		r = judge(&c);
		found += r.p <= 0.05;
		off = fabs(100 * (beyond_chance(&r, c.total) - em_ratio(c.renamed, c.total)));
		worst = fmax(worst, off);
	}
	plant_figure("relabel", "nothing renamed, mixed use, uptake of tags (size, at 5 %)", RUNS,
		     "found in %.1f %%", 100.0 * false_ones / RUNS);
	plant_figure("relabel", "5 points renamed (power)", RUNS,
		     "found in %.1f %%, off by at most %.2f points", 100.0 * found / RUNS, worst);
	assert_true(false_ones <= RUNS * 0.05 + 2 * sqrt(RUNS * 0.05));
	assert_true(found >= RUNS * 0.9);
	assert_true(worst <= 1);
}

/* Uptake of tagging alone is no relabelling; nor is anything, where nothing is. */
static void uptake(void **state)
{
	static struct cluster c;
	struct em_relabel r;

	(void)state;
	honest(&c, 1);
	for (size_t i = 0; i < c.n; i++)
		c.uses[i].part = c.uses[i].now ? EM_PART_A : EM_PART_U;
	r = judge(&c);
	assert_true(r.moved[EM_PART_C][EM_PART_A] == 0 && r.p == 1);
	assert_true(r.moved[EM_PART_U][EM_PART_A] == c.total);
	assert_int_equal(r.switched, 0);
	honest(&c, 1);
	c.n = 0;
	c.total = 0;
	r = judge(&c);
	assert_true(r.p == 1 && r.now == 0 && r.late_p == 1);
}

/* One fingerprint each: renamed in the last days, behaving otherwise, going back and forth. */
static void shapes(void **state)
{
	static struct cluster c;
	struct em_relabel r;

	(void)state;
	honest(&c, 2);
	c.n = 0;
	c.total = 0;
	for (int k = 0; k < 12; k++) {
		struct em_use *u = add_use(&c, 1, k >= 6, k < 6 ? EM_PART_C : EM_PART_A);

		u->first = k < 6 ? k : now.end - 12 + k; /* bunched before the end */
		u = add_use(&c, 2, k >= 6, k < 6 ? EM_PART_C : EM_PART_A);
		u->busy = k < 6 ? 0.2 + 0.01 * k : 0.9 - 0.01 * k; /* other work, by all looks */
		u->first = k < 6 ? k : now.start + k;
		u = add_use(&c, 3, k >= 6, k % 2 ? EM_PART_C : EM_PART_A);
		u->first = k < 6 ? k : now.start + k;
		u = add_use(&c, 4, true, EM_PART_A);
		u->first = now.start + 3;
	}
	r = judge(&c);
	assert_int_equal(r.switched, 2);
	assert_int_equal(r.tested, 2);
	assert_int_equal(r.differ, 1);
	assert_int_equal(r.late, 1);
	assert_int_equal(r.switches, 2);
	assert_true(r.mixed > 0 && r.first_seen > 0 && r.first_seen < c.total);
	assert_true(r.late_p > 0.1 && r.late_p < 0.2); /* 1 - 0.9² */
}

/* --- notes --------------------------------------------------------------------------------- */

#define WALL (1800000000 * EM_NS_PER_S)

static json_t *json(const char *text)
{
	json_t *o = json_loads(text, 0, NULL);

	assert_non_null(o);
	return o;
}

static void orders(void **state)
{
	static const struct {
		const char *text;
		int ret;
	} table[] = {
		{ "{\"purpose\":\"alignment\",\"from\":{\"num\":1,\"den\":10},\"to\":0.2}", 0 },
		{ "{\"purpose\":\"alignment\",\"from\":0.1,\"to\":1.2}", -EINVAL },
		{ "{\"purpose\":\"alignment\",\"from\":{\"num\":1,\"den\":0},\"to\":0.2}",
		  -EINVAL },
		{ "{\"purpose\":\"alignment\",\"from\":0.1}", -EINVAL },
		{ "{\"purpose\":\"chess\",\"from\":0.1,\"to\":0.2}", -EINVAL },
		{ "{\"purpose\":7,\"from\":0.1,\"to\":0.2}", -EINVAL },
		{ "{\"purpose\":\"alignment\",\"from\":-0.1,\"to\":0.2}", -EINVAL },
		{ "{\"purpose\":\"mixed\",\"from\":0,\"to\":1,\"at\":\"no time\"}", -EINVAL },
		{ "{\"purpose\":\"mixed\",\"from\":0,\"to\":1,\"at\":7}", -EINVAL },
		{ "{\"purpose\":\"mixed\",\"from\":0,\"to\":1,\"arm\":\"grow\"}", -EINVAL },
		{ "{\"purpose\":\"mixed\",\"from\":0,\"to\":1,\"name\":[]}", -EINVAL },
	};
	_cleanup_json_ json_t *full =
		json("{\"name\":\"n\",\"purpose\":\"alignment\",\"from\":{\"num\":1,\"den\":10},"
		     "\"to\":{\"num\":2,\"den\":10},\"at\":\"2027-01-15T08:00:01Z\","
		     "\"arm\":\"displace\",\"control\":true}");
	struct em_order o;

	(void)state;
	assert_int_equal(em_order_parse(&o, full, WALL), 0);
	assert_true(o.control && o.arm == EM_HOW_DISPLACE && o.part == EM_PART_A);
	assert_true(fabs(o.from - 0.1) < 1e-12 && fabs(o.to - 0.2) < 1e-12);
	assert_int_equal(o.at, WALL + EM_NS_PER_S);
	assert_int_equal(o.written, WALL);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		_cleanup_json_ json_t *note = json(table[i].text);

		assert_int_equal(em_order_parse(&o, note, WALL), table[i].ret);
	}
}

static void other_notes(void **state)
{
	_cleanup_json_ json_t *request =
		json("{\"id\":\"r\",\"action\":\"grant\",\"gpus\":{\"num\":8,\"den\":2}}");
	_cleanup_json_ json_t *nameless = json("{\"action\":\"open\",\"purpose\":\"alignment\"}");
	_cleanup_json_ json_t *aimless = json("{\"id\":\"r\",\"action\":\"open\"}");
	_cleanup_json_ json_t *approval =
		json("{\"id\":\"a\",\"project\":\"p\",\"ref\":null,\"gpu_hours\":3,\"signers\":"
		     "[{\"name\":\"x\",\"external\":true},{\"name\":\"y\"},7]}");
	_cleanup_json_ json_t *of_nothing = json("{\"id\":\"a\"}");
	_cleanup_json_ json_t *short_print =
		json("{\"boot_id\":\"00\",\"job\":1,\"fingerprint\":\"abcd\"}");
	struct em_request_note r;
	struct em_approval a;
	struct em_profile p;
	struct em_order o;

	(void)state;
	assert_int_equal(em_request_parse(&r, request, WALL), 0);
	assert_true(r.action == EM_ACTION_GRANT && fabs(r.gpus - 4) < 1e-12 && r.at == WALL);
	assert_int_equal(em_request_parse(&r, nameless, WALL), -EINVAL);
	assert_int_equal(em_request_parse(&r, aimless, WALL), -EINVAL);
	assert_int_equal(em_approval_parse(&a, approval, WALL), 0);
	assert_true(a.signers == 3 && a.external == 1 && a.gpu_hours == 3 * HOUR);
	assert_int_equal(em_approval_parse(&a, of_nothing, WALL), -EINVAL);
	assert_int_equal(em_profile_parse(&p, short_print, WALL), -EINVAL);
	assert_int_equal(em_event_parse(&o, of_nothing, WALL), 0);
	assert_true(o.event && o.at == WALL);
}

/* Read as text or as JSON, a request is the same; what is not plain is left to JSON. */
static void plain_requests(void **state)
{
	static const struct {
		const char *text;
		bool plain;
	} table[] = {
		{ "{\"action\":\"open\",\"at\":\"2026-01-01T01:32:51Z\",\"author\":\"s\",\"gpus\":8,"
		  "\"how\":\"add\",\"id\":\"6931-53\",\"job\":48,\"purpose\":\"serving\"}",
		  true },
		{ "{\"action\":\"grant\",\"id\":\"x\"}", true },
		{ "{\"action\":\"refuse\",\"how\":\"displace\",\"id\":\"x\",\"purpose\":\"?\"}",
		  true },
		{ "{\"action\":\"open\",\"id\":\"a\",\"id\":\"b\",\"purpose\":\"mixed\"}", true },
		{ "{\"action\":\"open\",\"how\":\"\",\"id\":\"b\",\"purpose\":\"mixed\"}", true },
		{ "{\"action\":\"open\",\"at\":\"\",\"id\":\"b\",\"purpose\":\"mixed\"}", false },
		{ "{\"action\":\"open\",\"gpus\":1.5,\"id\":\"b\",\"purpose\":\"mixed\"}", false },
		{ "{\"action\":\"open\",\"gpus\":-1,\"id\":\"b\",\"purpose\":\"mixed\"}", false },
		{ "{\"action\":\"open\",\"gpus\":\"1\",\"id\":\"b\",\"purpose\":\"mixed\"}",
		  false },
		{ "{\"action\":\"open\",\"gpus\":01,\"id\":\"b\",\"purpose\":\"mixed\"}", false },
		{ "{\"action\":\"grant\",\"gpus\":{\"den\":2,\"num\":8},\"id\":\"b\"}", false },
		{ "{\"action\":\"grant\",\"how\":null,\"id\":\"b\"}", false },
		{ "{\"action\":\"grant\",\"id\":\"caf\xc3\xa9\"}", false },
		{ "{\"action\":\"grant\",\"id\":\"a\\nb\"}", false },
		{ "{\"action\":\"grant\",\"id\":7}", false },
		{ "{\"action\":\"grant\",\"id\":\"\"}", false },
		{ "{\"action\":\"take\",\"id\":\"b\"}", false },
		{ "{\"action\":\"open\",\"how\":\"unsaid\",\"id\":\"b\",\"purpose\":\"mixed\"}",
		  false },
		{ "{\"action\":\"open\",\"id\":\"b\",\"purpose\":\"none\"}", false },
		{ "{\"action\":\"grant\",\"id\":\"b\"} ", false },
		{ "{\"action\":\"grant\",\"id\":\"b\"", false },
		{ "{\"action\":\"grant\",\"id\":\"b", false },
		{ "{}", false },
		{ "[]", false },
		{ "", false },
		{ "{\"id\":\"0123456789012345678901234567890123456789012345678901234567890123\","
		  "\"action\":\"grant\"}",
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		_cleanup_json_ json_t *note = json_loads(table[i].text, 0, NULL);
		struct em_request_note plain, parsed;
		int ret = em_request_plain(&plain, table[i].text, WALL);

		if (!ret != table[i].plain)
			fail_msg("%s", table[i].text);
		if (ret)
			continue;
		assert_non_null(note);
		assert_int_equal(em_request_parse(&parsed, note, WALL), 0);
		assert_memory_equal(&plain, &parsed, sizeof(plain));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_and_power), cmocka_unit_test(uptake),
		cmocka_unit_test(shapes),         cmocka_unit_test(orders),
		cmocka_unit_test(other_notes),    cmocka_unit_test(plain_requests),
	};

	return cmocka_run_group_tests_name("probe relabelling", tests, NULL, NULL);
}
