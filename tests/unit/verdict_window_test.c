// SPDX-License-Identifier: GPL-2.0
/* Verdicts over ledgers, by windows, scope and weights; and what lies ahead. */
#include "history.h"
#include "base/cleanup.h"
#include "commit/judge.h"
#include "commit/project.h"
#include "commit/window.h"

#define H (3600 * S)
#define DAY (24 * H)

static int64_t instant(const char *s)
{
	int64_t ns;

	assert_int_equal(em_time_parse(s, 0, &ns), 0);
	return ns;
}

static struct em_window window(const char *s)
{
	struct em_window w;

	if (em_window_parse(s, &w))
		fail_msg("%s", s);
	return w;
}

/* --- over a ledger ----------------------------------------------------------------------- */

/* struct lab - one GPU, a job of each of two purposes */
struct lab {
	struct history h;
	__u32 a, c;
};

static void lab_open(struct lab *lab, const char *at)
{
	history_open(&lab->h, instant(at));
	assert_int_equal(em_ledger_batch(lab->h.l), 0);
	history_gpu(&lab->h, 1);
	lab->a = history_job(&lab->h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "p", "/a");
	lab->c = history_job(&lab->h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "q",
			     "/c");
}

/* One sync for all of it, and read as another process would. */
static void ready(struct history *h)
{
	assert_int_equal(em_ledger_batch_end(h->l), 0);
	history_reopen(h);
}

/* Until @until, alignment had @percent of the GPU and capabilities the rest, or what is left idle.
 */
static void run(struct lab *lab, const char *until, unsigned int percent, unsigned int others)
{
	uint64_t length = (uint64_t)(instant(until) - lab->h.wall);
	uint64_t a = length / 100 * percent, c = length / 100 * others;

	if (a)
		history_use(&lab->h, 1, lab->a, a, a, a);
	if (c)
		history_use(&lab->h, 1, lab->c, c, c, c);
	history_rest(&lab->h, 1, length, 0, 0, 0);
	history_seal(&lab->h, length);
}

static struct em_commitment fifth(const char *w)
{
	struct em_commitment c = {
		.name = "fifth",
		.purpose = EARMARK_PURPOSE_ALIGNMENT,
		.share = { 1, 5 },
		.min_coverage = { 0, 1 },
		.span = window(w),
	};

	c.window = c.span.length;
	c.prove_within = DAY;
	return c;
}

static struct em_verdict check(struct lab *lab, const struct em_commitment *c, const char *at)
{
	struct em_verdict v;

	assert_int_equal(em_commitment_check(c, lab->h.l, instant(at), &v), 0);
	return v;
}

/* March in Berlin is an hour short: what ran in the last hour of its UTC month is April's. */
static void months(void **state)
{
	struct em_commitment c = fifth("calendar month Europe/Berlin");
	struct em_verdict v;
	struct lab lab;

	(void)state;
	lab_open(&lab, "2024-02-29T23:00Z");
	run(&lab, "2024-03-31T22:00Z", 20, 80);
	run(&lab, "2024-04-30T22:00Z", 10, 90);
	run(&lab, "2024-05-03T22:00Z", 0, 100);
	ready(&lab.h);
	v = check(&lab, &c, "2024-03-31T22:00Z");
	assert_int_equal(v.status, EM_MET);
	assert_true(v.end == v.due && v.end - v.start == (31 * 24 - 1) * H);
	assert_false(v.partial);
	/* March stays the last that is over until April is */
	assert_int_equal(check(&lab, &c, "2024-04-10").status, EM_MET);
	v = check(&lab, &c, "2024-04-30T22:00Z");
	assert_int_equal(v.status, EM_BREACHED);
	assert_true(v.start == instant("2024-03-31T22:00Z"));
	/* declared in April: March is not held against it, and April only from then on */
	c.declared = instant("2024-04-15");
	v = check(&lab, &c, "2024-04-20");
	assert_int_equal(v.status, EM_NOT_DUE);
	assert_true(v.start == c.declared && v.due == instant("2024-04-30T22:00Z"));
	history_close(&lab.h);
}

/* An interval that was drawn out over the end of a month is in neither, and is no way out. */
static void drawn_out(void **state)
{
	struct em_commitment c = fifth("calendar month");
	struct em_verdict v;
	struct lab lab;

	(void)state;
	lab_open(&lab, "2024-01-01");
	run(&lab, "2024-01-28", 25, 75);
	run(&lab, "2024-02-02", 0, 100);
	run(&lab, "2024-02-29", 25, 75);
	run(&lab, "2024-03-01", 25, 75);
	ready(&lab.h);
	v = check(&lab, &c, "2024-02-01");
	assert_true(v.unobserved == (em_ns)(4 * DAY));
	assert_int_equal(v.status, EM_MET); /* 27/4 of 31 days: so much was proven even so */
	c.share = (struct em_share){ 1, 4 };
	v = check(&lab, &c, "2024-02-01");
	assert_int_equal(v.status, EM_UNPROVEN);
	assert_string_equal(v.reason, "unobserved");
	v = check(&lab, &c, "2024-03-01");
	assert_true(v.unobserved == (em_ns)DAY);
	assert_int_equal(v.status, EM_UNPROVEN);
	/* a rolling window takes it in when its time comes */
	c = fifth("rolling 60d");
	v = check(&lab, &c, "2024-03-01");
	assert_true(v.unobserved == 0);
	history_close(&lab.h);
}

/* Before its end a window is not due, and infeasible once nothing can mend it. */
static void running(void **state)
{
	struct em_commitment c = fifth("cumulative 2024-01-01/2024-01-11");
	struct em_verdict v;
	struct lab lab;

	(void)state;
	lab_open(&lab, "2024-01-01");
	run(&lab, "2024-01-08", 0, 100);
	run(&lab, "2024-01-09", 0, 100);
	run(&lab, "2024-01-10", 0, 100);
	run(&lab, "2024-01-11", 100, 0);
	ready(&lab.h);
	assert_int_equal(check(&lab, &c, "2023-12-31").status, EM_NOT_DUE);
	v = check(&lab, &c, "2024-01-08");
	assert_int_equal(v.status, EM_NOT_DUE); /* 3 of 10 days can still be had */
	assert_true(v.due == instant("2024-01-11") && v.end == instant("2024-01-08"));
	assert_int_equal(check(&lab, &c, "2024-01-09").status, EM_NOT_DUE); /* 2 of 10: just so */
	assert_int_equal(check(&lab, &c, "2024-01-10").status, EM_INFEASIBLE);
	v = check(&lab, &c, "2024-01-11");
	assert_int_equal(v.status, EM_BREACHED);
	assert_int_equal(check(&lab, &c, "2024-06-01").status, EM_BREACHED); /* its last answer */
	/* of what there was, it is the same; of half a stock it is kept */
	c.of = EM_OF_FIXED;
	c.fixed = 5 * 24 * (em_ns)H;
	assert_int_equal(check(&lab, &c, "2024-01-11").status, EM_MET);
	c.fixed += 5 * 1000;
	assert_int_equal(check(&lab, &c, "2024-01-11").status, EM_BREACHED);
	history_close(&lab.h);
}

/* A stock as of a day does not grow with the fleet. */
static void installed(void **state)
{
	struct em_commitment c = fifth("rolling 10d");
	struct lab lab;
	struct em_verdict v;

	(void)state;
	lab_open(&lab, "2024-01-01");
	run(&lab, "2024-01-11", 20, 80);
	history_gpu(&lab.h, 2); /* twice as much from now on, none of it for alignment */
	history_use(&lab.h, 1, lab.a, 2 * 24 * H, 2 * 24 * H, 2 * 24 * H);
	history_use(&lab.h, 1, lab.c, 8 * 24 * H, 8 * 24 * H, 8 * 24 * H);
	history_rest(&lab.h, 1, 240 * H, 0, 0, 0);
	history_use(&lab.h, 2, lab.c, 240 * H, 240 * H, 240 * H);
	history_rest(&lab.h, 2, 240 * H, 0, 0, 0);
	history_seal(&lab.h, 240 * H);
	ready(&lab.h);
	v = check(&lab, &c, "2024-01-21");
	assert_int_equal(v.status, EM_BREACHED); /* 2 of 20 days */
	c.of = EM_OF_INSTALLED;
	c.installed_at = instant("2024-01-05");
	v = check(&lab, &c, "2024-01-21");
	assert_true(v.proven.den == (em_ns)(10 * DAY) && v.proven.num == (em_ns)(2 * DAY));
	/* on busy its part of used time is a tenth, and a fifth of half of it is */
	assert_int_equal(v.status, EM_MET);
	c.installed_at = instant("2024-01-15");
	assert_int_equal(check(&lab, &c, "2024-01-21").status, EM_BREACHED);
	c.installed_at = instant("2023-01-05");
	assert_int_equal(check(&lab, &c, "2024-01-21").status, EM_UNDEFINED);
	history_close(&lab.h);
}

static void event(struct lab *lab, const char *name, const char *at, const char *recorded)
{
	char json[256];

	snprintf(json, sizeof(json), "{\"name\":\"%s\",\"at\":\"%s\"}", name, at);
	assert_int_equal(em_ledger_note_at(lab->h.l, instant(recorded), "event", json), 0);
}

/* In force from an event on, and from the first of that name. */
static void after_event(void **state)
{
	struct em_commitment c = fifth("rolling 10d");
	struct em_verdict v;
	struct lab lab;

	(void)state;
	c.when = "release";
	lab_open(&lab, "2024-01-01");
	run(&lab, "2024-01-06", 0, 100);
	run(&lab, "2024-01-11", 20, 80);
	event(&lab, "other", "2024-01-01T00:00:00Z", "2024-01-01");
	event(&lab, "release", "2024-01-06T00:00:00Z", "2024-01-07");
	event(&lab, "release", "2024-01-10T00:00:00Z", "2024-01-08");
	ready(&lab.h);
	v = check(&lab, &c, "2024-01-06");
	assert_int_equal(v.status, EM_NOT_DUE); /* nobody had said so by then */
	assert_string_equal(v.reason, "its event has not happened");
	assert_string_equal(v.detail, "release");
	v = check(&lab, &c, "2024-01-11");
	assert_int_equal(v.status, EM_MET);
	assert_true(v.start == instant("2024-01-06"));
	c.when = "never";
	assert_int_equal(check(&lab, &c, "2024-01-11").status, EM_NOT_DUE);
	c.when = NULL;
	assert_int_equal(check(&lab, &c, "2024-01-11").status, EM_BREACHED);
	history_close(&lab.h);
}

/* An interval that is gone makes no MET, whatever it held. */
static void dropped(void **state)
{
	struct em_commitment c = fifth("rolling 10d");
	unsigned int seed = 5;

	(void)state;
	for (int round = 0; round < 8; round++) {
		static const char *const days[] = { "2024-01-03", "2024-01-05", "2024-01-07",
						    "2024-01-09", "2024-01-11" };
		unsigned int drop = 1 + (unsigned int)rand_r(&seed) % 3, percent[5], busy;
		enum em_status with, without;

		c.clock = round % 2 ? EM_CLOCK_BUSY : EM_CLOCK_GPU_TIME;
		for (int i = 0; i < 5; i++)
			percent[i] = (unsigned int)rand_r(&seed) % 50;
		busy = (unsigned int)rand_r(&seed) % 40;
		for (int pass = 0; pass < 2; pass++) {
			struct lab lab;
			enum em_status *status = pass ? &without : &with;

			lab_open(&lab, "2024-01-01");
			for (unsigned int i = 0; i < 5; i++) {
				if (pass && i == drop) {
					lab.h.number++;
					lab.h.mono += 2 * DAY;
					lab.h.wall += 2 * DAY;
				} else {
					run(&lab, days[i], percent[i], busy);
				}
			}
			ready(&lab.h);
			*status = check(&lab, &c, "2024-01-11").status;
			history_close(&lab.h);
		}
		assert_false(without == EM_MET && with != EM_MET);
		assert_false(without == EM_BREACHED && with == EM_MET);
	}
}

/* --- scope and weights --------------------------------------------------------------------- */

static void scopes(void **state)
{
	struct em_commitment c = fifth("rolling 10d");
	struct lab lab;
	struct em_verdict v;

	(void)state;
	lab_open(&lab, "2024-01-01");
	run(&lab, "2024-01-11", 10, 90);
	ready(&lab.h);
	assert_int_equal(check(&lab, &c, "2024-01-11").status, EM_BREACHED);
	c.scope[EM_SCOPE_PROJECT] = "x*\np*";
	v = check(&lab, &c, "2024-01-11");
	assert_int_equal(v.status, EM_MET);
	assert_true(v.proven.num == v.proven.den && v.proven.num == (em_ns)DAY);
	/* a label that leads out must be by who is required: it is in the claimant's interest */
	c.require_tagged_by = EARMARK_TAGGED_BY_SCHEDULER;
	v = check(&lab, &c, "2024-01-11");
	assert_int_equal(v.status, EM_UNPROVEN);
	assert_true(v.untagged == (em_ns)(9 * DAY) && v.weak == (em_ns)DAY);
	c.require_tagged_by = 0;
	/* no ref names a cluster: all of it could be of any */
	c.scope[EM_SCOPE_PROJECT] = NULL;
	c.scope[EM_SCOPE_CLUSTER] = "prod";
	v = check(&lab, &c, "2024-01-11");
	assert_int_equal(v.status, EM_UNPROVEN);
	assert_true(v.untagged == (em_ns)(10 * DAY));
	c.scope[EM_SCOPE_CLUSTER] = NULL;
	c.scope[EM_SCOPE_USER] = "4000";
	assert_int_equal(check(&lab, &c, "2024-01-11").status, EM_BREACHED);
	c.scope[EM_SCOPE_USER] = "4001";
	assert_int_equal(check(&lab, &c, "2024-01-11").status, EM_UNDEFINED);
	c.scope[EM_SCOPE_USER] = NULL;
	c.scope[EM_SCOPE_NODE] = "n1";
	assert_int_equal(check(&lab, &c, "2024-01-11").status, EM_UNPROVEN);
	assert_int_equal(em_ledger_note(lab.h.l, "node", "{\"name\":\"n1\"}"), 0);
	v = check(&lab, &c, "2024-01-11");
	assert_int_equal(v.status, EM_BREACHED);
	assert_true(v.in_scope.num == v.in_scope.den && v.in_scope.den == (em_ns)(10 * DAY));
	c.scope[EM_SCOPE_NODE] = "n2";
	v = check(&lab, &c, "2024-01-11");
	assert_int_equal(v.status, EM_UNDEFINED);
	assert_true(v.in_scope.num == 0 && v.in_scope.den == (em_ns)(10 * DAY));
	/* who renames the node is not out of its promises */
	assert_int_equal(em_ledger_note(lab.h.l, "node", "{\"name\":\"n2\"}"), 0);
	assert_int_equal(check(&lab, &c, "2024-01-11").status, EM_UNPROVEN);
	c.scope[EM_SCOPE_NODE] = "n*";
	assert_int_equal(check(&lab, &c, "2024-01-11").status, EM_BREACHED);
	history_close(&lab.h);
}

static void weights(void **state)
{
	struct em_commitment c = fifth("rolling 10d");
	struct em_weights flops = { 0 };
	struct lab lab;
	struct em_verdict v;

	(void)state;
	history_open(&lab.h, instant("2024-01-01"));
	assert_int_equal(em_ledger_batch(lab.h.l), 0);
	history_event(&lab.h, (struct earmark_event){ .type = EARMARK_EVENT_GPU,
						      .gpu = 1,
						      .text = "n1:pci/0000:01",
						      .project = "NVIDIA H100 80GB HBM3" });
	history_event(&lab.h, (struct earmark_event){ .type = EARMARK_EVENT_GPU,
						      .gpu = 2,
						      .text = "n2:pci/0000:01",
						      .project = "Tesla T4" });
	lab.a = history_job(&lab.h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "p", "/a");
	lab.c = history_job(&lab.h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "q",
			    "/c");
	history_use(&lab.h, 1, lab.c, 240 * H, 240 * H, 240 * H);
	history_rest(&lab.h, 1, 240 * H, 0, 0, 0);
	history_use(&lab.h, 2, lab.a, 240 * H, 240 * H, 240 * H);
	history_rest(&lab.h, 2, 240 * H, 0, 0, 0);
	history_seal(&lab.h, 240 * H);
	ready(&lab.h);
	assert_int_equal(check(&lab, &c, "2024-01-11").status, EM_MET); /* half of the hours */
	assert_int_equal(em_weights_flops(&flops), 0);
	c.weights = flops;
	v = check(&lab, &c, "2024-01-11");
	assert_int_equal(v.status, EM_BREACHED);
	assert_true(v.proven.num * (65 + 989) == v.proven.den * 65);
	/* a model without a weight is unobserved, at the largest one */
	em_weights_clear(&flops);
	assert_int_equal(em_weights_add(&flops, "*h100*", 3), 0);
	c.weights = flops;
	v = check(&lab, &c, "2024-01-11");
	assert_int_equal(v.status, EM_UNPROVEN);
	assert_true(v.proven.num == 0 && v.possible.num * 2 == v.possible.den);
	em_weights_clear(&flops);
	/* each GPU is of its node, as in many ledgers that are read as one */
	c.weights = flops;
	c.scope[EM_SCOPE_NODE] = "n1";
	v = check(&lab, &c, "2024-01-11");
	assert_int_equal(v.status, EM_BREACHED);
	assert_true(v.proven.num == 0 && v.in_scope.num * 2 == v.in_scope.den);
	c.scope[EM_SCOPE_NODE] = "*2";
	v = check(&lab, &c, "2024-01-11");
	assert_int_equal(v.status, EM_MET);
	assert_true(v.proven.num == v.proven.den);
	history_close(&lab.h);
}

/* --- what lies ahead ----------------------------------------------------------------------- */

static void ahead(void **state)
{
	struct em_commitment c = fifth("cumulative 2024-01-01/2024-01-11");
	struct em_projection p;
	struct lab lab;

	(void)state;
	lab_open(&lab, "2024-01-01");
	run(&lab, "2024-01-06", 0, 100);
	for (int i = 0; i < 27; i++) {
		char until[64];

		em_time_format(until, lab.h.wall + 5 * DAY, 0);
		run(&lab, until, i < 12 ? 40 : 10, i < 12 ? 60 : 90);
	}
	ready(&lab.h);
	assert_int_equal(em_project(&c, lab.h.l, instant("2024-01-06"), &p), 0);
	/* 2 of 10 days are owed, 5 are left: 40 % of them; to be begun by the ninth day */
	assert_true(p.open && p.rest == (em_ns)(5 * DAY));
	assert_true(p.needed.num == (em_ns)(2 * DAY) && p.needed.den == (em_ns)(5 * DAY));
	assert_true(p.last_safe == instant("2024-01-09"));
	c.catch_up_max = (struct em_share){ 1, 2 };
	assert_int_equal(em_project(&c, lab.h.l, instant("2024-01-06"), &p), 0);
	assert_true(p.last_safe == instant("2024-01-07"));
	c.catch_up_max = (struct em_share){ 1, 4 };
	assert_int_equal(em_project(&c, lab.h.l, instant("2024-01-06"), &p), 0);
	assert_true(p.last_safe == 0);
	/*
	 * rolling, in blocks of 5 days: 0 + 12·40 + 15·10 = 630 of 28·20 = 560; at 10 a block 640,
	 * 610, 580, 550
	 */
	c = fifth("rolling 140d");
	assert_int_equal(em_project(&c, lab.h.l, lab.h.wall, &p), 0);
	assert_true(p.rolling && p.horizon == 35 * DAY);
	assert_true(p.ages_n == (em_ns)(35 * DAY) && p.ages_a == (em_ns)(6 * 2 * DAY));
	assert_true(p.eta == 20 * DAY);
	assert_true(p.eta_early < 0 || p.eta_late < 0 || p.eta_early <= p.eta_late);
	c.kind = EM_GATE;
	assert_int_equal(em_project(&c, lab.h.l, lab.h.wall, &p), 0);
	assert_false(p.rolling || p.open);
	history_close(&lab.h);
}

/* The same promise every way: what is chosen kindly stands beside what was not. */
static void table(void **state)
{
	struct em_commitment c = fifth("rolling 28d");
	json_t *rows, *settle;
	struct em_verdict v;
	struct lab lab;

	(void)state;
	lab_open(&lab, "2024-01-01");
	run(&lab, "2024-01-10", 0, 100);
	run(&lab, "2024-03-30", 0, 100);
	run(&lab, "2024-04-01", 30, 0);
	run(&lab, "2024-04-08", 30, 0);
	ready(&lab.h);
	assert_int_equal(em_commitment_table(&c, lab.h.l, instant("2024-04-08"), &rows), 0);
	assert_int_equal(json_array_size(rows), 3 * 2 * 2 * 2);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *row = json_array_get(rows, i);
		int days = (int)json_integer_value(json_object_get(row, "days"));
		const char *status = json_string_value(json_object_get(row, "status"));

		/* the GPU has no model's name: weighted, nothing is known */
		if (strcmp(json_string_value(json_object_get(row, "weights")), "raw"))
			assert_string_not_equal(status, "MET");
		else
			assert_string_equal(status, days == 90 ? "BREACHED" : "MET");
	}
	json_decref(rows);
	v = check(&lab, &c, "2024-06-08");
	assert_int_equal(em_settle_json(&c, lab.h.l, &v, &settle), 0);
	assert_int_equal(json_array_size(json_object_get(settle, "gaps")), 1);
	json_decref(settle);
	history_close(&lab.h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(months),      cmocka_unit_test(drawn_out),
		cmocka_unit_test(running),     cmocka_unit_test(installed),
		cmocka_unit_test(after_event), cmocka_unit_test(dropped),
		cmocka_unit_test(scopes),      cmocka_unit_test(weights),
		cmocka_unit_test(ahead),       cmocka_unit_test(table),
	};

	return cmocka_run_group_tests_name("verdict windows", tests, NULL, NULL);
}
