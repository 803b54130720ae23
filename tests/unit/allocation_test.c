// SPDX-License-Identifier: GPL-2.0
/* What was given to whom, against an oracle that looks at every single instant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/time.h"
#include "../../user/daemon/allocation.c"

#define BOOT "0123456789abcdef0123456789abcdef"

static uint64_t seed = 42;

static unsigned int below(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed % n);
}

/* An interval of two GPUs with room for events. */
struct made {
	struct em_interval i;
	struct earmark_segment segments[2];
	struct earmark_event events[16];
};

static void make(struct made *m, uint64_t start, uint64_t end)
{
	memset(m, 0, sizeof(*m));
	m->i.header.start = start;
	m->i.header.end = end;
	m->i.segments = m->segments;
	m->i.events = m->events;
	for (__u32 gpu = 1; gpu <= 2; gpu++)
		m->segments[m->i.header.nr_segments++] =
			(struct earmark_segment){ .kind = EARMARK_SEGMENT_GPU, .gpu = gpu };
}

static void tagged(struct made *m, uint64_t job, uint64_t when, __u32 tag, __u8 purpose, __u8 by)
{
	m->events[m->i.header.nr_events++] = (struct earmark_event){
		.type = EARMARK_EVENT_TAG,
		.job = job,
		.when = when,
		.tag = tag,
		.purpose = purpose,
		.tagged_by = by,
	};
}

static void ended(struct made *m, uint64_t job, uint64_t when)
{
	m->events[m->i.header.nr_events++] =
		(struct earmark_event){ .type = EARMARK_EVENT_JOB_END, .job = job, .when = when };
}

static void two_gpus(struct em_allocations *a)
{
	struct earmark_gpu_info gpu = { .gpu = 1, .nr_devnums = 1, .devnums = { 195 << 20 } };

	strcpy(gpu.name, "pci/0000:41:00.0");
	assert_int_equal(em_allocation_add_gpu(a, &gpu), 0);
	gpu.gpu = 2;
	gpu.devnums[0] = 195 << 20 | 1;
	strcpy(gpu.name, "pci/0000:42:00.0");
	assert_int_equal(em_allocation_add_gpu(a, &gpu), 0);
}

static const char *const a_gpu = "pci/0000:41:00.0", *const b_gpu = "pci/0000:42:00.0";

/* Of all rows of @job on @gpu, under @tag. */
static uint64_t of(struct em_allocations *a, const struct made *m, uint64_t job, __u32 gpu,
		   __u32 tag)
{
	struct em_allocated *rows = NULL;
	int n = em_allocation_of(a, &m->i, &rows);
	uint64_t sum = 0;

	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		if (rows[i].job == job && rows[i].gpu == gpu && rows[i].tag == tag)
			sum += rows[i].ns;
	}
	free(rows);
	return sum;
}

static void give_and_take(void **state)
{
	struct em_given job = { .job = 7, .chain = { 7, 5 }, .n_chain = 2, .path = "/five/seven" };
	struct em_given other = { .job = 8, .chain = { 8, 5 }, .n_chain = 2, .path = "/five/8" };
	struct em_allocations a = { 0 };
	struct made m;

	(void)state;
	two_gpus(&a);
	assert_string_equal(em_allocation_gpu(&a, "195:1"), b_gpu);
	assert_string_equal(em_allocation_gpu(&a, a_gpu), a_gpu);
	assert_null(em_allocation_gpu(&a, "195:2"));
	assert_null(em_allocation_gpu(&a, "195:1x"));
	assert_int_equal(em_allocation_give(&a, &job, &a_gpu, 1, 150), 1);
	assert_int_equal(em_allocation_give(&a, &job, &a_gpu, 1, 120), 0);   /* it has it */
	assert_int_equal(em_allocation_give(&a, &other, &a_gpu, 1, 190), 1); /* shared */
	make(&m, 0, 100);
	assert_int_equal(of(&a, &m, 7, 1, 0), 0);
	make(&m, 100, 200);
	assert_int_equal(of(&a, &m, 7, 1, 0), 50);
	assert_int_equal(of(&a, &m, 8, 1, 0), 10);
	assert_int_equal(of(&a, &m, 7, 1, 0), 50); /* taken again, it says the same */
	assert_int_equal(em_allocation_take(&a, 7, NULL, 230), 1);
	assert_int_equal(em_allocation_take(&a, 7, NULL, 240), 0);
	make(&m, 200, 300);
	assert_int_equal(of(&a, &m, 7, 1, 0), 30);
	/* what was given back is not had twice */
	assert_int_equal(em_allocation_give(&a, &job, &a_gpu, 1, 210), 1);
	assert_int_equal(of(&a, &m, 7, 1, 0), 100);
	/* of a GPU that the interval does not speak of nothing is known */
	m.i.header.nr_segments = 0;
	assert_int_equal(of(&a, &m, 7, 1, 0), 0);
	em_allocation_clear(&a);
}

static void tags_split_it(void **state)
{
	struct em_given job = { .job = 7, .chain = { 7, 5 }, .n_chain = 2 };
	struct em_allocations a = { 0 };
	struct made m;

	(void)state;
	two_gpus(&a);
	em_allocation_give(&a, &job, &a_gpu, 1, 0);
	em_allocation_tag(&a, &(struct em_own_tag){ .job = 5,
						    .tag = 1,
						    .purpose = 1,
						    .tagged_by = EARMARK_TAGGED_BY_RULE });
	make(&m, 0, 100);
	tagged(&m, 7, 20, 2, EARMARK_PURPOSE_SERVING, EARMARK_TAGGED_BY_SELF); /* shadowed */
	tagged(&m, 7, 30, 3, EARMARK_PURPOSE_SERVING, EARMARK_TAGGED_BY_RULE); /* nearer */
	tagged(&m, 5, 70, 4, EARMARK_PURPOSE_MIXED, EARMARK_TAGGED_BY_SCHEDULER);
	assert_int_equal(of(&a, &m, 7, 1, 1), 30);
	assert_int_equal(of(&a, &m, 7, 1, 2), 0);
	assert_int_equal(of(&a, &m, 7, 1, 3), 40);
	assert_int_equal(of(&a, &m, 7, 1, 4), 30);
	make(&m, 100, 200);
	tagged(&m, 5, 110, 5, EARMARK_PURPOSE_UNTAGGED, EARMARK_TAGGED_BY_SCHEDULER); /* removed */
	tagged(&m, 7, 120, 6, EARMARK_PURPOSE_UNTAGGED, EARMARK_TAGGED_BY_OPERATOR);
	assert_int_equal(of(&a, &m, 7, 1, 4), 10);
	assert_int_equal(of(&a, &m, 7, 1, 3), 10);
	assert_int_equal(of(&a, &m, 7, 1, 0), 80);
	em_allocation_clear(&a);
}

static void the_end_of_a_job_gives_back(void **state)
{
	struct em_given job = { .job = 7, .chain = { 7 }, .n_chain = 1 };
	struct em_allocations a = { 0 };
	struct made m;

	(void)state;
	two_gpus(&a);
	em_allocation_give(&a, &job, (const char *const[]){ a_gpu, b_gpu }, 2, 0);
	em_allocation_take(&a, 7, b_gpu, 10);
	make(&m, 0, 100);
	for (uint64_t job = 100; job < 110; job++) /* of whom nobody asks */
		tagged(&m, job, 50, (__u32)job, EARMARK_PURPOSE_MIXED, EARMARK_TAGGED_BY_SELF);
	ended(&m, 7, 60);
	assert_int_equal(of(&a, &m, 7, 1, 0), 60);
	assert_int_equal(of(&a, &m, 7, 2, 0), 10);
	assert_int_equal(a.n_tags, 0);
	assert_true(a.list[0].untold && !a.list[1].untold);
	make(&m, 100, 200);
	assert_int_equal(of(&a, &m, 7, 1, 0), 0);
	/* long after nothing of it is kept */
	make(&m, 4000 * (uint64_t)EM_NS_PER_S, 4001 * (uint64_t)EM_NS_PER_S);
	of(&a, &m, 7, 1, 0);
	assert_int_equal(a.n, 0);
	assert_int_equal(a.n_tags, 0);
	em_allocation_clear(&a);
}

static void notes_bring_it_back(void **state)
{
	struct em_given job = { .job = 7, .chain = { 7, 5 }, .n_chain = 2, .path = "/five/seven" };
	struct em_allocations a = { 0 }, b = { 0 };
	const char *both[] = { a_gpu, b_gpu };
	json_t *note;

	(void)state;
	strcpy(job.ref, "cluster.1");
	note = em_allocation_note(BOOT, &job, "give", both, 2, 1000);
	assert_int_equal(em_allocation_read(&b, "another boot's", note), 0);
	assert_int_equal(b.n, 0);
	assert_int_equal(em_allocation_read(&b, BOOT, note), 0);
	json_decref(note);
	note = em_allocation_note(BOOT, &job, "take", &b_gpu, 1, 2000);
	assert_int_equal(em_allocation_read(&b, BOOT, note), 0);
	json_decref(note);
	em_allocation_give(&a, &job, both, 2, 1000);
	em_allocation_take(&a, 7, b_gpu, 2000);
	assert_int_equal(a.n, b.n);
	for (unsigned int i = 0; i < a.n; i++) {
		assert_true(a.list[i].from == b.list[i].from && a.list[i].to == b.list[i].to);
		assert_int_equal(b.list[i].n_chain, 2);
		assert_true(b.list[i].chain[1] == 5);
		assert_string_equal(b.list[i].path, "/five/seven");
		assert_string_equal(b.list[i].ref, "cluster.1");
		assert_string_equal(a.list[i].gpu, b.list[i].gpu);
	}
	em_allocation_clear(&a);
	em_allocation_clear(&b);
}

/* --- the oracle ---------------------------------------------------------------------------- */

#define JOBS 3
#define LENGTH 64 /* instants of an interval */

/* struct oracle - has[job][gpu]; of cgroups 1..JOBS and 9, which is above all of them */
struct oracle {
	bool has[JOBS + 1][3];
	__u32 tag[10], by[10];
	uint64_t ns[JOBS + 1][3][64];
};

static __u32 in_force(const struct oracle *o, unsigned int job)
{
	if (o->tag[job] && o->by[job] >= o->by[9])
		return o->tag[job];
	return o->tag[9] ?: o->tag[job];
}

/* As the recorder's list of jobs says when something is given. */
static void stands(const struct oracle *o, struct em_allocations *a, unsigned int job, uint64_t t)
{
	struct em_own_tag tag = { .job = job,
				  .when = t,
				  .tag = o->tag[job],
				  .tagged_by = o->by[job],
				  .purpose = EARMARK_PURPOSE_MIXED };

	if (tag.tag)
		assert_int_equal(em_allocation_stands(a, &tag), 0);
}

/* What happens at @t; each instant has one change at most. */
static void happen(struct oracle *o, struct em_allocations *a, struct made *m, uint64_t t,
		   __u32 *last_tag)
{
	unsigned int job = 1 + below(JOBS), gpu = 1 + below(2);
	const char *name = gpu == 1 ? a_gpu : b_gpu;
	struct em_given given = { .job = job, .chain = { job, 9 }, .n_chain = 2 };
	unsigned int of = below(2) ? job : 9, by = 1 + below(4);

	switch (below(8)) {
	case 0:
	case 1:
		em_allocation_give(a, &given, &name, 1, t);
		stands(o, a, job, t);
		stands(o, a, 9, t);
		o->has[job][gpu] = true;
		break;
	case 2:
		em_allocation_take(a, job, name, t);
		o->has[job][gpu] = false;
		break;
	case 3:
		if (m->i.header.nr_events == 16 || *last_tag == 63)
			break;
		o->tag[of] = below(4) ? ++*last_tag : 0;
		o->by[of] = o->tag[of] ? by : 0;
		tagged(m, of, t, o->tag[of], o->tag[of] ? EARMARK_PURPOSE_MIXED : 0, (__u8)by);
		break;
	default:
		break;
	}
}

static void every_instant(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 300; round++) {
		struct em_allocations a = { 0 };
		struct oracle o = { 0 };
		__u32 last_tag = 0;
		struct made m;

		two_gpus(&a);
		for (uint64_t start = LENGTH; start < 6 * LENGTH; start += LENGTH) {
			memset(o.ns, 0, sizeof(o.ns));
			make(&m, start, start + LENGTH);
			for (uint64_t t = start; t < start + LENGTH; t++) {
				happen(&o, &a, &m, t, &last_tag);
				for (unsigned int j = 1; j <= JOBS; j++) {
					for (unsigned int g = 1; g <= 2; g++)
						o.ns[j][g][in_force(&o, j)] += o.has[j][g];
				}
			}
			for (unsigned int j = 1; j <= JOBS; j++) {
				for (unsigned int g = 1; g <= 2; g++) {
					for (__u32 tag = 0; tag <= last_tag; tag++)
						assert_int_equal(of(&a, &m, j, g, tag),
								 o.ns[j][g][tag]);
				}
			}
		}
		em_allocation_clear(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(give_and_take),
		cmocka_unit_test(tags_split_it),
		cmocka_unit_test(the_end_of_a_job_gives_back),
		cmocka_unit_test(notes_bring_it_back),
		cmocka_unit_test(every_instant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
