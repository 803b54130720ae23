/* SPDX-License-Identifier: GPL-2.0 */
/* A log beside its ledger: looked at, copied, verified, for the tests of the log. */
#ifndef LOG_MAKE_H
#define LOG_MAKE_H

#include "ledger_make.h"
#include "base/cleanup.h"
#include "ledger/export.h"
#include "ledger/verify.h"

static struct em_key key;

static inline char *in_dir(const char *name)
{
	static char path[4][160];
	static int n;

	n = (n + 1) % 4;
	snprintf(path[n], sizeof(path[n]), "%s%s%s", dir, *name ? "/" : "", name);
	return path[n];
}

static inline void shell(const char *format, const char *a, const char *b)
{
	char command[512];

	snprintf(command, sizeof(command), format, a, b);
	assert_int_equal(system(command), 0);
}

static inline void read_key(void)
{
	const char *why;

	assert_int_equal(em_key_read(&key, in_dir("key.pub"), &why), 0);
}

/* Ledgers of @n intervals; the log's key is read. */
static inline void fill(int n, struct chain *c)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct made m;

	for (int i = 0; i < n; i++) {
		plain(c, &m, 4);
		append(l, &m);
	}
	em_ledger_close(l);
	read_key();
}

static inline unsigned int verify_as(const char *where, const struct em_verify_order *order,
				     struct em_verified *v)
{
	struct em_place *p = NULL;
	char err[512];
	unsigned int n;
	int r;

	assert_int_equal(em_place_open(&p, where, err, sizeof(err)), 0);
	r = em_verify(p, order, v, err, sizeof(err));
	n = r ? 1000 : v->n_problems;
	if (getenv("LOG_TEST_SHOW") && r)
		print_error("%s\n", err);
	for (unsigned int i = 0; getenv("LOG_TEST_SHOW") && i < v->n_problems && i < 20; i++)
		print_error("%lld %s: %s\n", (long long)v->problems[i].entry, v->problems[i].where,
			    v->problems[i].what);
	em_place_close(p);
	return n;
}

/* How many problems; 1000: it could not be done. */
static inline unsigned int problems(const char *where, const char *from)
{
	struct em_verify_order order = { .key = &key, .from = from };
	struct em_verified v;
	unsigned int n = verify_as(where, &order, &v);

	for (unsigned int i = 0; i < v.n_problems && i < EM_PROBLEMS_MAX; i++) {
		assert_true(*v.problems[i].what);
		assert_true(v.problems[i].entry >= 0 || *v.problems[i].where);
	}
	em_verified_clear(&v);
	return n;
}

static inline int export_to(const char *to, enum em_privacy privacy)
{
	struct em_place *p = NULL;
	char err[512];
	int r;

	assert_int_equal(em_place_open(&p, dir, err, sizeof(err)), 0);
	r = em_export(p, to, privacy, NULL, NULL, err, sizeof(err));
	if (r)
		print_error("%s\n", err);
	em_place_close(p);
	return r;
}

#endif
