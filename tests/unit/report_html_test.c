// SPDX-License-Identifier: GPL-2.0
/* The page's document, its file, its tables, and the line that makes them. */
#include <locale.h>
#include <math.h>
#include <sodium.h>
#include <sys/stat.h>

#include "said.h"
#include "commit/commitment.h"
#include "ledger/signature.h"
#include "report/page.h"

#define HOUR (3600 * S)
#define DAY (24 * HOUR)
#define START (1700000000 / 86400 * DAY)
#define EVIL "</script><script>window.pwned=1</script>"

/*
 * Four weeks of two GPUs: capabilities on one all the time; alignment on half of the other, from
 * the third week on all of it; in the last week nobody watches the first one.
 */
static void month(struct history *h)
{
	__u32 a, c;

	history_open(h, START);
	history_gpu(h, 1);
	history_gpu(h, 2);
	a = history_job(h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, EVIL, "/" EVIL);
	c = history_job(h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "=1+1", "/c");
	for (int day = 0; day < 28; day++) {
		bool blind = day >= 21;

		if (!blind)
			history_use(h, 1, c, DAY, DAY, DAY / 2);
		history_rest(h, 1, DAY, blind ? DAY : 0, 0, blind ? EARMARK_BLIND_METER : 0);
		history_use(h, 2, a, day < 14 ? DAY / 2 : DAY, DAY, DAY / 4);
		history_rest(h, 2, DAY, 0, 0, 0);
		history_seal(h, DAY);
	}
}

static json_int_t sum(const json_t *series, const char *key)
{
	json_int_t total = 0;
	json_t *v;
	size_t i;

	json_array_foreach(json_object_get(series, key), i, v)
		total += json_integer_value(v);
	return total;
}

static void adds_up(struct em_ledger *l)
{
	json_t *series = NULL;
	struct em_report r;

	assert_int_equal(em_page_series(&series, l, 0, START + 28 * DAY), 0);
	assert_int_equal(em_report_make(&r, l, 0, START + 28 * DAY), 0);
	assert_int_equal(json_integer_value(json_object_get(series, "step_s")), 86400);
	assert_int_equal(json_array_size(json_object_get(series, "at")), 28);
	assert_int_equal(sum(series, "alignment"), em_us(21 * (em_ns)DAY));
	assert_int_equal(sum(series, "capabilities"), em_us(21 * (em_ns)DAY));
	assert_int_equal(sum(series, "idle"), em_us(7 * (em_ns)DAY));
	assert_int_equal(sum(series, "unobserved"), em_us(7 * (em_ns)DAY));
	assert_int_equal(sum(series, "capacity"), em_us(r.capacity));
	assert_int_equal(sum(json_object_get(series, "busy"), "alignment"), em_us(7 * (em_ns)DAY));
	assert_int_equal(json_integer_value(json_object_get(series, "crossing_us")), 0);
	json_decref(series);
}

/* The sensor is gone for a day: that day is drawn, as time that nobody watched. */
static void goes_on_unobserved(struct em_ledger *l)
{
	json_t *series = NULL;

	assert_int_equal(em_page_series(&series, l, START, START + 29 * DAY), 0);
	assert_int_equal(json_array_size(json_object_get(series, "at")), 29);
	assert_int_equal(
		json_integer_value(json_array_get(json_object_get(series, "unobserved"), 28)),
		em_us(2 * (em_ns)DAY));
	json_decref(series);
}

/* The last point of a track is the verdict. */
static void tracked(struct em_ledger *l)
{
	static const char yaml[] =
		"commitments:\n  - name: \"" EVIL "\"\n    kind: floor\n"
		"    purpose: alignment\n    share: 50%\n    window: rolling 7d\n";
	struct em_commitments c;
	struct em_verdict v;
	json_t *tracks = NULL, *t, *low, *high, *status;
	char err[512];

	assert_int_equal(em_commitments_parse(&c, "it", yaml, err, sizeof(err)), 0);
	assert_int_equal(em_page_tracks(&tracks, l, &c, START, START + 28 * DAY, DAY), 0);
	assert_int_equal(json_array_size(tracks), 1);
	t = json_array_get(tracks, 0);
	low = json_object_get(t, "proven");
	high = json_object_get(t, "possible");
	status = json_object_get(t, "status");
	assert_int_equal(json_array_size(low), 28);
	for (int day = 7; day <= 28; day += 7) {
		size_t i = (size_t)day - 1;

		assert_int_equal(em_commitment_check(&c.list[0], l, START + day * DAY, &v), 0);
		assert_true(fabs(json_real_value(json_array_get(low, i)) -
				 (double)v.proven.num / (double)v.proven.den) < 1e-9);
		assert_true(fabs(json_real_value(json_array_get(high, i)) -
				 (double)v.possible.num / (double)v.possible.den) < 1e-9);
		assert_string_equal(json_string_value(json_array_get(status, i)),
				    em_status_name(v.status));
	}
	json_decref(tracks);
	em_commitments_clear(&c);
}

/* @part of a track at the end of @day; NaN where it is null. */
static double at_day(const json_t *track, const char *part, size_t day)
{
	const json_t *v = json_array_get(json_object_get(track, part), day - 1);

	return json_is_number(v) ? json_number_value(v) : NAN;
}

static void near(const json_t *track, size_t day, double low, double high)
{
	double found[] = { at_day(track, "proven", day), at_day(track, "possible", day) };
	double planted[] = { low, high };

	for (int i = 0; i < 2; i++) {
		if (isnan(planted[i]) ? !isnan(found[i]) : !(fabs(found[i] - planted[i]) < 1e-9))
			fail_msg("%s, day %zu: %g, not %g",
				 json_string_value(json_object_get(track, "name")), day, found[i],
				 planted[i]);
	}
}

/* Each kind of promise has a curve and a bound. */
static void tracked_kinds(struct em_ledger *l)
{
	static const char yaml[] =
		"commitments:\n"
		"- {name: amount, kind: floor, purpose: alignment, amount: 84 GPU-h,\n"
		"   window: rolling 7d}\n"
		"- {name: growth, kind: growth, purpose: capabilities, window: rolling 7d}\n"
		"- {name: moved, kind: reallocate, purpose: alignment, from: 1/3, to: 50%,\n"
		"   due: 2023-12-05, window: rolling 7d}\n"
		"- {name: gate, kind: gate, purpose: capabilities, gpu_hours: 100, gpus: 1,\n"
		"   window: rolling 7d}\n";
	static const char *const units[] = { "amount", "ratio", "share", "gpu-time", "gpus" };
	const double bounds[] = { 1, 1, 0.5, 100.0 * 3600 * 1000000, 1 };
	struct em_commitments c;
	json_t *tracks = NULL, *t[5];
	char err[512];

	if (em_commitments_parse(&c, "it", yaml, err, sizeof(err)))
		fail_msg("%s", err);
	assert_int_equal(em_page_tracks(&tracks, l, &c, START, START + 28 * DAY, DAY), 0);
	assert_int_equal(json_array_size(tracks), 5);
	for (size_t i = 0; i < 5; i++) {
		t[i] = json_array_get(tracks, i);
		assert_string_equal(json_string_value(json_object_get(t[i], "unit")), units[i]);
		assert_true(json_number_value(json_object_get(t[i], "bound")) == bounds[i]);
		assert_int_equal(json_array_size(json_object_get(t[i], "possible")), 28);
	}
	near(t[0], 7, 1, 1); /* half of seven days is 84 hours */
	near(t[0], 21, 2, 2);
	near(t[0], 28, 2, 4);     /* what nobody watched may have been alignment's */
	near(t[1], 13, NAN, NAN); /* nothing to compare with yet */
	near(t[1], 14, 1, 1);
	near(t[1], 21, 0.5, 0.5);
	near(t[1], 28, 0, 1); /* capabilities may have had none, or as much as before */
	near(t[2], 7, 1.0 / 3, 1.0 / 3);
	near(t[2], 21, 0.5, 0.5);
	near(t[3], 2, 2 * 24 * 3600e6, 2 * 24 * 3600e6);
	near(t[3], 7, 7 * 24 * 3600e6, 7 * 24 * 3600e6);
	near(t[3], 21, 7 * 24 * 3600e6, 7 * 24 * 3600e6);
	near(t[3], 24, 4 * 24 * 3600e6, 4 * 24 * 3600e6); /* what has aged out is gone */
	near(t[4], 7, 1, 1);
	json_decref(tracks);
	em_commitments_clear(&c);
}

static void four_weeks(void **state)
{
	struct history h;

	(void)state;
	month(&h);
	adds_up(h.l);
	goes_on_unobserved(h.l);
	tracked(h.l);
	tracked_kinds(h.l);
	history_close(&h);
}

/* --- the file ------------------------------------------------------------------------------ */

static char *page_of(const json_t *o)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	assert_int_equal(em_page_html(o, out), 0);
	fclose(out);
	return text;
}

/* The text of the @n-th element that begins with @open, in a copy. */
static char *inside(const char *page, const char *open, const char *close, int n)
{
	const char *at = page, *end;

	for (int i = 0; i <= n; i++) {
		at = strstr(at, open);
		assert_non_null(at);
		at += strlen(open);
	}
	end = strstr(at, close);
	assert_non_null(end);
	return strndup(at, (size_t)(end - at));
}

static void allowed(const char *page, const char *open, const char *close, int n)
{
	_cleanup_free_ char *text = inside(page, open, close, n);
	unsigned char hash[crypto_hash_sha256_BYTES];
	char base64[64];

	crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
	em_base64(base64, sizeof(base64), hash, sizeof(hash));
	assert_non_null(strstr(page, base64));
}

static void a_page(void **state)
{
	_cleanup_json_ json_t *o = json_pack("{s:s,s:[s],s:f}", EVIL, "<b>&amp;", "x",
					     "<!--<script>", "pi", 3.25),
			      *again = NULL;
	_cleanup_free_ char *page = page_of(o), *data = NULL;

	(void)state;
	data = inside(page, "id=\"document\">", "</script>", 0);
	assert_null(strpbrk(data, "<>&"));
	again = json_loads(data, 0, NULL);
	assert_true(json_equal(o, again));
	assert_null(strstr(page, "{{"));
	assert_null(strstr(page, " src="));
	assert_non_null(strstr(page, "default-src 'none'"));
	for (int i = 0; i < 2; i++) {
		allowed(page, "<style>", "</style>", i);
		allowed(page, "<script>", "</script>", i);
	}
}

/* --- tables and lines ---------------------------------------------------------------------- */

static void csv(void **state)
{
	static const char *const keys[] = { "name", "missing", "us", "list", NULL };
	_cleanup_json_ json_t *rows =
		json_pack("[{s:s,s:i,s:[s,s]},{s:n,s:n,s:[]}]", "name", "=a\"b,c", "us", 7, "list",
			  "x", "y", "name", "us", "list");
	_cleanup_free_ char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	(void)state;
	assert_int_equal(em_page_csv_rows(rows, keys, out), 0);
	fclose(out);
	assert_string_equal(text, "name,us,list\r\n\"'=a\"\"b,c\",7,x y\r\n,,\r\n");
}

static void spark(void **state)
{
	const double values[] = { 0, 1, NAN, 2, 99, -1 };
	char out[64], small[7];

	(void)state;
	setlocale(LC_CTYPE, "C.UTF-8");
	assert_string_equal(em_page_spark(out, sizeof(out), values, 6, 2), "▁▅ ██▁");
	assert_string_equal(em_page_spark(small, sizeof(small), values, 6, 2), "▁▅");
	assert_string_equal(em_page_spark(out, sizeof(out), values, 2, 0), "▁▁");
	setlocale(LC_CTYPE, "C");
	assert_string_equal(em_page_spark(out, sizeof(out), values, 6, 2), "_= ##_");
	setlocale(LC_CTYPE, "C.UTF-8");
}

/* --- the line ------------------------------------------------------------------------------ */

static void written(const char *ledger)
{
	_cleanup_free_ char *page = calloc(1, 1 << 20);
	char file[128], pipe[128];
	struct said said;
	struct stat st;

	snprintf(file, sizeof(file), "%s/page.html", ledger);
	earmark(&said, "--ledger", (char *)ledger, "report", "--html", file, "--until",
		"2023-12-12");
	assert_int_equal(said.status, EM_FINE);
	slurp(file, page, 1 << 20);
	assert_non_null(strstr(page, "\\u003cscript\\u003ewindow.pwned=1"));
	assert_null(strstr(page, EVIL));
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);

	snprintf(pipe, sizeof(pipe), "%s/link",
		 ledger); /* as a device is: written to, never replaced */
	assert_int_equal(symlink(file, pipe), 0);
	earmark(&said, "--ledger", (char *)ledger, "report", "--html", pipe);
	assert_int_equal(said.status, EM_FINE);
	assert_int_equal(lstat(pipe, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	earmark(&said, "--ledger", (char *)ledger, "report", "--html", (char *)ledger);
	assert_int_equal(said.status, EM_NO_ANSWER);
	assert_non_null(strstr(said.err, "cannot be written"));
}

static void refused(const char *ledger)
{
	struct said said;

	earmark(&said, "--ledger", (char *)ledger, "report", "--by", "job", "--text");
	assert_int_equal(said.status, EM_NO_ANSWER);
	earmark(&said, "--ledger", (char *)ledger, "--json", "report", "--csv");
	assert_int_equal(said.status, EM_NO_ANSWER);
	earmark(&said, "--ledger", (char *)ledger, "report", "--full");
	assert_int_equal(said.status, EM_NO_ANSWER);
}

static void told(const char *ledger)
{
	_cleanup_json_ json_t *o = NULL, *probes = NULL;
	struct said said;

	earmark(&said, "--ledger", (char *)ledger, "--json", "report", "--full", "--until",
		"2023-12-12");
	assert_int_equal(said.status, EM_FINE);
	o = json_loads(said.out, 0, NULL);
	assert_non_null(o);
	earmark(&said, "--ledger", (char *)ledger, "--json", "probe", "all", "--until",
		"2023-12-12");
	probes = json_loads(said.out, 0, NULL);
	assert_true(json_array_size(json_object_get(probes, "findings")) > 0);
	assert_int_equal(json_array_size(json_object_get(o, "findings")),
			 json_array_size(json_object_get(probes, "findings")));
	assert_int_equal(json_array_size(json_object_get(o, "jobs")), 2);
	assert_int_equal(json_array_size(json_object_get(o, "checkpoints")), 1);
	earmark(&said, "--ledger", (char *)ledger, "report", "--text", "--until", "2023-12-12");
	assert_int_equal(said.status, EM_FINE);
	assert_non_null(strstr(said.out, "█"));
	assert_non_null(strstr(said.out, "unobserved"));
}

static void by_line(void **state)
{
	struct history h;

	(void)state;
	month(&h);
	history_reopen(&h);
	written(h.dir);
	refused(h.dir);
	told(h.dir);
	history_close(&h);
}

/* A ledger that knows nothing has a page, and no number in it that is none. */
static void of_nothing(void **state)
{
	_cleanup_json_ json_t *o = NULL;
	struct history h;
	struct said said;

	(void)state;
	history_open(&h, START);
	history_reopen(&h);
	earmark(&said, "--ledger", h.dir, "--json", "report", "--full");
	assert_int_equal(said.status, EM_FINE);
	o = json_loads(said.out, 0, NULL);
	assert_non_null(o);
	assert_int_equal(json_array_size(json_object_get(json_object_get(o, "series"), "at")), 0);
	assert_true(
		json_is_null(json_object_get(json_object_get(o, "alignment_share"), "possible")));
	earmark(&said, "--ledger", h.dir, "report", "--html", "-");
	assert_int_equal(said.status, EM_FINE);
	earmark(&said, "--ledger", h.dir, "report", "--text");
	assert_int_equal(said.status, EM_FINE);
	assert_non_null(strstr(said.out, "nothing to draw"));
	assert_null(strcasestr(said.out, "nan"));
	history_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_weeks), cmocka_unit_test(a_page),
		cmocka_unit_test(csv),        cmocka_unit_test(spark),
		cmocka_unit_test(by_line),    cmocka_unit_test(of_nothing),
	};

	return cmocka_run_group_tests_name("report html", tests, set_up, tear_down);
}
