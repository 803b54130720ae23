// SPDX-License-Identifier: GPL-2.0
/* Answers that are still true; see memo.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "ledger/memo.h"
#include "ledger/store.h"

#define ROWS_MAX 65536
#define DEAR_ROWS 256

void em_memo_forget(struct em_memo_rows *rows)
{
	for (unsigned int i = 0; i < rows->n; i++)
		free(rows->list[i]);
	free(rows->list);
	memset(rows, 0, sizeof(*rows));
}

void em_memo_clear(struct em_memo *m)
{
	for (unsigned int k = 0; k < EM_MEMO_KINDS; k++)
		em_memo_forget(&m->rows[k]);
	memset(m, 0, sizeof(*m));
}

/* What others have committed moves this on; our own changes are counted apart. */
static int version_of(struct em_ledger *l, int64_t *version)
{
	sqlite3_stmt *s = em_store_bind(l, "PRAGMA data_version", "");
	int r = em_store_step(l, s);

	if (r <= 0)
		return -EIO;
	*version = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return 0;
}

static bool still_true(const struct em_ledger *l, const struct em_memo *m)
{
	if (!m->core)
		return m->moved == l->moved;
	return !m->touched && m->named == l->named && (!m->unnamed || m->told == l->told);
}

void em_memo_touch(struct em_ledger *l, int64_t wall)
{
	for (unsigned int i = 0; i < EM_MEMOS; i++)
		l->memos[i].touched |= wall >= l->memos[i].since && wall <= l->memos[i].until;
}

/* What is of use for longer: answers that took long, as long as they are true. */
static bool dear(const struct em_ledger *l, const struct em_memo *m, int64_t version)
{
	unsigned int n = 0;

	for (unsigned int k = 0; k < EM_MEMO_KINDS; k++)
		n += m->rows[k].n;
	return n >= DEAR_ROWS && m->version == version && still_true(l, m);
}

/* Is @a to be given up before @b? A series of a thousand days must not push out the year. */
static bool cheaper(const struct em_ledger *l, const struct em_memo *a, const struct em_memo *b,
		    int64_t version)
{
	bool a_dear = dear(l, a, version), b_dear = dear(l, b, version);

	return a_dear != b_dear ? b_dear : a->used < b->used;
}

/* The same window's, or the one that is missed least. */
static struct em_memo *slot_of(struct em_ledger *l, int64_t since, int64_t until, bool core,
			       int64_t version)
{
	struct em_memo *least = NULL;

	for (unsigned int i = 0; i < EM_MEMOS; i++) {
		struct em_memo *m = &l->memos[i];

		if (m->used && m->since == since && m->until == until && m->core == core)
			return m;
		if (!m->busy && (!least || cheaper(l, m, least, version)))
			least = m;
	}
	return least;
}

/* The window's, perhaps without rows; NULL: it cannot be remembered. */
static struct em_memo *take(struct em_ledger *l, int64_t since, int64_t until, bool core)
{
	struct em_memo *m;
	int64_t version;

	/* how much is missing from what is not over depends on when one asks */
	if (until > em_time_now() || (!l->held && !sqlite3_get_autocommit(l->db)) ||
	    version_of(l, &version))
		return NULL;
	m = slot_of(l, since, until, core, version);
	if (!m)
		return NULL;
	if (m->since != since || m->until != until || m->core != core || m->version != version ||
	    !still_true(l, m)) {
		if (m->busy)
			return NULL;
		em_memo_clear(m);
		*m = (struct em_memo){ .since = since,
				       .until = until,
				       .version = version,
				       .moved = l->moved,
				       .named = l->named,
				       .told = l->told,
				       .core = core };
	}
	m->busy++;
	m->used = ++l->memo_clock;
	return m;
}

static const char **text_at(void *row, size_t at)
{
	return (const char **)((char *)row + at);
}

static void *packed(const void *row, size_t size, const size_t *texts, unsigned int n)
{
	size_t all = size;
	char *copy, *to;

	for (unsigned int i = 0; i < n; i++) {
		const char *text = *text_at((void *)row, texts[i]);

		all += text ? strlen(text) + 1 : 0;
	}
	copy = malloc(all);
	if (!copy)
		return NULL;
	memcpy(copy, row, size);
	to = copy + size;
	for (unsigned int i = 0; i < n; i++) {
		const char **text = text_at(copy, texts[i]);

		if (!*text)
			continue;
		*text = strcpy(to, *text);
		to += strlen(to) + 1;
	}
	return copy;
}

int em_memo_keep(struct em_memo_rows *rows, const struct em_memo_ask *ask, const void *row)
{
	unsigned int room = rows->room ? 2 * rows->room : 64;
	void **more;

	if (rows->n == ROWS_MAX)
		return -ENOBUFS;
	if (rows->n == rows->room) {
		more = reallocarray(rows->list, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		rows->list = more;
		rows->room = room;
	}
	rows->list[rows->n] = packed(row, ask->size, ask->texts, ask->n_texts);
	if (!rows->list[rows->n])
		return -ENOMEM;
	rows->n++;
	return 0;
}

/* struct tee - rows on their way, to who asked and to be remembered; @lost: not all could be */
struct tee {
	const struct em_memo_ask *ask;
	struct em_memo_rows *rows;
	em_memo_fn each;
	void *arg;
	bool lost;
};

static int pass(const void *row, void *arg)
{
	struct tee *t = arg;

	t->lost = t->lost || em_memo_keep(t->rows, t->ask, row);
	return t->each(row, t->arg);
}

static int replay(const struct em_memo_rows *rows, em_memo_fn each, void *arg)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < rows->n; i++)
		r = each(rows->list[i], arg);
	return r;
}

int em_memo_ask(struct em_ledger *l, const struct em_memo_ask *ask, int64_t since, int64_t until,
		em_memo_fn each, void *arg)
{
	struct em_memo *m = take(l, since, until, ask->kind == EM_MEMO_CORE);
	struct em_memo_rows *rows = m ? &m->rows[ask->kind] : NULL;
	struct tee tee = { ask, rows, each, arg, false };
	int r;

	if (rows && rows->whole) {
		r = replay(rows, each, arg);
	} else if (rows && m->busy == 1) {
		em_memo_forget(rows);
		r = ask->read(l, since, until, pass, &tee);
		rows->whole = !r && !tee.lost;
		m->unnamed = l->unnamed;
		if (!rows->whole)
			em_memo_forget(rows);
	} else {
		r = ask->read(l, since, until, each, arg);
	}
	if (m)
		m->busy--;
	return r;
}
