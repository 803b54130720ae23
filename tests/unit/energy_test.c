// SPDX-License-Identifier: GPL-2.0
/* Energy and memory that was metered beside the accounts, divided among purposes. */
#include "history.h"
#include "report/energy.h"

#define BOOT "01000000000000000000000000000000"
#define W0 (1790000000 * S)

static uint64_t seed = 7;

static unsigned int below(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed % n);
}

static void note_of(struct history *h, const char *boot, const char *kind, int64_t since,
		    int64_t until, const char *rest)
{
	char a[EM_TIME_LEN], b[EM_TIME_LEN], json[512];

	snprintf(json, sizeof(json), "{\"boot_id\":\"%s\",\"since\":\"%s\",\"until\":\"%s\",%s}",
		 boot, em_time_format(a, since, 9), em_time_format(b, until, 9), rest);
	assert_int_equal(em_ledger_note_at(h->l, until, kind, json), 0);
}

static void note(struct history *h, const char *kind, int64_t since, int64_t until,
		 const char *rest)
{
	note_of(h, BOOT, kind, since, until, rest);
}

static void energy(struct history *h, int64_t since, int64_t until, int gpu, unsigned int mj)
{
	char rest[128];

	snprintf(rest, sizeof(rest), "\"gpu\":%d,\"mj\":%u,\"class\":\"counter\"", gpu, mj);
	note(h, "energy", since, until, rest);
}

static struct em_energy asked(struct history *h, int64_t since, int64_t until)
{
	struct em_energy e;
	int r = em_energy_make(&e, h->l, since, until);

	if (r)
		print_error("%s\n", em_ledger_error(h->l));
	assert_int_equal(r, 0);
	return e;
}

static void divided_by_busy(void **state)
{
	struct history h;
	struct em_energy e;
	__u32 a, c;

	(void)state;
	history_open(&h, W0);
	history_gpu(&h, 1);
	history_gpu(&h, 2);
	a = history_job(&h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "p", "/a");
	c = history_job(&h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "q", "/c");
	history_use(&h, 1, a, 5 * S, 10 * S, 1 * S);
	history_use(&h, 1, c, 5 * S, 10 * S, 2 * S);
	history_rest(&h, 1, 10 * S, 0, 3 * S, 0);
	history_rest(&h, 2, 10 * S, 0, 0, 0);
	history_seal(&h, 10 * S);
	energy(&h, W0, W0 + 10 * S, 1, 601); /* 100.17, 200.33, 300.5 */
	energy(&h, W0, W0 + 10 * S, 2, 70);
	note(&h, "energy", W0, W0 + 10 * S, "\"gpu\":\"pci/0000:02:00.0\",\"mj\":5");
	e = asked(&h, 0, INT64_MAX);
	assert_true(e.energy.notes == 3 && e.energy.n == 2);
	assert_true(e.energy.whole.sum == 676);
	assert_true(e.energy.whole.part[EARMARK_PURPOSE_ALIGNMENT] == 100);
	assert_true(e.energy.whole.part[EARMARK_PURPOSE_CAPABILITIES] == 200);
	assert_true(e.energy.whole.part[EARMARK_PURPOSE_COUNT] == 301);
	assert_true(e.energy.whole.idle == 75);
	assert_int_equal(e.energy.class, EARMARK_CLASS_ESTIMATE); /* one of them does not say */
	assert_string_equal(e.energy.list[0].name, "pci/0000:01:00.0");
	em_energy_clear(&e);
	/* what reaches over the window's edge is in none; before the first there is nothing */
	e = asked(&h, W0 + 1, INT64_MAX);
	assert_true(!e.energy.notes && !e.energy.whole.sum);
	em_energy_clear(&e);
	e = asked(&h, 0, W0 + 9 * S);
	assert_true(!e.energy.notes);
	em_energy_clear(&e);
	history_close(&h);
}

/* A note's minute and an entry's are not the same: what overlaps counts, the rest is unexplained.
 */
static void by_what_overlaps(void **state)
{
	struct history h;
	struct em_energy e;
	__u32 a, c;

	(void)state;
	history_open(&h, W0);
	history_gpu(&h, 1);
	a = history_job(&h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "p", "/a");
	c = history_job(&h, EARMARK_PURPOSE_SERVING, EARMARK_TAGGED_BY_SELF, "q", "/c");
	history_use(&h, 1, a, 10 * S, 10 * S, 8 * S);
	history_rest(&h, 1, 10 * S, 0, 0, 0);
	history_seal(&h, 10 * S);
	history_use(&h, 1, c, 10 * S, 10 * S, 4 * S);
	history_rest(&h, 1, 10 * S, 0, 0, 0);
	history_seal(&h, 10 * S);
	energy(&h, W0 + 5 * S, W0 + 15 * S, 1, 300); /* 4 s of one, 2 s of the other */
	energy(&h, W0 + 30 * S, W0 + 40 * S, 1, 11); /* no entry speaks of it */
	note(&h, "energy", W0, W0 + S, "\"gpu\":1,\"mj\":-1");
	note(&h, "energy", W0 + S, W0, "\"gpu\":1,\"mj\":1");
	e = asked(&h, 0, INT64_MAX);
	assert_true(e.energy.whole.part[EARMARK_PURPOSE_ALIGNMENT] == 200);
	assert_true(e.energy.whole.part[EARMARK_PURPOSE_SERVING] == 100);
	assert_true(e.energy.whole.idle == 11);
	assert_int_equal(e.energy.bad, 2);
	em_energy_clear(&e);
	history_close(&h);
}

static void memory_is_the_jobs_own(void **state)
{
	struct history h;
	struct em_energy e;
	json_t *o = json_object(), *memory;
	__u32 a;

	(void)state;
	history_open(&h, W0);
	history_gpu(&h, 1);
	a = history_job(&h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "p", "/a");
	history_use(&h, 1, a, 5 * S, 10 * S, 0);
	history_rest(&h, 1, 10 * S, 0, 0, 0);
	history_seal(&h, 10 * S);
	note(&h, "memory", W0, W0 + 10 * S,
	     "\"gpu\":1,\"job\":1,\"byte_s\":10485760,\"class\":\"sampled\"");
	note(&h, "memory", W0, W0 + 10 * S,
	     "\"gpu\":1,\"job\":99,\"byte_s\":1048576,\"class\":\"sampled\"");
	e = asked(&h, 0, INT64_MAX);
	em_energy_json(o, &e);
	assert_true(json_is_null(json_object_get(o, "energy")));
	memory = json_object_get(o, "memory");
	assert_string_equal(json_string_value(json_object_get(memory, "class")), "sampled");
	assert_int_equal(json_integer_value(json_object_get(memory, "mib_s")), 11);
	memory = json_object_get(memory, "purposes");
	assert_int_equal(json_integer_value(json_object_get(memory, "alignment")), 10);
	assert_int_equal(json_integer_value(json_object_get(memory, "untagged")), 1);
	assert_string_equal(e.memory.list[0].name, "/a");
	json_decref(o);
	em_energy_clear(&e);
	history_close(&h);
}

/* Of many nodes a GPU's name has its node's before it, and the boot says whose number it is. */
static void of_two_nodes(void **state)
{
	struct history h[2];
	struct em_ledger *l;
	struct em_energy e;
	const char *dirs[2];

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		__u32 a;

		history_open(&h[i], W0);
		h[i].boot = (__u8)(1 + i);
		history_gpu(&h[i], 1);
		a = history_job(&h[i], (__u8)(1 + i), EARMARK_TAGGED_BY_SELF, "p", "/a");
		history_use(&h[i], 1, a, 10 * S, 10 * S, 10 * S);
		history_rest(&h[i], 1, 10 * S, 0, 0, 0);
		history_seal(&h[i], 10 * S);
		dirs[i] = h[i].dir;
	}
	energy(&h[0], W0, W0 + 10 * S, 1, 30);
	note(&h[1], "energy", W0, W0 + 10 * S, "\"gpu\":\"pci/0000:01:00.0\",\"mj\":1");
	note_of(&h[1], "02000000000000000000000000000000", "energy", W0, W0 + 10 * S,
		"\"gpu\":\"pci/0000:01:00.0\",\"mj\":12");
	assert_int_equal(em_ledger_open_many(&l, dirs, 2), 0);
	assert_int_equal(em_energy_make(&e, l, 0, INT64_MAX), 0);
	assert_true(e.energy.whole.part[1] == 31 && e.energy.whole.part[2] == 12);
	assert_int_equal(e.energy.n, 2);
	em_energy_clear(&e);
	em_ledger_close(l);
	history_close(&h[0]);
	history_close(&h[1]);
}

/* Whatever was busy and however the minutes lie, the parts are the counter. */
static void parts_are_the_counter(void **state)
{
	em_ns want = 0, got = 0;
	int64_t at = W0;
	struct history h;
	struct em_energy e;
	__u32 job[3];

	(void)state;
	history_open(&h, W0);
	history_gpu(&h, 1);
	for (unsigned int i = 0; i < 3; i++)
		job[i] = history_job(&h, (__u8)(1 + i), EARMARK_TAGGED_BY_SELF, "p", "/x");
	assert_int_equal(em_ledger_batch(h.l), 0);
	for (unsigned int i = 0; i < 600; i++) {
		for (unsigned int k = 0; k < 3; k++)
			history_use(&h, 1, job[k], 2 * S, 5 * S, below(3) ? below(1000000) : 0);
		history_rest(&h, 1, 10 * S, 0, below(2) ? below(1000) : 0, 0);
		history_seal(&h, 10 * S);
	}
	while (at < W0 + 2 * 24 * 3600 * S) {
		int64_t next = at + 1 + below(60) * S * 30;
		unsigned int mj = below(100000);

		energy(&h, at, next, 1, mj);
		want += mj;
		at = next;
	}
	assert_int_equal(em_ledger_batch_end(h.l), 0);
	e = asked(&h, 0, INT64_MAX);
	for (unsigned int p = 0; p < EM_ENERGY_PARTS; p++)
		got += e.energy.whole.part[p];
	assert_true(e.energy.whole.sum == want && got + e.energy.whole.idle == want);
	assert_true(e.energy.whole.part[1] && e.energy.whole.part[2] && e.energy.whole.part[3]);
	em_energy_clear(&e);
	history_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(divided_by_busy),        cmocka_unit_test(by_what_overlaps),
		cmocka_unit_test(memory_is_the_jobs_own), cmocka_unit_test(of_two_nodes),
		cmocka_unit_test(parts_are_the_counter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
